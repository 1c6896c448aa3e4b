#include "keyring/envelope/wrapped_key.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "keyring/crypto/encoding.h"

namespace twofold::keyring {
namespace {

using nlohmann::json;

constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kMemberCount = 12;
constexpr std::size_t kIdentityMax = 64;
constexpr UnixSeconds kTimeMax = 253402300799;  // the end of the year 9999

bool valid_wrapped_size(std::size_t size) { return size == 256 || size == 384 || size == 512; }

bool valid_identity(std::string_view text) {
    return !text.empty() && text.size() <= kIdentityMax && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-';
    });
}

// Takes members by name and remembers the first that was not as it must be.
class Members {
public:
    explicit Members(const json& object) : object_(object) {}

    std::uint64_t number(const char* name, std::uint64_t least, std::uint64_t most) {
        const auto value = json_unsigned(object_, name);
        if (!value || *value < least || *value > most) return bad(name, std::uint64_t{0});
        return *value;
    }
    std::string text(const char* name) {
        auto value = json_text(object_, name);
        return value ? std::move(*value) : bad(name, std::string());
    }
    std::vector<std::byte> base64url(const char* name) {
        auto value = crypto::from_base64url(text(name));
        return value ? std::move(*value) : bad(name, std::vector<std::byte>());
    }
    template <class T>
    T bad(const char* name, T instead) {
        if (bad_ == nullptr) bad_ = name;
        return instead;
    }
    const char* bad() const { return bad_; }

private:
    const json& object_;
    const char* bad_ = nullptr;
};

Failure damaged(const char* member) {
    return fail(Errc::damaged, "wrapped-key record: bad member \"{}\"", member);
}

Result<void> check_format(const json& object) {
    if (!object.is_object()) return fail(Errc::damaged, "wrapped-key record: not an object");
    const auto format = json_unsigned(object, "format");
    if (!format) return damaged("format");
    if (*format != kFormat)
        return fail(Errc::unsupported, "wrapped-key record: format {}, this program reads {}",
                    *format, kFormat);
    const auto algorithm = json_text(object, "alg");
    if (!algorithm) return damaged("alg");
    if (*algorithm != kWrapAlgorithm)
        return fail(Errc::unsupported, "wrapped-key record: algorithm is not {}", kWrapAlgorithm);
    if (object.size() != kMemberCount)
        return fail(Errc::damaged, "wrapped-key record: {} members, {} expected", object.size(),
                    kMemberCount);
    return {};
}

// The text before the padding.
Result<std::string_view> unpadded(Bytes record) {
    if (record.size() > crypto::Envelope::kRecordSizeMax)
        return fail(Errc::damaged, "wrapped-key record: longer than {} bytes",
                    crypto::Envelope::kRecordSizeMax);
    const std::string_view text = as_text(record);
    const auto end = text.find('\0');
    if (end == std::string_view::npos) return text;
    if (!all_zero(record.subspan(end)))
        return fail(Errc::damaged, "wrapped-key record: bytes after its end");
    return text.substr(0, end);
}

}  // namespace

std::string WrappedKey::to_json() const {
    const nlohmann::ordered_json object = {
        {"format", kFormat},
        {"generation", generation},
        {"layer", static_cast<unsigned>(layer)},
        {"dekId", dek.id.hex()},
        {"dekGeneration", dek.generation},
        {"kid", kid.uri()},
        {"alg", std::string(kWrapAlgorithm)},
        {"wrapped", crypto::to_base64url(wrapped)},
        {"keyCheck", crypto::to_base64url(key_check)},
        {"createdAt", std::clamp<UnixSeconds>(created, 0, kTimeMax)},
        {"reference", reference.uri()},
        {"identity", identity},
    };
    TF_CHECK(object.size() == kMemberCount && kid.full() && valid_wrapped_size(wrapped.size()));
    std::string text = object.dump(-1, ' ', false, json::error_handler_t::replace);
    TF_CHECK(text.size() <= crypto::Envelope::kRecordSizeMax);
    return text;
}

Result<WrappedKey> WrappedKey::parse(Bytes record) {
    TF_ASSIGN(const std::string_view text, unpadded(record));
    TF_ASSIGN(const json object, parse_json(text, "wrapped-key record", 1));
    TF_TRY(check_format(object));

    Members members(object);
    const auto generation = members.number("generation", 1, std::uint64_t{1} << 62);
    const auto layer = members.number("layer", 1, 2);
    const auto dek_id = Uuid::parse(members.text("dekId"));
    const auto dek_generation = members.number("dekGeneration", 1, 0xffffffff);
    auto kid = KeyId::parse(members.text("kid"));
    auto wrapped = members.base64url("wrapped");
    const auto key_check = members.base64url("keyCheck");
    const auto created = members.number("createdAt", 0, kTimeMax);
    auto reference = KeyId::parse(members.text("reference"));
    auto identity = members.text("identity");
    if (members.bad() != nullptr) return damaged(members.bad());

    if (!dek_id || dek_id->is_zero()) return damaged("dekId");
    if (!kid || !kid->full()) return damaged("kid");
    if (!valid_wrapped_size(wrapped.size())) return damaged("wrapped");
    if (key_check.size() != kKeyCheckSize) return damaged("keyCheck");
    if (!reference || !(reference->full() || reference->versionless())) return damaged("reference");
    if (!valid_identity(identity)) return damaged("identity");

    WrappedKey key{generation,
                   static_cast<crypto::Layer>(layer),
                   {*dek_id, static_cast<std::uint32_t>(dek_generation)},
                   std::move(*kid),
                   std::move(wrapped),
                   {},
                   static_cast<UnixSeconds>(created),
                   std::move(*reference),
                   std::move(identity)};
    std::ranges::copy(key_check, key.key_check.begin());
    return key;
}

}  // namespace twofold::keyring

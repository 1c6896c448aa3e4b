#include "keyring/cloud/key_version.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "keyring/cloud/permissions.h"
#include "keyring/crypto/encoding.h"

namespace twofold::cloud {
namespace {

using nlohmann::json;

constexpr std::size_t kModulusMax = 512;
constexpr std::size_t kSealedMax = 8192;

std::optional<std::vector<std::byte>> base64url(const json& object, const char* name,
                                                std::size_t least, std::size_t most) {
    const auto text = json_text(object, name);
    if (!text || text->size() > most * 2) return {};
    auto bytes = crypto::from_base64url(*text);
    if (!bytes || bytes->size() < least || bytes->size() > most) return {};
    return std::move(*bytes);
}

bool parse_ops(const json& object, std::vector<std::string>& out) {
    const json* ops = json_member(object, "key_ops");
    if (ops == nullptr || !ops->is_array() || ops->size() > 16) return false;
    for (const json& op : *ops) {
        if (!op.is_string()) return false;
        out.push_back(*op.get_ptr<const json::string_t*>());
    }
    return true;
}

}  // namespace

Result<KeyVersion> KeyVersion::parse(std::string_view text, std::string_view where) {
    TF_ASSIGN(const json object, parse_json(text, where, 8));
    KeyVersion out;
    const auto type = json_text(object, "kty");
    auto modulus = base64url(object, "n", 256, kModulusMax);
    auto exponent = base64url(object, "e", 1, 8);
    if (!type || !modulus || !exponent || !parse_ops(object, out.key_ops) ||
        !out.parse_common(object, kSealedMax))
        return fail(Errc::damaged, "{}: not a key version", where);
    out.kty = *type;
    out.n = std::move(*modulus);
    out.e = std::move(*exponent);
    out.document = text;
    return out;
}

std::string KeyVersion::to_text() const {
    json object = common_json();
    object["kty"] = kty;
    object["n"] = crypto::to_base64url(n);
    object["e"] = crypto::to_base64url(e);
    object["key_ops"] = key_ops;
    return to_pretty_text(object) + "\n";
}

std::string KeyVersion::associated_data(const std::string& vault) const {
    std::string out = "twofold vault key, format 1";
    for (const std::string& part : {lowered(vault), lowered(name), version})
        out.append(1, '\0').append(part);
    return out.append(1, '\0').append(as_text(n));
}

const std::vector<std::string>& all_key_ops() {
    static const std::vector<std::string> ops = {"encrypt", "decrypt", "sign",
                                                 "verify",  "wrapKey", "unwrapKey"};
    return ops;
}

Result<std::vector<std::string>> canonical_key_ops(const std::vector<std::string>& names) {
    for (const std::string& name : names)
        if (std::ranges::none_of(all_key_ops(),
                                 [&](const auto& known) { return same_text(known, name); }))
            return fail(Errc::usage, "key operation \"{}\": there is none of that name",
                        name.substr(0, 64));
    std::vector<std::string> out;
    for (const std::string& known : all_key_ops())
        if (std::ranges::any_of(names, [&](const auto& name) { return same_text(known, name); }))
            out.push_back(known);
    return out;
}

}  // namespace twofold::cloud

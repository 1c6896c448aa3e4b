#include "keyring/cloud/key_version.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "base/json.h"
#include "keyring/cloud/permissions.h"
#include "keyring/crypto/encoding.h"

namespace twofold::cloud {
namespace {

using nlohmann::json;

constexpr std::size_t kModulusMax = 512;
constexpr std::size_t kSealedMax = 8192;
constexpr std::size_t kTagsMax = 15;

std::optional<std::vector<std::byte>> base64url(const json& object, const char* name,
                                                std::size_t least, std::size_t most) {
    const auto text = json_text(object, name);
    if (!text || text->size() > most * 2) return {};
    auto bytes = crypto::from_base64url(*text);
    if (!bytes || bytes->size() < least || bytes->size() > most) return {};
    return std::move(*bytes);
}

bool parse_sealed(const json& object, Sealed& out) {
    const json* sealed = json_member(object, "sealed");
    if (sealed == nullptr) return false;
    const auto nonce = base64url(*sealed, "nonce", out.nonce.size(), out.nonce.size());
    const auto tag = base64url(*sealed, "tag", out.tag.size(), out.tag.size());
    auto ciphertext = base64url(*sealed, "value", 1, kSealedMax);
    if (!nonce || !tag || !ciphertext) return false;
    std::ranges::copy(*nonce, out.nonce.begin());
    std::ranges::copy(*tag, out.tag.begin());
    out.ciphertext = std::move(*ciphertext);
    return true;
}

// Absent means no limit; present and not a whole number, 0 or later, is damage.
bool parse_date(const json& attributes, const char* name, std::optional<UnixSeconds>& out) {
    if (json_member(attributes, name) == nullptr) return true;
    out = json_integer(attributes, name);
    return out && *out >= 0;
}

bool parse_attributes(const json& object, KeyVersion& out) {
    const json* attributes = json_member(object, "attributes");
    if (attributes == nullptr) return false;
    const auto enabled = json_bool(*attributes, "enabled");
    const auto created = json_integer(*attributes, "created");
    const auto updated = json_integer(*attributes, "updated");
    if (!enabled || !created || !updated) return false;
    out.enabled = *enabled;
    out.created = *created;
    out.updated = *updated;
    return parse_date(*attributes, "nbf", out.nbf) && parse_date(*attributes, "exp", out.exp);
}

bool parse_ops_and_tags(const json& object, KeyVersion& out) {
    const json* ops = json_member(object, "key_ops");
    if (ops == nullptr || !ops->is_array() || ops->size() > 16) return false;
    for (const json& op : *ops) {
        if (!op.is_string()) return false;
        out.key_ops.push_back(*op.get_ptr<const json::string_t*>());
    }
    const json* tags = json_member(object, "tags");
    if (tags == nullptr) return true;
    if (!tags->is_object() || tags->size() > kTagsMax) return false;
    for (const auto& [name, value] : tags->items()) {
        if (!value.is_string()) return false;
        out.tags[name] = *value.get_ptr<const json::string_t*>();
    }
    return true;
}

json attributes_of(const KeyVersion& key) {
    json out = {{"enabled", key.enabled}, {"created", key.created}, {"updated", key.updated}};
    if (key.nbf) out["nbf"] = *key.nbf;
    if (key.exp) out["exp"] = *key.exp;
    return out;
}

}  // namespace

Result<KeyVersion> KeyVersion::parse(std::string_view text, std::string_view where) {
    TF_ASSIGN(const json object, parse_json(text, where, 8));
    const auto bad = [&] { return fail(Errc::damaged, "{}: not a key version", where); };
    const auto name = json_text(object, "name");
    const auto version = json_text(object, "version");
    const auto sequence = json_unsigned(object, "sequence");
    const auto kty = json_text(object, "kty");
    auto n = base64url(object, "n", 256, kModulusMax);
    auto e = base64url(object, "e", 1, 8);
    if (!name || name->empty() || name->size() > 127 || !version || !Uuid::parse(*version) ||
        !sequence || *sequence == 0 || *sequence > std::numeric_limits<std::uint32_t>::max() ||
        !kty || !n || !e)
        return bad();
    KeyVersion out;
    out.name = *name;
    out.version = *version;
    out.sequence = static_cast<std::uint32_t>(*sequence);
    out.kty = *kty;
    out.n = std::move(*n);
    out.e = std::move(*e);
    out.document = text;
    if (!parse_attributes(object, out) || !parse_ops_and_tags(object, out) ||
        !parse_sealed(object, out.sealed))
        return bad();
    return out;
}

std::string KeyVersion::to_text() const {
    json object = document.empty() ? json::object() : json::parse(document, nullptr, false);
    if (!object.is_object()) object = json::object();
    object["name"] = name;
    object["version"] = version;
    object["sequence"] = sequence;
    object["kty"] = kty;
    object["n"] = crypto::to_base64url(n);
    object["e"] = crypto::to_base64url(e);
    object["key_ops"] = key_ops;
    json& attributes = object["attributes"];
    if (!attributes.is_object()) attributes = json::object();
    attributes.erase("nbf");
    attributes.erase("exp");
    attributes.update(attributes_of(*this));
    object["tags"] = tags;
    json& seal = object["sealed"];
    if (!seal.is_object()) seal = json::object();
    seal["nonce"] = crypto::to_base64url(sealed.nonce);
    seal["tag"] = crypto::to_base64url(sealed.tag);
    seal["value"] = crypto::to_base64url(sealed.ciphertext);
    return to_pretty_text(object) + "\n";
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

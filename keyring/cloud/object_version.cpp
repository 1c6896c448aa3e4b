#include "keyring/cloud/object_version.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "base/json.h"
#include "keyring/crypto/encoding.h"

namespace twofold::cloud {
namespace {

using nlohmann::json;

constexpr std::size_t kNameMax = 127;

template <std::size_t N>
bool parse_bytes(const json& object, const char* name, std::array<std::byte, N>& out) {
    const auto text = json_text(object, name);
    if (!text || text->size() > N * 2) return false;
    const auto bytes = crypto::from_base64url(*text);
    if (!bytes || bytes->size() != N) return false;
    std::ranges::copy(*bytes, out.begin());
    return true;
}

bool parse_sealed(const json& object, std::size_t size_max, Sealed& out) {
    const json* sealed = json_member(object, "sealed");
    if (sealed == nullptr || !parse_bytes(*sealed, "nonce", out.nonce) ||
        !parse_bytes(*sealed, "tag", out.tag))
        return false;
    const auto text = json_text(*sealed, "value");
    if (!text || text->empty() || text->size() > size_max * 2) return false;
    auto ciphertext = crypto::from_base64url(*text);
    if (!ciphertext || ciphertext->size() > size_max) return false;
    out.ciphertext = std::move(*ciphertext);
    return true;
}

// Absent means no limit; present and not a whole number, 0 or later, is damage.
bool parse_date(const json& attributes, const char* name, std::optional<UnixSeconds>& out) {
    if (json_member(attributes, name) == nullptr) return true;
    out = json_integer(attributes, name);
    return out && *out >= 0;
}

bool parse_attributes(const json& object, ObjectVersion& out) {
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

bool parse_tags(const json& object, Tags& out) {
    const json* tags = json_member(object, "tags");
    if (tags == nullptr) return true;
    if (!tags->is_object() || tags->size() > ObjectVersion::kTagsMax) return false;
    for (const auto& [name, value] : tags->items()) {
        if (!value.is_string()) return false;
        out[name] = *value.get_ptr<const json::string_t*>();
    }
    return true;
}

json attributes_of(const ObjectVersion& object) {
    json out = {
        {"enabled", object.enabled}, {"created", object.created}, {"updated", object.updated}};
    if (object.nbf) out["nbf"] = *object.nbf;
    if (object.exp) out["exp"] = *object.exp;
    return out;
}

}  // namespace

bool ObjectVersion::parse_common(const json& object, std::size_t sealed_max) {
    const auto name_read = json_text(object, "name");
    const auto version_read = json_text(object, "version");
    const auto sequence_read = json_unsigned(object, "sequence");
    if (!name_read || name_read->empty() || name_read->size() > kNameMax || !version_read ||
        !Uuid::parse(*version_read) || !sequence_read || *sequence_read == 0 ||
        *sequence_read > std::numeric_limits<std::uint32_t>::max())
        return false;
    name = *name_read;
    version = *version_read;
    sequence = static_cast<std::uint32_t>(*sequence_read);
    return parse_attributes(object, *this) && parse_tags(object, tags) &&
           parse_sealed(object, sealed_max, sealed);
}

json ObjectVersion::common_json() const {
    json object = document.empty() ? json::object() : json::parse(document, nullptr, false);
    if (!object.is_object()) object = json::object();
    object["name"] = name;
    object["version"] = version;
    object["sequence"] = sequence;
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
    return object;
}

}  // namespace twofold::cloud

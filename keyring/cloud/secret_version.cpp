#include "keyring/cloud/secret_version.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "keyring/cloud/permissions.h"

namespace twofold::cloud {

using nlohmann::json;

Result<SecretVersion> SecretVersion::parse(std::string_view text, std::string_view where) {
    TF_ASSIGN(const json object, parse_json(text, where, 8));
    SecretVersion out;
    const auto type = json_text(object, "contentType");
    if (!type || type->size() > kContentTypeMax || !out.parse_common(object, kValueMax))
        return fail(Errc::damaged, "{}: not a version of a secret", where);
    out.content_type = *type;
    out.document = text;
    return out;
}

std::string SecretVersion::to_text() const {
    json object = common_json();
    object["contentType"] = content_type;
    return to_pretty_text(object) + "\n";
}

std::string SecretVersion::associated_data(const std::string& vault) const {
    std::string out = "twofold vault secret, format 1";
    for (const std::string& part : {lowered(vault), lowered(name), version})
        out.append(1, '\0').append(part);
    return out;
}

}  // namespace twofold::cloud

#include "tools/twofold/vault_options.h"

#include "keyring/cloud/identities.h"
#include "tools/twofold/time_option.h"

namespace twofold::cli {

Result<cloud::Tags> parse_tags(const std::vector<std::string>& texts) {
    cloud::Tags out;
    for (const std::string& text : texts) {
        if (text.empty()) continue;
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(Errc::usage, "tag \"{}\": write NAME=VALUE", text);
        out[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return out;
}

Result<std::optional<std::optional<UnixSeconds>>> parse_date(const std::string& text) {
    using Date = std::optional<UnixSeconds>;
    if (text.empty()) return std::optional<Date>();
    if (text == "none") return std::optional<Date>(Date());
    TF_ASSIGN(const UnixSeconds time, parse_time(text));
    return std::optional<Date>(Date(time));
}

Result<cloud::Caller> caller_of(const cloud::Cloud& cloud, const std::string& as) {
    if (as.empty()) return cloud::Caller::creator();
    TF_ASSIGN(const auto identity, cloud::Identities(cloud).find(as));
    return cloud::Caller::identity(identity.object_id);
}

std::string state_of(const cloud::ObjectVersion& version, UnixSeconds now) {
    if (!version.enabled) return "disabled";
    if (version.exp && now >= *version.exp) return "expired";
    if (version.nbf && now < *version.nbf) return "not yet valid";
    return "enabled";
}

std::string date_of(const std::optional<UnixSeconds>& date) { return date ? iso8601(*date) : "-"; }

}  // namespace twofold::cli

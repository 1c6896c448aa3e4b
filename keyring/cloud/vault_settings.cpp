#include "keyring/cloud/vault_settings.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "keyring/cloud/cloud.h"

namespace twofold::cloud {
namespace {

using nlohmann::json;

constexpr std::size_t kPoliciesMax = 1024;
constexpr std::size_t kRulesMax = 1000;

std::optional<std::uint32_t> parse_ipv4(const std::string& text) {
    in_addr address{};
    if (::inet_pton(AF_INET, text.c_str(), &address) != 1) return {};
    return ntohl(address.s_addr);
}

struct Range {
    std::uint32_t network = 0, mask = 0;
};

std::optional<Range> parse_range(const std::string& rule) {
    const auto slash = rule.find('/');
    const auto network = parse_ipv4(rule.substr(0, slash));
    if (!network) return {};
    unsigned bits = 32;
    if (slash != std::string::npos) {
        const char* end = rule.data() + rule.size();
        const auto [at, error] = std::from_chars(rule.data() + slash + 1, end, bits);
        if (error != std::errc() || at != end || bits > 32) return {};
    }
    return Range{*network, bits == 0 ? 0 : ~std::uint32_t{0} << (32 - bits)};
}

bool within(const std::string& rule, std::uint32_t address) {
    const auto range = parse_range(rule);
    return range && (range->network & range->mask) == (address & range->mask);
}

std::optional<std::vector<std::string>> texts(const json* array, std::size_t most) {
    std::vector<std::string> out;
    if (array == nullptr) return out;
    if (!array->is_array() || array->size() > most) return {};
    for (const json& item : *array) {
        if (!item.is_string()) return {};
        out.push_back(*item.get_ptr<const json::string_t*>());
    }
    return out;
}

Result<AccessPolicy> parse_policy(const json& object) {
    const auto object_id = json_text(object, "objectId");
    const json* permissions = json_member(object, "permissions");
    if (!object_id || permissions == nullptr) return fail(Errc::damaged, "bad access policy");
    const auto keys = texts(json_member(*permissions, "keys"), 64);
    const auto secrets = texts(json_member(*permissions, "secrets"), 64);
    if (!keys || !secrets) return fail(Errc::damaged, "bad access policy");
    AccessPolicy policy{*object_id, {}, {}};
    TF_ASSIGN(policy.keys, canonical_permissions(Kind::key, *keys));
    TF_ASSIGN(policy.secrets, canonical_permissions(Kind::secret, *secrets));
    return policy;
}

Result<void> parse_network(const json& properties, VaultSettings& out) {
    const json* acls = json_member(properties, "networkAcls");
    if (acls == nullptr) return {};
    const auto action = json_text(*acls, "defaultAction");
    const auto rules = texts(json_member(*acls, "ipRules"), kRulesMax);
    if (!action || (*action != "Allow" && *action != "Deny") || !rules)
        return fail(Errc::damaged, "bad networkAcls");
    out.deny_by_default = *action == "Deny";
    out.ip_rules = *rules;
    return {};
}

Result<void> parse_properties(const json& properties, VaultSettings& out) {
    const auto soft_delete = json_bool(properties, "enableSoftDelete");
    const auto retention = json_integer(properties, "softDeleteRetentionInDays");
    const auto protection = json_bool(properties, "enablePurgeProtection");
    if (!soft_delete || !retention || *retention < 7 || *retention > 90 || !protection)
        return fail(Errc::damaged, "bad soft delete settings");
    out.soft_delete = *soft_delete;
    out.retention_days = static_cast<int>(*retention);
    out.purge_protection = *protection;
    out.rbac = json_bool(properties, "enableRbacAuthorization").value_or(false);
    TF_TRY(parse_network(properties, out));
    const json* policies = json_member(properties, "accessPolicies");
    if (policies == nullptr || !policies->is_array() || policies->size() > kPoliciesMax)
        return fail(Errc::damaged, "bad access policies");
    for (const json& item : *policies) {
        TF_ASSIGN(AccessPolicy policy, parse_policy(item));
        out.policies.push_back(std::move(policy));
    }
    return {};
}

json policies_of(const VaultSettings& settings) {
    json out = json::array();
    for (const AccessPolicy& policy : settings.policies)
        out.push_back({{"objectId", policy.object_id},
                       {"tenantId", std::string(kTenant)},
                       {"permissions", {{"keys", policy.keys}, {"secrets", policy.secrets}}}});
    return out;
}

}  // namespace

std::string VaultSettings::uri() const { return "https://" + host_of_vault(name) + "/"; }

std::string VaultSettings::resource_id() const {
    return fmt::format("/subscriptions/{}/resourceGroups/{}/providers/Microsoft.KeyVault/vaults/{}",
                       subscription, kResourceGroup, name);
}

std::string VaultSettings::recovery_level() const {
    if (!soft_delete) return "Purgeable";
    const std::string level = retention_days == 90 ? "Recoverable" : "CustomizedRecoverable";
    return purge_protection ? level : level + "+Purgeable";
}

AccessPolicy VaultSettings::policy_of(std::string_view object_id) const {
    for (const AccessPolicy& policy : policies)
        if (same_text(policy.object_id, object_id)) return policy;
    return {std::string(object_id), {}, {}};
}

bool VaultSettings::admits(std::string_view address) const {
    if (!deny_by_default) return true;
    const auto from = parse_ipv4(std::string(address));
    return from && std::ranges::any_of(ip_rules, [&](const auto& r) { return within(r, *from); });
}

bool valid_ip_rule(const std::string& rule) { return parse_range(rule).has_value(); }

Result<VaultSettings> VaultSettings::parse(std::string_view text, std::string_view where) {
    TF_ASSIGN(const json object, parse_json(text, where, 8));
    const auto name = json_text(object, "name");
    const auto location = json_text(object, "location");
    const auto subscription = json_text(object, "subscription");
    const json* properties = json_member(object, "properties");
    if (!name || !valid_vault_name(*name) || !location || location->size() > 128 || !subscription ||
        subscription->size() > 128 || properties == nullptr)
        return fail(Errc::damaged, "{}: not a vault", where);
    VaultSettings out;
    out.name = *name;
    out.location = *location;
    out.subscription = *subscription;
    out.sku = json_text(object, "sku").value_or("standard");
    out.created = json_integer(object, "created").value_or(0);
    out.document = text;
    if (auto parsed = parse_properties(*properties, out); !parsed)
        return fail(Errc::damaged, "{}: {}", where, parsed.error().what);
    return out;
}

std::string VaultSettings::to_text() const {
    json object = document.empty() ? json::object() : json::parse(document, nullptr, false);
    if (!object.is_object()) object = json::object();
    object["name"] = name;
    object["location"] = location;
    object["subscription"] = subscription;
    object["sku"] = sku;
    object["created"] = created;
    json& properties = object["properties"];
    if (!properties.is_object()) properties = json::object();
    properties["enableSoftDelete"] = soft_delete;
    properties["softDeleteRetentionInDays"] = retention_days;
    properties["enablePurgeProtection"] = purge_protection;
    properties["enableRbacAuthorization"] = rbac;
    properties["accessPolicies"] = policies_of(*this);
    json& acls = properties["networkAcls"];
    if (!acls.is_object()) acls = {{"bypass", "AzureServices"}};
    acls["defaultAction"] = deny_by_default ? "Deny" : "Allow";
    acls["ipRules"] = ip_rules;
    return to_pretty_text(object) + "\n";
}

}  // namespace twofold::cloud

#include "keyring/cloud/shown.h"

#include <nlohmann/json.hpp>

#include "keyring/cloud/cloud.h"
#include "keyring/crypto/encoding.h"

namespace twofold::cloud {
namespace {

using nlohmann::ordered_json;

std::string text_of(const ordered_json& value) {
    return value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

ordered_json attributes_of(const KeyBundle& bundle) {
    const KeyVersion& key = bundle.version;
    ordered_json out = {{"enabled", key.enabled}};
    if (key.nbf) out["nbf"] = *key.nbf;
    if (key.exp) out["exp"] = *key.exp;
    out["created"] = key.created;
    out["updated"] = key.updated;
    out["recoveryLevel"] = bundle.recovery_level;
    out["recoverableDays"] = bundle.recoverable_days;
    return out;
}

void add_rest(const KeyBundle& bundle, ordered_json& out) {
    out["attributes"] = attributes_of(bundle);
    if (!bundle.version.tags.empty()) out["tags"] = bundle.version.tags;
    if (!bundle.deleted) return;
    if (bundle.scheduled_purge) {
        out["recoveryId"] =
            fmt::format("https://{}/deletedkeys/{}", bundle.host, bundle.version.name);
        out["scheduledPurgeDate"] = *bundle.scheduled_purge;
    }
    out["deletedDate"] = *bundle.deleted;
}

ordered_json json_of(const VaultSettings& vault) {
    ordered_json policies = ordered_json::array();
    for (const AccessPolicy& policy : vault.policies)
        policies.push_back({{"objectId", policy.object_id},
                            {"permissions", {{"keys", policy.keys}, {"secrets", policy.secrets}}},
                            {"tenantId", std::string(kTenant)}});
    ordered_json rules = ordered_json::array();
    for (const std::string& rule : vault.ip_rules) rules.push_back({{"value", rule}});
    return {{"id", vault.resource_id()},
            {"location", vault.location},
            {"name", vault.name},
            {"properties",
             {{"accessPolicies", std::move(policies)},
              {"enablePurgeProtection", vault.purge_protection},
              {"enableRbacAuthorization", vault.rbac},
              {"enableSoftDelete", vault.soft_delete},
              {"networkAcls",
               {{"bypass", "AzureServices"},
                {"defaultAction", vault.deny_by_default ? "Deny" : "Allow"},
                {"ipRules", std::move(rules)}}},
              {"sku", {{"family", "A"}, {"name", vault.sku}}},
              {"softDeleteRetentionInDays", vault.retention_days},
              {"tenantId", std::string(kTenant)},
              {"vaultUri", vault.uri()}}},
            {"resourceGroup", std::string(kResourceGroup)},
            {"type", "Microsoft.KeyVault/vaults"}};
}

ordered_json json_of(const Identity& identity) {
    const bool user = identity.kind == Identity::Kind::user_assigned;
    return {{"clientId", identity.client_id},
            {"id", identity.resource_id()},
            {"location", identity.location},
            {"name", identity.name},
            {"principalId", identity.object_id},
            {"resourceGroup", std::string(kResourceGroup)},
            {"tenantId", std::string(kTenant)},
            {"type", user ? "Microsoft.ManagedIdentity/userAssignedIdentities"
                          : "Microsoft.ManagedIdentity/identities"}};
}

template <class T>
std::string list_of(std::span<const T> items) {
    ordered_json out = ordered_json::array();
    for (const T& item : items) out.push_back(json_of(item));
    return text_of(out);
}

}  // namespace

std::string shown(const KeyBundle& bundle) {
    const KeyVersion& key = bundle.version;
    ordered_json out = {{"key",
                         {{"kid", bundle.kid()},
                          {"kty", key.kty},
                          {"key_ops", key.key_ops},
                          {"n", crypto::to_base64url(key.n)},
                          {"e", crypto::to_base64url(key.e)}}}};
    add_rest(bundle, out);
    return text_of(out);
}

std::string shown(std::span<const KeyBundle> keys, KeyList list) {
    ordered_json out = ordered_json::array();
    for (const KeyBundle& bundle : keys) {
        ordered_json item = {{"kid", list == KeyList::names ? bundle.base_id() : bundle.kid()},
                             {"name", bundle.version.name}};
        add_rest(bundle, item);
        out.push_back(std::move(item));
    }
    return text_of(out);
}

std::string shown(const VaultSettings& vault) { return text_of(json_of(vault)); }
std::string shown(std::span<const VaultSettings> vaults) { return list_of(vaults); }
std::string shown(const Identity& identity) { return text_of(json_of(identity)); }
std::string shown(std::span<const Identity> identities) { return list_of(identities); }

}  // namespace twofold::cloud

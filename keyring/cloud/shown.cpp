#include "keyring/cloud/shown.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "keyring/cloud/cloud.h"
#include "keyring/crypto/encoding.h"

namespace twofold::cloud {
namespace {

using nlohmann::ordered_json;

std::string text_of(const ordered_json& value) {
    return value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

template <class Version>
ordered_json attributes_of(const Bundle<Version>& bundle) {
    const Version& version = bundle.version;
    ordered_json out = {{"enabled", version.enabled}};
    if (version.nbf) out["nbf"] = *version.nbf;
    if (version.exp) out["exp"] = *version.exp;
    out["created"] = version.created;
    out["updated"] = version.updated;
    out["recoveryLevel"] = bundle.recovery_level;
    out["recoverableDays"] = bundle.recoverable_days;
    return out;
}

template <class Version>
void add_rest(const Bundle<Version>& bundle, ordered_json& out) {
    out["attributes"] = attributes_of(bundle);
    if (!bundle.version.tags.empty()) out["tags"] = bundle.version.tags;
    if (!bundle.deleted) return;
    if (bundle.scheduled_purge) {
        out["recoveryId"] = bundle.recovery_id();
        out["scheduledPurgeDate"] = *bundle.scheduled_purge;
    }
    out["deletedDate"] = *bundle.deleted;
}

ordered_json json_of(const SecretBundle& bundle) {
    ordered_json out = {{"id", bundle.id()},
                        {"name", bundle.version.name},
                        {"contentType", bundle.version.content_type}};
    add_rest(bundle, out);
    return out;
}

template <class Version>
std::string list_of(std::span<const Bundle<Version>> bundles, const char* id, Listed listed) {
    ordered_json out = ordered_json::array();
    for (const Bundle<Version>& bundle : bundles) {
        ordered_json item = {{id, listed == Listed::names ? bundle.base_id() : bundle.id()},
                             {"name", bundle.version.name}};
        if constexpr (Version::kKind == Kind::secret)
            item["contentType"] = bundle.version.content_type;
        add_rest(bundle, item);
        out.push_back(std::move(item));
    }
    return text_of(out);
}

// Text as it stands between the quotes of a JSON string (RFC 8259, section 7), written to bytes of
// the caller's, or only measured: JSON libraries would leave copies of a secret behind.
class Escaper {
public:
    explicit Escaper(MutableBytes out = {}) : out_(out) {}
    std::size_t written() const { return written_; }

    void put(Bytes text) {
        for (const std::byte byte : text) {
            const auto c = std::to_integer<unsigned char>(byte);
            if (c == '"' || c == '\\') {
                write('\\');
                write(c);
            } else if (c < 0x20) {
                for (const char escape : {'\\', 'u', '0', '0'}) write(escape);
                write("01"[c >> 4]);
                write("0123456789abcdef"[c & 15]);
            } else {
                write(c);
            }
        }
    }

private:
    template <class Char>
    void write(Char c) {
        if (written_ < out_.size()) out_[written_] = static_cast<std::byte>(c);
        ++written_;
    }
    MutableBytes out_;
    std::size_t written_ = 0;
};

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
                         {{"kid", bundle.id()},
                          {"kty", key.kty},
                          {"key_ops", key.key_ops},
                          {"n", crypto::to_base64url(key.n)},
                          {"e", crypto::to_base64url(key.e)}}}};
    add_rest(bundle, out);
    return text_of(out);
}

std::string shown(const SecretBundle& bundle) { return text_of(json_of(bundle)); }

Result<crypto::SecretBytes> shown(const SecretVault::WithValue& secret) {
    ordered_json whole = {{"value", ""}};
    whole.update(json_of(secret.bundle));
    const std::string text = text_of(whole);
    const auto at = text.find("\"\"") + 1;  // the first empty string is the value's place
    Escaper size;
    size.put(secret.value.reveal());
    TF_ASSIGN(auto out, crypto::SecretBytes::zeroed(text.size() + size.written()));
    const MutableBytes bytes = out.reveal_mutable();
    std::ranges::copy(as_bytes(text).first(at), bytes.begin());
    Escaper(bytes.subspan(at, size.written())).put(secret.value.reveal());
    std::ranges::copy(as_bytes(text).subspan(at), bytes.last(text.size() - at).begin());
    return out;
}

std::string shown(std::span<const KeyBundle> keys, Listed listed) {
    return list_of(keys, "kid", listed);
}
std::string shown(std::span<const SecretBundle> secrets, Listed listed) {
    return list_of(secrets, "id", listed);
}

std::string shown(const VaultSettings& vault) { return text_of(json_of(vault)); }
std::string shown(std::span<const VaultSettings> vaults) { return list_of(vaults); }
std::string shown(const Identity& identity) { return text_of(json_of(identity)); }
std::string shown(std::span<const Identity> identities) { return list_of(identities); }

}  // namespace twofold::cloud

#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "keyring/cloud/permissions.h"

namespace twofold::cloud {

// What is known of a vault itself: the file vault.json in its directory.
struct VaultSettings {
    std::string name;  // as first written
    std::string location, subscription, sku = "standard";
    bool soft_delete = true;
    int retention_days = 90;  // 7 to 90, fixed when the vault is made
    bool purge_protection = false;
    bool rbac = false;
    bool deny_by_default = false;        // networkAcls.defaultAction
    std::vector<std::string> ip_rules;   // IPv4 addresses or ranges in CIDR notation
    std::vector<AccessPolicy> policies;  // each object id once
    UnixSeconds created = 0;
    std::string document;  // the file as it was read: members we do not know stay in it

    std::string uri() const;          // https://NAME.vault.azure.net/
    std::string resource_id() const;  // /subscriptions/.../Microsoft.KeyVault/vaults/NAME
    // Derived from soft delete, retention and purge protection; reported on every key.
    std::string recovery_level() const;
    int recoverable_days() const { return soft_delete ? retention_days : 0; }
    // The policy of an object id, or one that allows nothing.
    AccessPolicy policy_of(std::string_view object_id) const;
    bool admits(std::string_view address) const;  // the firewall

    static constexpr std::size_t kFileMax = 1 << 20;
    // Errc::damaged, beginning with `where`.
    static Result<VaultSettings> parse(std::string_view text, std::string_view where);
    std::string to_text() const;
};

// An IPv4 address, or a range in CIDR notation.
bool valid_ip_rule(const std::string& rule);

}  // namespace twofold::cloud

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "keyring/cloud/cloud.h"
#include "keyring/cloud/vault_settings.h"

namespace twofold::cloud {

// The management plane: vaults themselves and who may do what in them. It asks for no permission,
// as it is reachable from the command line alone.
class VaultRegistry {
public:
    explicit VaultRegistry(const Cloud& cloud) : cloud_(cloud) {}

    struct New {
        std::string name;
        std::string location = std::string(kLocation);
        std::string subscription = std::string(kSubscription);
        int retention_days = 90;
        bool soft_delete = true;
        bool purge_protection = false;
        bool deny_by_default = false;
    };
    // Whole or not at all. Errc::exists; Errc::invalid for a bad name (the platform's is taken), a
    // retention outside 7 to 90 days, and purge protection without soft delete.
    Result<VaultSettings> create(const New& what);
    // The platform's vault, made on first use.
    Result<VaultSettings> ensure_platform();

    // VaultNotFound, or InternalServerError for a vault.json that does not parse.
    Result<VaultSettings> show(const std::string& name) const;
    Result<std::vector<VaultSettings>> list() const;  // by name, without the platform's

    // Replaces the permissions of a kind, where given; the other kind stays as it is.
    Result<VaultSettings> set_policy(const std::string& name, const std::string& object_id,
                                     const std::optional<std::vector<std::string>>& keys,
                                     const std::optional<std::vector<std::string>>& secrets);
    // Errc::not_found where that object id has none.
    Result<VaultSettings> delete_policy(const std::string& name, const std::string& object_id);

    // The firewall's rules. Errc::invalid for what is no IPv4 address or range; Errc::not_found for
    // a rule to remove that is not there. Adding one that is there changes nothing.
    Result<VaultSettings> add_ip_rule(const std::string& name, const std::string& rule);
    Result<VaultSettings> remove_ip_rule(const std::string& name, const std::string& rule);

private:
    Result<VaultSettings> make(io::Directory& parent, const VaultSettings& settings);
    template <class Change>
    Result<VaultSettings> change(const std::string& name, Change change);

    const Cloud& cloud_;
};

}  // namespace twofold::cloud

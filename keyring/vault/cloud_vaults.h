#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "keyring/vault/vault.h"

namespace twofold::cloud {
class Cloud;
}

namespace twofold::keyring {

// Which managed identity a deployment acts as.
struct Principal {
    std::string name;
    std::string object_id;  // GUID: what access policies name
    std::string client_id;
    std::string resource_id;  // /subscriptions/.../userAssignedIdentities/NAME
};

// The vaults of a cloud directory: https://NAME.vault.azure.net is vaults/NAME in it, and the
// platform's own vault (https://platform.vault.azure.net, a reserved name) is platform/.
// Thread-safe. Nothing stays open in between: another process may change, move or remove the
// directory.
class CloudVaults final : public Vaults {
public:
    // `cloud_directory` need not exist yet: then every request is Errc::vault_unreachable.
    explicit CloudVaults(std::string cloud_directory);
    ~CloudVaults() override;

    Result<std::unique_ptr<Vault>> open(const std::string& host,
                                        const std::string& identity) override;

    // The cloud's movable clock, by which keys expire and deadlines pass.
    const Clock& clock() const;

    // A user-assigned identity by name, object id, or resource id. Errc::key_revoked (Unauthorized)
    // where there is none: the same class as later, when it was deleted under a deployment.
    Result<Principal> identity(const std::string& name_or_id);

    // The platform's key for layer 1, versionless, and the identity that may use it. Made on first
    // use: the vault with soft delete and purge protection, an RSA key of 3072 bits, and an
    // identity with key permissions get, wrapKey, unwrapKey.
    struct PlatformKey {
        KeyId reference;
        Principal identity;
    };
    Result<PlatformKey> platform_key();

private:
    std::shared_ptr<cloud::Cloud> cloud_;
};

}  // namespace twofold::keyring

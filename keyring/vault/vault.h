#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "keyring/crypto/secret.h"
#include "keyring/envelope/key_id.h"

namespace twofold::keyring {

// A key version as a vault shows it: everything but the private part.
struct KeyBundle {
    KeyId id;  // full
    std::string kty;
    int bits = 0;
    std::vector<std::byte> n, e;  // big-endian
    std::vector<std::string> key_ops;
    bool enabled = false;
    std::optional<UnixSeconds> nbf, exp;
    UnixSeconds created = 0, updated = 0;
    std::string recovery_level;  // "Recoverable", "Recoverable+Purgeable", ...
    int recoverable_days = 0;
};

struct VaultProperties {
    std::string name, location, subscription, tenant, sku;
    bool soft_delete = false;
    bool purge_protection = false;
    int retention_days = 0;
};

// What a consumer needs of a vault. Names as in access policies.
struct PermissionSet {
    std::vector<std::string> keys;     // "get", "wrapKey", "unwrapKey"
    std::vector<std::string> secrets;  // "get", "set", "delete"
};

// A vault as a consumer sees it: it wraps and unwraps and never hands out a key-encryption key. One
// object acts as one identity. Thread-safe; every call is one request, seen in the vault's audit
// log.
//
// Errors carry the class that decides what happens next (Errc, exit code 3 unless said otherwise),
// the vault's own code ("Forbidden/KeyDisabled"), and as advice the exact command that cures it:
//
//     Errc::key_revoked        401; 403 by policy, KeyDisabled, KeyOperationForbidden; 404
//     Errc::key_expired        403 KeyExpired, KeyNotYetValid: only wrapping
//     Errc::key_blocked        403 ForbiddenByFirewall
//     Errc::vault_unreachable  429, 5xx, no answer, no such cloud directory
//     Errc::wrong_key          400 on unwrap (exit code 4): never retried, no other version tried
//     Errc::invalid            400 otherwise (exit code 1)
class Vault {
public:
    virtual ~Vault() = default;
    virtual const std::string& host() const = 0;

    // `version`: 32 hex digits, vN, or empty for the newest. Disabled versions are shown, too.
    virtual Result<KeyBundle> get_key(const std::string& name, const std::string& version) = 0;

    struct Wrapped {
        KeyId kid;  // full: the version that did the work, the only one to store
        std::vector<std::byte> value;
    };
    virtual Result<Wrapped> wrap(const std::string& name, const std::string& version,
                                 Bytes plain) = 0;
    virtual Result<crypto::SecretBytes> unwrap(const std::string& name, const std::string& version,
                                               Bytes wrapped) = 0;

    // Secrets, with the permissions on secrets. `version` as for keys. Nothing where the vault has
    // none of that name and version; a deleted one, or a disabled version, is Errc::key_revoked
    // (SecretNotFound, SecretDisabled).
    struct Secret {
        std::string version;  // 32 hex digits
        crypto::SecretBytes value;
    };
    virtual Result<std::optional<Secret>> get_secret(const std::string& name,
                                                     const std::string& version) = 0;
    // A new version, durable on return, whose id it returns. `value`: UTF-8, 1 byte to 25 KiB. The
    // versions before it stay until the secret is deleted: the vault has no limit to their number.
    virtual Result<std::string> set_secret(const std::string& name, Bytes value,
                                           const std::string& content_type) = 0;
    virtual Result<void> delete_secret(const std::string& name) = 0;  // soft, where it is on

    // For the checks before a deployment is made; not part of the data plane, needs no permission.
    virtual Result<VaultProperties> properties() = 0;
    // Those of `needed` that this identity lacks, each spelled out for a message and for a command:
    // keys and secrets apart. Empty sets: nothing is missing.
    virtual Result<PermissionSet> missing_permissions(const PermissionSet& needed) = 0;
};

// From a vault's host to the vault, acting as an identity. Thread-safe.
class Vaults {
public:
    virtual ~Vaults() = default;
    // `identity`: an object id. Does not ask the vault anything: a missing vault, a deleted
    // identity show at the first request. Errc::unsupported for a kind of host that is not built.
    virtual Result<std::unique_ptr<Vault>> open(const std::string& host,
                                                const std::string& identity) = 0;
};

}  // namespace twofold::keyring

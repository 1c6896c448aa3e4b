#pragma once

#include <optional>
#include <string>
#include <vector>

#include "keyring/cloud/key_version.h"
#include "keyring/cloud/object_vault.h"
#include "keyring/crypto/secret.h"

namespace twofold::cloud {

struct NewKey {
    std::string name;
    std::string kty = "RSA";
    int bits = 2048;                                  // 2048, 3072, 4096
    std::optional<std::vector<std::string>> key_ops;  // default: all six
    bool enabled = true;
    std::optional<UnixSeconds> nbf, exp;
    Tags tags;
};

// Members that are absent are left alone; an inner nullopt clears the date.
struct KeyChange {
    std::optional<std::vector<std::string>> key_ops;
    std::optional<bool> enabled;
    std::optional<std::optional<UnixSeconds>> nbf, exp;
    std::optional<Tags> tags;
};

// The keys of one vault: what the REST interface offers, without sockets. Each call is one request:
// checked in the service's order (identity, vault, firewall, permission, parameters, existence,
// deleted, enabled, key_ops, dates, cryptography: the first failure wins), carried out in one
// atomic step, and written to the audit log. Errors are those of answer.h; a key whose file does
// not parse is InternalServerError, with its path in the log, and no other key suffers.
//
// A version is 32 hex digits, vN for sequence N, or empty for the newest. Names and identifiers
// compare without regard to case. Thread-safe, also between processes.
class KeyVault : public ObjectVault<KeyVersion> {
public:
    using ObjectVault::ObjectVault;

    Result<KeyBundle> create(const Caller& caller, const NewKey& key);  // or a new version
    Result<KeyBundle> rotate(const Caller& caller, const std::string& name);
    Result<KeyBundle> get(const Caller& caller, const std::string& name,
                          const std::string& version);
    Result<KeyBundle> update(const Caller& caller, const std::string& name,
                             const std::string& version, const KeyChange& change);

    struct Wrapped {
        std::string version;  // that did the work
        std::vector<std::byte> value;
    };
    // RSA-OAEP-256. The input: at most 190, 318 or 446 bytes by size of the key.
    Result<Wrapped> wrap(const Caller& caller, const std::string& name, const std::string& version,
                         Bytes plain);
    Result<crypto::SecretBytes> unwrap(const Caller& caller, const std::string& name,
                                       const std::string& version, Bytes wrapped);
};

}  // namespace twofold::cloud

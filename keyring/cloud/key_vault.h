#pragma once

#include <optional>
#include <string>
#include <vector>

#include "keyring/cloud/cloud.h"
#include "keyring/cloud/identities.h"
#include "keyring/cloud/key_store.h"
#include "keyring/cloud/vault_settings.h"

namespace twofold::cloud {

// Who asks. The creator made the vault and has every permission; everybody else is an identity.
struct Caller {
    std::string object_id;  // empty: the creator
    static Caller creator() { return {}; }
    static Caller identity(std::string object_id) { return {std::move(object_id)}; }
    bool is_creator() const { return object_id.empty(); }
};

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

// The data plane of one vault: what the REST interface offers, without sockets. Each call is one
// request: checked in the service's order (identity, vault, firewall, permission, parameters,
// existence, deleted, enabled, key_ops, dates, cryptography: the first failure wins), carried out
// in one atomic step, and written to the audit log. Errors are those of answer.h; a key whose file
// does not parse is InternalServerError, with its path in the log, and no other key suffers.
//
// A version is 32 hex digits, vN for sequence N, or empty for the newest. Names and identifiers
// compare without regard to case. Thread-safe, also between processes.
class KeyVault {
public:
    // `host`: the authority that produced identifiers carry.
    KeyVault(const Cloud& cloud, std::string name, std::string host)
        : cloud_(cloud), name_(std::move(name)), host_(std::move(host)) {}
    KeyVault(const Cloud& cloud, const std::string& name)
        : KeyVault(cloud, name, host_of_vault(name)) {}

    const std::string& name() const { return name_; }

    Result<KeyBundle> create(const Caller& caller, const NewKey& key);  // or a new version
    Result<KeyBundle> rotate(const Caller& caller, const std::string& name);
    Result<KeyBundle> get(const Caller& caller, const std::string& name,
                          const std::string& version);
    Result<std::vector<KeyBundle>> list(const Caller& caller);  // the newest version of each
    Result<std::vector<KeyBundle>> list_versions(const Caller& caller, const std::string& name);
    Result<KeyBundle> update(const Caller& caller, const std::string& name,
                             const std::string& version, const KeyChange& change);
    Result<KeyBundle> remove(const Caller& caller,
                             const std::string& name);  // soft, where it is on
    Result<KeyBundle> get_deleted(const Caller& caller, const std::string& name);
    Result<std::vector<KeyBundle>> list_deleted(const Caller& caller);
    Result<KeyBundle> recover(const Caller& caller, const std::string& name);
    Result<void> purge(const Caller& caller, const std::string& name);

    struct Wrapped {
        std::string version;  // that did the work
        std::vector<std::byte> value;
    };
    // RSA-OAEP-256. The input: at most 190, 318 or 446 bytes by size of the key.
    Result<Wrapped> wrap(const Caller& caller, const std::string& name, const std::string& version,
                         Bytes plain);
    Result<crypto::SecretBytes> unwrap(const Caller& caller, const std::string& name,
                                       const std::string& version, Bytes wrapped);

private:
    struct Request;
    struct Session;
    template <class T, class Body>
    Result<T> serve(const Request& request, Body body);
    Result<Session> begin(const Request& request) const;
    void audit(const Request& request, const Error* error, std::chrono::nanoseconds started) const;

    const Cloud& cloud_;
    std::string name_, host_;
};

}  // namespace twofold::cloud

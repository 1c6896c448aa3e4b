#pragma once

#include <string>

#include "keyring/cloud/answer.h"
#include "keyring/cloud/key_vault.h"

namespace twofold::cloud {

// What a caller asks for, as the checks and the audit log need it.
struct KeyVault::Request {
    std::string_view operation;  // "KeyGet"
    const Caller& caller;
    std::string_view permission;  // "get"
    std::string name = {};        // of the key; empty where it is about all of them
    std::string version = {};
    Kind kind = Kind::key;
};

// One request that was let in: the vault as it is now, and the checks that come after permission.
struct KeyVault::Session {
    VaultSettings settings;
    KeyStore store;
    UnixSeconds now;
    std::string host;

    using Shelf = KeyStore::Shelf;
    using VersionFile = KeyStore::VersionFile;

    // The version that is asked for: 404 where the key or the version is not there, or is deleted.
    Result<VersionFile> locate(const std::string& name, const std::string& version);
    Result<std::vector<VersionFile>> locate_all(const std::string& name);
    Result<KeyVersion> load(Shelf shelf, const std::string& name, const VersionFile& file);
    Result<KeyVersion> find(const std::string& name, const std::string& version);
    // When a deleted key goes for good. KeyNotFound where it is not deleted, or gone by now.
    Result<KeyStore::Deletion> deletion(const std::string& name);
    Result<KeyBundle> deleted_bundle(const std::string& name);
    // Frees a name of a deleted key whose time has come. Under the lock. 409 where it may still be
    // recovered; where that can't be told, it may.
    Result<void> clear_purged(const std::string& name);

    // enabled, then key_ops, then the window (which only wrapping minds).
    enum class Window { minded, ignored };
    Result<void> allow(const KeyVersion& key, std::string_view operation, Window window) const;

    KeyBundle bundle(KeyVersion key) const;
    std::string label(const std::string& key) const;    // "vault contoso-kv: key kek1"
    std::string options(const std::string& key) const;  // "--vault-name contoso-kv --name kek1"

    // The private part: sealed under the vault's master secret, bound to vault, name, version,
    // modulus.
    Result<void> seal(KeyVersion& key, const crypto::SecretBytes& der);
    Result<crypto::SecretBytes> unseal(const KeyVersion& key);

private:
    Failure not_found(const std::string& name);
    // What a request answers for an error of the files below: damage is 500 for this key alone.
    Failure answer(const std::string& name, Error error);
};

// Lets the request in, carries it out with `body(session)`, and writes the audit log in both cases.
template <class T, class Body>
Result<T> KeyVault::serve(const Request& request, Body body) {
    const auto started = cloud_.clock().monotonic();
    Result<T> result = [&]() -> Result<T> {
        TF_ASSIGN(Session session, begin(request));
        return body(session);
    }();
    audit(request, result ? nullptr : &result.error(), started);
    return result;
}

// 400 where it can be no key's name or version.
Result<void> check_name(const std::string& name);
Result<void> check_version(const std::string& version);

}  // namespace twofold::cloud

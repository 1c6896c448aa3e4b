#pragma once

#include <string>

#include "keyring/cloud/answer.h"
#include "keyring/cloud/object_store.h"
#include "keyring/cloud/object_vault.h"

namespace twofold::cloud {

// One request that was let in, and the checks that come after permission.
template <class Version>
struct ObjectSession {
    using Store = ObjectStore<Version>;
    using Shelf = typename Store::Shelf;
    using VersionFile = typename Store::VersionFile;
    static constexpr Shelf live = Shelf::live, deleted = Shelf::deleted;

    explicit ObjectSession(Admitted admitted)
        : settings(std::move(admitted.settings)),
          store(std::move(admitted.directory)),
          now(admitted.now),
          host(std::move(admitted.host)) {}

    VaultSettings settings;
    Store store;
    UnixSeconds now;
    std::string host;

    // The version that is asked for: 404 where the name or the version is not there, or is deleted.
    Result<VersionFile> locate(const std::string& name, const std::string& version);
    Result<std::vector<VersionFile>> locate_all(const std::string& name);
    Result<Version> load(Shelf shelf, const std::string& name, const VersionFile& file);
    Result<Version> find(const std::string& name, const std::string& version);
    // When what was deleted goes for good. Not found where it is not deleted, or gone by now.
    Result<typename Store::Deletion> deletion(const std::string& name);
    Result<Bundle<Version>> deleted_bundle(const std::string& name);
    // Frees the name of what was deleted and whose time has come. Under the lock. 409 where it may
    // still be recovered; where that can't be told, it may.
    Result<void> clear_purged(const std::string& name);
    // Writes a version that is the newest of its name from now on: takes name and sequence from the
    // versions there are. Under the lock, which clears what was purged.
    Result<void> add(Version& version, Bytes secret);
    // 403 for a version that is disabled.
    Result<void> enabled(const Version& version) const;

    Bundle<Version> bundle(Version version) const;
    std::string label(const std::string& name) const;    // "vault contoso-kv: key kek1"
    std::string options(const std::string& name) const;  // "--vault-name contoso-kv --name kek1"
    // "twofold key show --vault-name contoso-kv --name kek1"
    std::string command(std::string_view verb, const std::string& name) const;

    // What is secret of a version, under the vault's master secret, bound to where it belongs.
    Result<void> seal(Version& version, Bytes secret);
    Result<crypto::SecretBytes> unseal(const Version& version);

private:
    static constexpr KindWords kWords = words_of(Version::kKind);
    Failure not_found(const std::string& name);
    // What a request answers for an error of the files below: damage is 500 for this name alone.
    Failure answer(const std::string& name, Error error);
};

using KeySession = ObjectSession<KeyVersion>;
using SecretSession = ObjectSession<SecretVersion>;
extern template struct ObjectSession<KeyVersion>;
extern template struct ObjectSession<SecretVersion>;

template <class Version>
template <class T, class Body>
Result<T> ObjectVault<Version>::serve(const Request& request, Body body) {
    return plane_.serve<T>(request, [&](Admitted admitted) -> Result<T> {
        ObjectSession<Version> session(std::move(admitted));
        return body(session);
    });
}

}  // namespace twofold::cloud

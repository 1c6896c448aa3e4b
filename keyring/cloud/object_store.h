#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/io/io.h"
#include "keyring/cloud/key_version.h"
#include "keyring/cloud/secret_version.h"

namespace twofold::cloud {

// The keys, or the secrets, of one vault on disk:
//
//     keys/NAME/000001-VERSION.json          one file a version; NAME in lower case
//     deletedkeys/NAME/...                   the same directory, moved, with deletion.json
//     lock                                   held by whoever changes something
//
// Each change is one atomic step: a version is added or changed by a rename over its file, a new
// name appears by a rename of its finished directory, delete and recover are one rename between the
// two shelves. So readers never wait and never see half of anything, and a cut leaves at most files
// that begin with a dot, which nobody looks at and the next writer sweeps.
//
// Errors: Errc::not_found, exists, damaged (a file that does not parse), io.
template <class Version>
class ObjectStore {
public:
    explicit ObjectStore(std::unique_ptr<io::Directory> vault) : vault_(std::move(vault)) {}

    enum class Shelf { live, deleted };
    struct VersionFile {
        std::uint32_t sequence = 0;
        std::string version;
        std::string file;
    };
    struct Deletion {
        UnixSeconds deleted = 0, scheduled_purge = 0;
    };

    io::Directory& vault() { return *vault_; }
    // For the calls below the line. Waits for the other writer, of whichever kind.
    Result<std::unique_ptr<io::HeldLock>> lock();

    Result<std::vector<std::string>> names(Shelf shelf);  // in lower case, sorted
    Result<bool> has(Shelf shelf, const std::string& name);
    Result<std::vector<VersionFile>> versions(Shelf shelf,
                                              const std::string& name);  // oldest first
    Result<Version> load(Shelf shelf, const std::string& name, const VersionFile& which);
    Result<Deletion> deletion(const std::string& name);

    // ---- under the lock ----
    Result<void> create(const Version& first);  // a new name
    Result<void> put(const Version& version);   // adds a version, or replaces its attributes
    Result<void> shelve(const std::string& name, const Deletion& deletion);  // to the deleted ones
    Result<void> recover(const std::string& name);
    Result<void> remove(Shelf shelf, const std::string& name);  // for good

private:
    Result<std::unique_ptr<io::Directory>> open(Shelf shelf);
    Result<std::unique_ptr<io::Directory>> open_name(Shelf shelf, const std::string& name);
    Result<void> sweep();

    std::unique_ptr<io::Directory> vault_;
};

using KeyStore = ObjectStore<KeyVersion>;
using SecretStore = ObjectStore<SecretVersion>;
extern template class ObjectStore<KeyVersion>;
extern template class ObjectStore<SecretVersion>;

}  // namespace twofold::cloud

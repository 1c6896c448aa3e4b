#pragma once

#include <memory>
#include <string>

#include "base/hex.h"
#include "base/io/io.h"
#include "fs/disk/anchor_store.h"

namespace twofold::fs {

// Anchors in the local state directory, beside the notes (note.h), a file each:
//
//     <state>/<deployment id>/anchors/<node>/<disk>
//
// Replaced as a whole (write, sync, rename, sync of the directory). Nothing is made before the
// first save(). Names are those of the deployment: of a-z, 0-9 and -. Thread-safe.
class LocalAnchorStore final : public AnchorStore {
public:
    LocalAnchorStore(std::string state_directory, const Uuid& deployment, std::string node,
                     std::string disk)
        : state_directory_(std::move(state_directory)),
          deployment_(deployment),
          node_(std::move(node)),
          disk_(std::move(disk)) {}

    // Errc::damaged: larger than any record. Errc::invalid, io: no regular file of our own.
    Result<std::optional<std::vector<std::byte>>> load() override;
    Result<void> save(Bytes record) override;
    Result<void> forget() override;

private:
    Result<std::unique_ptr<io::Directory>> make() const;
    Result<std::unique_ptr<io::Directory>> open() const;  // Errc::not_found

    const std::string state_directory_;
    const Uuid deployment_;
    const std::string node_, disk_;
};

}  // namespace twofold::fs

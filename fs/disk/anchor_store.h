#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace twofold::fs {

// Where the anchor of one disk is kept (format, section 9): outside the store, found by deployment,
// node and disk name and never by what an image says. One record, replaced as a whole: after a
// crash it is the old one or the new one. What the bytes mean is the disk's business; an
// implementation neither reads nor trusts them. May be slow and may fail while a disk is mounted,
// so it is never called with a lock that I/O needs. Thread-safe.
class AnchorStore {
public:
    static constexpr std::size_t kRecordSizeMax = 16 * 1024;

    virtual ~AnchorStore() = default;
    // Nothing where none was ever saved. Errors: io, vault_unreachable, key_revoked (permission)
    // and its kin.
    virtual Result<std::optional<std::vector<std::byte>>> load() = 0;
    // Durable on return.
    virtual Result<void> save(Bytes record) = 0;
    virtual Result<void> forget() = 0;  // no error where there is none
};

}  // namespace twofold::fs

#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "fs/disk/anchor_store.h"

namespace twofold::fs {

// The place of one disk's anchor, and the name under which it is found there (format, section 9).
// The name is what the deployment calls the disk, never what an image says.
struct AnchorPlace {
    std::shared_ptr<AnchorStore>
        store;  // null: the disk has no anchor, and how new it is is unknown
    std::string node, disk;

    explicit operator bool() const { return store != nullptr; }
};

// An anchor that can't be brought up to date while its disk is mounted.
struct AnchorTrouble {
    UnixSeconds since = 0;
    std::string text;  // why, one line
};

}  // namespace twofold::fs

#pragma once

#include "fs/fuse/caretaker.h"
#include "fs/fuse/disk_files.h"

struct fuse_lowlevel_ops;

namespace twofold::fs {

// What libfuse's callbacks work on: the session's user data.
struct Served {
    DiskFiles& files;
    Caretaker* caretaker = nullptr;  // set before the loop runs
    bool writeback_cache = true;
};

// The callbacks, with a pointer to a Served as user data.
const fuse_lowlevel_ops& operations();

}  // namespace twofold::fs

#pragma once

#include <atomic>
#include <memory>

#include "base/io/io.h"
#include "fs/block/block_device.h"
#include "tools/twofold/progress.h"

namespace twofold::cli {

// While one lives, ^C and SIGTERM are noted instead of ending the program, so that what is half
// done can be undone.
class Interruptible {
public:
    Interruptible();
    ~Interruptible();
    Interruptible(const Interruptible&) = delete;
    Interruptible& operator=(const Interruptible&) = delete;
    static bool interrupted();
};

// Copies `size` bytes of `from` into `to`, which is at least as long and reads as zeros so far.
// Holes and blocks of zeros are not written. Synced on return. Errc::failed when interrupted.
Result<void> copy_in(io::File& from, std::uint64_t size, fs::BlockDevice& to, Progress& progress);

}  // namespace twofold::cli

#pragma once

#include <memory>
#include <optional>
#include <string>

#include "fs/disk/backlog.h"
#include "fs/disk/engine_context.h"
#include "fs/disk/map.h"
#include "fs/disk/superblock.h"

namespace twofold::fs {

// The state that an image holds, found without writing a byte (format, section 7, steps 3 to 8).
struct Recovered {
    Superblock superblock;            // the newest that verifies
    std::unique_ptr<Map> map;         // its tree
    Backlog backlog;                  // what the log has beyond it
    std::vector<Slot> pool;           // after the backlog
    std::uint64_t applied_epoch = 0;  // the last one in the backlog, or the superblock's
    std::uint64_t highest_epoch = 0;  // seen in any page, dropped ones included
    std::uint64_t next_sequence = 0;  // above every sequence seen

    // Epochs that were complete but never synced, and were not whole on disk.
    struct Dropped {
        std::uint64_t first_epoch = 0, last_epoch = 0;
        std::uint64_t bad_blocks = 0;
        BlockIndex first_bad;
    };
    std::optional<Dropped> dropped;
};

// Errc::unauthentic, history_lost, corrupt, damaged, io.
Result<Recovered> recover(EngineContext& context, const Superblock& superblock);

}  // namespace twofold::fs

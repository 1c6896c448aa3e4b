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
    std::uint64_t log_pages = 0;      // that follow the superblock, and fit

    // Epochs that were complete but never synced, and were not whole on disk.
    struct Dropped {
        std::uint64_t first_epoch = 0, last_epoch = 0;
        std::uint64_t bad_blocks = 0;
        BlockIndex first_bad;
    };
    std::optional<Dropped> dropped;

    // Acknowledged history that the image does not hold any more: log pages or a superblock were
    // lost. What is here is then the prefix before it.
    struct Missing {
        std::uint64_t first_epoch = 0, last_epoch = 0;  // the last one that any page tells of
        std::uint64_t mount_counter = 0;                // the highest that any page tells of
    };
    std::optional<Missing> missing;
};

// Whether to go on where history is missing (step 6). Only an owner who was told may accept it.
enum class MissingHistory { refuse, accept };

// `anchored_epoch`: acknowledged, as the anchor says; 0 without one. Errc::unauthentic,
// history_lost, corrupt, damaged, io.
Result<Recovered> recover(EngineContext& context, const Superblock& superblock,
                          std::uint64_t anchored_epoch = 0);

// Its parts, for who has to go on where one of them fails (check). Step 4; Errc::unauthentic,
// corrupt, damaged, io.
Result<SegmentTable> read_segment_table(EngineContext& context, const Superblock& superblock);
Result<PoolTable> read_pool_table(EngineContext& context, const Superblock& superblock);
// Steps 5 to 8; `recovered` has superblock, map and the pool of the superblock.
Result<void> replay_log(EngineContext& context, Recovered& recovered, MissingHistory missing,
                        std::uint64_t anchored_epoch = 0);

}  // namespace twofold::fs

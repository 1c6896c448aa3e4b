#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "fs/disk/committer.h"
#include "fs/disk/map.h"
#include "fs/disk/page_writer.h"
#include "fs/disk/versions.h"

namespace twofold::fs {

// Brings tree, tables and superblock up to an acknowledged epoch E, so that the log before it may
// be used again (format, section 6, "Checkpoint"). What is written goes to the copies that the
// current superblock does not use; it counts from the moment that superblock g+1 is durable, and a
// cut or an error at any earlier point changes nothing.
//
//     1 freeze      sync role    E, its backlog, its pool, the log's place behind E
//     2 write tree  no lock      leaves, nodes, segment table, pool table; commits go on meanwhile
//     3 sync        sync role    O4; it acknowledges epochs > E too, whose records stay in the log
//     4 superblock  sync role    read the newest back first: not ours means a second writer
//     5 sync        sync role    then the map is the new tree, and the log starts behind E
class Checkpointer {
public:
    // `written` hears of each superblock of run_after() once it is durable, without any lock held.
    using Written = std::function<void(const Superblock&)>;
    Checkpointer(
        EngineContext& context, Map& map, const Superblock& current,
        Written written = [](const Superblock&) {});

    // One checkpoint, unless another ended since superblock `generation` was the newest. Errors
    // stop the disk.
    Result<void> run_after(std::uint64_t generation, Committer& committer, Versions& versions);
    // The last one, at a clean unmount, after everything was committed: marks the disk CLEAN and
    // lets the log start at its head.
    Result<void> close(Committer& committer, Versions& versions);
    // The end of recovery (format, section 7, step 9): `next` says all but tree and pool. `sync` is
    // called twice.
    using Sync = std::function<Result<void>()>;
    Result<void> settle(const Backlog& backlog, std::span<const Slot> pool, Superblock next,
                        const Sync& sync);

    Superblock current() const;  // the newest durable one
    // Both header copies are of this generation: from the next superblock on an older one is
    // refused.
    void header_is_settled(std::uint64_t generation) { header_generation_ = generation; }

private:
    struct Tree;
    Result<void> run_with_state(Committer& committer, Versions& versions, Superblock::State state,
                                std::optional<std::uint64_t> only_after);
    Result<Tree> write_tree(const Backlog& backlog, std::span<const Slot> pool, Superblock& next);
    Result<void> write_segment(Segment segment, std::span<const LeafIndex> leaves,
                               const Backlog& backlog, Tree& tree);
    Result<void> write_tables(std::span<const Slot> pool, Tree& tree, Superblock& next);
    Result<void> write_next(const Superblock& next);
    void install(Tree tree, const Superblock& next);

    EngineContext& context_;
    Map& map_;
    const Written written_;
    std::mutex one_at_a_time_;  // taken before the sync role
    mutable std::mutex mutex_;
    Superblock current_;  // guarded by mutex_
    std::atomic<std::uint64_t> header_generation_{0};
};

}  // namespace twofold::fs

#pragma once

#include <mutex>

#include "fs/disk/engine_context.h"
#include "fs/disk/journal.h"
#include "fs/disk/map.h"
#include "fs/disk/versions.h"

namespace twofold::fs {

// P of the next epoch (format, section 5): keyed BLAKE2b-128 of 32 random bytes, a random mount id,
// the epoch's number and the boot clock. No state on disk: a restored image can't repeat it.
Result<Epoch::NoncePrefix> draw_nonce_prefix(EngineContext& context, const Uuid& mount,
                                             std::uint64_t epoch);

// Turns what was written into what survives (format, section 6). Two kinds of exclusion:
//
//   the pen        whoever holds it seals the open epoch and writes its log pages: soft commits
//                  and the first half of a commit. Pages so come in the order of epochs (O2).
//   the sync role  whoever holds it calls fdatasync, acknowledges, punches, writes superblocks. O7
//                  wants one thread for that, because the kernel reports a write-back error to one
//                  fdatasync only. A role that one thread holds at a time does the same: its holder
//                  stops the disk before he gives it up, and the next one looks before he syncs. So
//                  whoever needs a sync does it himself, without a change of threads, and one sync
//                  serves all who came before it (group commit).
//
// The role is taken before the pen, never after. Soft commits need the pen only, so they go on
// while an fdatasync runs; such epochs wait for the next one, because what a sync acknowledges is
// fixed before it begins.
class Committer {
public:
    static constexpr std::size_t kSoftEpochsMax = 64;  // complete, not acknowledged

    Committer(EngineContext& context, Versions& versions, Map& map, const Uuid& mount,
              const Journal::Identity& log, const LogPosition& log_start);

    // Every write that has returned survives a power cut.
    Result<void> commit();
    // Every write that has returned survives the end of this process.
    Result<void> soft_commit();
    // As soft_commit, but leaves the epoch open where as many wait as may.
    Result<void> soft_commit_if_room();
    // Tells in the log what is acknowledged, without a sync, where there is room for a page.
    Result<void> write_ack_page();
    bool ack_page_wanted() const { return journal_.told() < versions_.acknowledged(); }
    std::chrono::nanoseconds last_page_at() const { return journal_.last_page_at(); }

    // --- For who writes metadata of its own: checkpoints, header changes
    using SyncRole = std::unique_lock<std::mutex>;
    SyncRole take_sync_role() { return SyncRole(sync_role_); }
    // One fdatasync; acknowledges every epoch whose pages were written before it. Stops on error.
    Result<void> sync(const SyncRole& role);
    // The log pages before this one may be used again.
    void log_starts_at(std::uint64_t sequence) { log_start_ = sequence; }
    // Makes holes of the slots that acknowledged epochs discarded; a bounded part of them. True:
    // that was all.
    Result<bool> punch_some(const SyncRole& role);

private:
    Result<bool> write_pages(std::size_t unacknowledged_max);
    Result<void> append_epoch(const Epoch& epoch);
    Result<void> punch_range(BlockRange range);
    Result<void> punch_slots(Slot first, std::uint64_t count);

    EngineContext& context_;
    Versions& versions_;
    Map& map_;
    const Uuid mount_;
    std::mutex sync_role_;
    std::mutex pen_;
    Journal journal_;                       // written under the pen
    std::uint64_t next_epoch_;              // guarded by the pen; for nonces only
    std::atomic<std::uint64_t> log_start_;  // of the newest durable superblock
    std::atomic<bool> can_punch_{true};
};

}  // namespace twofold::fs

#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "fs/disk/backlog.h"
#include "fs/disk/epoch.h"
#include "fs/disk/health.h"
#include "fs/disk/pool.h"
#include "fs/disk/superblock.h"

namespace twofold::fs {

class Versions;

// A place in the log: the sequence of the next page, and the MAC of the page before it.
struct LogPosition {
    std::uint64_t sequence = 0;
    ChainValue chain{};
};

// What memory knows of a block.
struct Found {
    Known known;
    // An epoch that is not acknowledged changes it, or a punch of its slot is pending: its slot may
    // not be written in place (format, write rule 3(b)).
    bool recent = false;
};

// Where a block is, all versions considered.
struct Location {
    Entry entry;
    bool recent = false;  // as Found
};

// Room for one request: free slots of the pool, and log pages. Given back when destroyed, as far as
// it was not used; slots taken from the pool that no change names yet go back too.
class Reservation {
public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    ~Reservation() { release(); }

private:
    friend class Versions;
    void release() noexcept;
    Versions* versions_ = nullptr;
    std::uint64_t slots_ = 0;  // promised, not taken
    std::uint64_t pages_ = 0;
    std::vector<Slot> taken_;
};

// A writer's stay in the epoch that was open when it entered; the epoch may be sealed meanwhile,
// and then waits for it. Never wait for a lock or for space while holding one.
class EpochHold {
public:
    EpochHold(EpochHold&& other) noexcept = default;
    EpochHold& operator=(EpochHold&&) = delete;
    ~EpochHold();
    Result<crypto::Nonce> next_nonce() { return epoch_->next_nonce(); }

private:
    friend class Versions;
    EpochHold(Versions& versions, std::shared_ptr<Epoch> epoch)
        : versions_(versions), epoch_(std::move(epoch)) {}
    Versions& versions_;
    std::shared_ptr<Epoch> epoch_;
};

// The slot that a write uses.
struct Placement {
    Slot slot;
    bool again = false;  // rule (a): DATA in this epoch already, the same slot once more
};

// All versions of blocks that are newer than the tree on disk, and the space that new ones take.
// From the newest down (the order of looking up):
//
//     open      one epoch that writers enter
//     sealed    epochs whose commit page is being written, or written but not acknowledged
//     backlog   acknowledged since the last checkpoint began
//     frozen    the backlog that a running checkpoint merges into the tree
//     (Map)     the tree of the newest durable superblock
//
// What is known of a block only ever moves down this list, and under one lock, so a look from the
// top to the bottom misses nothing, even if the last step (the map, which reads from disk) happens
// later. One mutex guards it all; it is never held across I/O, cryptography or waiting.
//
// Space. A request reserves before it locks a block or enters an epoch, and waits holding nothing.
// Pages are promised as a sum of ceil(records / 55) over reservations and epochs: whichever epochs
// the requests end up in, the sum can only shrink, so a commit never finds the log full. One page
// more always stays free, for an ACK.
class Versions {
public:
    struct Start {
        Backlog backlog;
        std::vector<Slot> pool;
        std::uint64_t settled_epoch = 0;
        LogPosition log;      // start and head: nothing follows
        BlockRanges punches;  // zeroed before, perhaps not punched
    };
    // `on_work` is called, without locks, when something may be due: the first change of an epoch,
    // an acknowledgement; and urgently where much of the pool or log is in use.
    Versions(const Layout& layout, Start start, const Clock& clock, Epoch::NoncePrefix prefix,
             std::function<void(bool urgent)> on_work);

    // --- Looking up
    void find(BlockRange range, std::span<Found> out) const;
    Known find_acknowledged(BlockIndex block) const;
    // The first block at or after `from` that some version in memory may hold data of.
    std::optional<BlockIndex> next(BlockIndex from) const;

    // --- Space
    enum class Shortage { none, pool, log };
    struct Attempt {
        Shortage shortage = Shortage::none;
        Reservation reservation;
        std::uint64_t space_version = 0;
        bool uncommitted = false;  // a commit would free slots, or let a checkpoint free pages
        bool settled = false;      // a checkpoint would free pages
    };
    // Whether a request of that size can ever be served by this disk.
    bool can_hold(std::uint64_t slots, std::uint64_t records) const;
    Attempt try_reserve(std::uint64_t slots, std::uint64_t records);
    // Waits until space changed since the attempt, or the disk stopped.
    void wait_for_space(std::uint64_t space_version, const Health& health);
    void wake();  // after a stop

    // --- Writers. The caller holds the lock of the blocks.
    EpochHold enter();
    // Chooses the slot of each block by write rule 3. `before` was looked up under the block lock.
    void place(EpochHold& hold, Reservation& reservation, BlockIndex first,
               std::span<const Location> before, std::span<Placement> out);
    // The blocks' new entries count from now on.
    void put(EpochHold& hold, Reservation& reservation, BlockIndex first,
             std::span<const Location> before, std::span<const Entry> after);
    // The run reads as zeros from now on; each block keeps the slot it owned before this epoch.
    void zero(EpochHold& hold, Reservation& reservation, BlockRange range);

    // --- Committing: one caller at a time (the pen: seal, paged, ack_paged; the sync role: the
    // others) The open epoch gets a number and `prefix` starts the next; returns when its writers
    // have left. Null: it was empty, nothing changed.
    std::shared_ptr<const Epoch> seal(const Epoch::NoncePrefix& prefix);
    void paged(LogPosition after);      // the oldest epoch without pages has them all now
    void ack_paged(LogPosition after);  // an ACK page was written
    std::uint64_t newest_paged() const;
    std::uint64_t acknowledged() const;
    // The epoch that holds the newest write that has returned.
    std::uint64_t newest_write() const;
    std::size_t unacknowledged_count() const;  // sealed epochs
    bool open_is_empty() const;
    // Every epoch up to `number` is durable: what they replaced is free.
    void acknowledge(std::uint64_t number, bool punch);
    std::optional<BlockRange> next_punch() const;
    void punched(BlockRange range);

    // --- Checkpoints: one at a time
    struct Frozen {
        std::shared_ptr<const Backlog> backlog;
        std::vector<Slot> pool;  // as of the epoch
        std::uint64_t epoch = 0;
        LogPosition log;        // behind the epoch's COMMIT page
        bool complete = false;  // nothing is newer
    };
    Frozen freeze();
    // The frozen backlog is in the tree; log pages before `log_start` may be used again.
    void thaw(std::uint64_t log_start);

    // --- What is due
    struct Work {
        std::optional<std::chrono::nanoseconds> open_since;      // first change of `open`
        std::optional<std::chrono::nanoseconds> unsynced_since;  // of what is not acknowledged
        std::uint64_t acknowledged = 0;
        std::uint64_t pool_size = 0, pool_free = 0;
        std::uint64_t log_pages = 0, log_used = 0;
        std::uint64_t settled_pages = 0;    // of these, a checkpoint would free
        std::uint64_t unsettled_pages = 0;  // not acknowledged, and promised
        std::uint64_t sealed = 0;
        std::size_t backlog_leaves = 0;
        bool backlog_empty = true;
        bool punches = false;
        bool ack_page_fits = false;
    };
    Work work() const;

    // Every slot is owned once; for tests. `entries`: all blocks' acknowledged entries.
    Result<void> check_bijection(std::span<const Entry> entries) const;

private:
    friend class Reservation;
    friend class EpochHold;
    struct Sealed {
        std::shared_ptr<Epoch> epoch;
        bool paged = false;
        LogPosition after;  // behind its COMMIT page (and ACK pages that follow it)
    };

    Found find_one(BlockIndex block) const;
    Known known_below_epochs(BlockIndex block) const;
    std::uint64_t promised_pages() const;
    bool pressed() const;
    void merge(const Epoch& epoch, bool punch);
    void release_replaced(const Epoch::Change& change);
    void space_changed();
    struct News {
        bool any = false, urgent = false;
    };
    News news(const Epoch& epoch);
    void tell(News news) const;

    const Layout layout_;
    const Clock& clock_;
    const std::function<void(bool urgent)> on_work_;

    mutable std::mutex mutex_;       // guards all below
    std::condition_variable left_;   // an epoch's last holder
    std::condition_variable space_;  // space_version_ changed
    std::shared_ptr<Epoch> open_;
    std::deque<Sealed> sealed_;  // oldest first
    Backlog backlog_;
    std::shared_ptr<const Backlog> frozen_;  // may be null
    BlockRanges punches_;                    // zeroed and acknowledged, not punched yet
    Pool pool_;
    std::uint64_t reserved_slots_ = 0;
    std::uint64_t reserved_pages_ = 0;
    std::uint64_t log_start_ = 0;  // of the newest durable superblock
    std::uint64_t log_next_ = 0;   // head
    LogPosition settled_;          // all before is acknowledged (or ACK pages)
    std::uint64_t acknowledged_ = 0;
    std::uint64_t last_number_ = 0;  // of the newest sealed epoch
    std::uint64_t space_version_ = 0;
    bool told_pressed_ = false;  // on_work_ was called for it
    bool told_first_ = false;    // on_work_ was called for a change of `open`
};

}  // namespace twofold::fs

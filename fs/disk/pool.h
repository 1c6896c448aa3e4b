#pragma once

#include <map>
#include <span>
#include <vector>

#include "fs/disk/layout.h"

namespace twofold::fs {

// The R slots that no block owns durably (format, section 2). A slot of the pool is either free or
// *taken* by an epoch that is not acknowledged yet: as of the last acknowledged epoch it still
// belongs to the pool, and that is what a checkpoint writes down. Its life:
//
//     free --take--> taken --exchange--> (owned)   its epoch was acknowledged (O3); the slot that
//                                                  the block owned before is free instead
//                    taken --give_back--> free     written, but no page names it
//
// So free and taken are R together, always. Only take() needs memory, and changes nothing when
// there is none; the others move what it got. Not thread-safe: Versions' mutex guards it.
class Pool {
public:
    explicit Pool(std::span<const Slot> slots);

    std::uint64_t size() const { return free_count_ + taken_.size(); }
    std::uint64_t free_count() const { return free_count_; }
    // Appends `count` free slots to `out`, in runs as long as a short search finds, so that a
    // request is few writes, and is read back in few. Consecutive calls get consecutive slots where
    // they can.
    void take(std::size_t count, std::vector<Slot>& out);
    void give_back(Slot slot);
    void exchange(Slot taken, Slot replaced);
    // Free and taken, ascending: the pool as of the last acknowledged epoch.
    std::vector<Slot> slots() const;

private:
    using Runs = std::map<std::uint64_t, std::uint64_t>;  // first -> count
    void add_free(Runs::node_type slot);
    Runs::iterator best_run(std::uint64_t count);

    Runs free_;
    std::uint64_t free_count_ = 0;
    std::uint64_t next_ = 0;  // where the last run ended: the search goes on from there
    Runs taken_;              // each of one slot, so that its node can go to free_ and back
};

}  // namespace twofold::fs

#pragma once

#include <map>
#include <set>
#include <span>
#include <vector>

#include "fs/disk/layout.h"

namespace twofold::fs {

// The R slots that no block owns durably (format, section 2). A slot of the pool is either free or
// *taken* by an epoch that is not acknowledged yet: as of the last acknowledged epoch it still
// belongs to the pool, and that is what a checkpoint writes down. Its life:
//
//     free --take--> taken --keep--> (owned by a block)       the epoch was acknowledged
//                    taken --give_back--> free                 written, but no page names it
//     (owned) --release--> free                                replaced by an acknowledged epoch
//     (O3)
//
// so free + taken is R whenever no acknowledgement is under way. Not thread-safe: Versions' mutex
// guards it.
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
    void keep(Slot slot);
    void release(Slot slot);
    // Free and taken, ascending: the pool as of the last acknowledged epoch.
    std::vector<Slot> slots() const;

private:
    void add_free(std::uint64_t slot);
    std::map<std::uint64_t, std::uint64_t>::iterator best_run(std::uint64_t count);

    std::map<std::uint64_t, std::uint64_t> free_;  // runs: first -> count
    std::uint64_t free_count_ = 0;
    std::uint64_t next_ = 0;  // where the last run ended: the search goes on from there
    std::set<std::uint64_t> taken_;
};

}  // namespace twofold::fs

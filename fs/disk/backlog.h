#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "fs/disk/block_ranges.h"
#include "fs/disk/entry.h"

namespace twofold::fs {

// What an overlay knows of one block. Nothing known: look further down.
struct Known {
    std::optional<Entry> entry;
    bool zeroed =
        false;  // no entry here, but a range made it ZERO, in the slot it owns further down
};

// Acknowledged changes that the tree on disk does not have yet: what the log has behind the newest
// checkpoint. So its size is bounded by the log's, and leaves in memory are never dirty: a
// checkpoint takes a backlog as it stands and merges it, leaf by leaf, into the tree, while newer
// epochs gather in the next one. Grouped by leaf, as a checkpoint wants it. Not thread-safe.
class Backlog {
public:
    // The changed entries of one leaf, dense.
    class LeafChanges {
    public:
        const Entry* find(std::uint32_t index) const;
        void put(std::uint32_t index, const Entry& entry);
        // Calls visit(index, Entry&) for each changed entry, ascending.
        template <class Visit>
        void each(Visit visit) {
            std::size_t next = 0;
            for (std::uint32_t index = 0; index < kLeafEntries; ++index)
                if ((present_ >> index & 1) != 0) visit(index, entries_[next++]);
        }
        template <class Visit>
        void each(Visit visit) const {
            const_cast<LeafChanges*>(this)->each(
                [&](std::uint32_t index, const Entry& entry) { visit(index, entry); });
        }

    private:
        std::size_t rank(std::uint32_t index) const;
        std::uint64_t present_ = 0;  // bit i: entry i is here
        std::vector<Entry> entries_;
    };

    // Epochs are applied in their order; within one, ranges first.
    void zero(BlockRange range);
    void put(BlockIndex block, const Entry& entry);

    Known find(BlockIndex block) const;
    const LeafChanges* find(LeafIndex leaf) const;
    bool empty() const { return leaves_.empty() && zeroed_.empty(); }
    std::size_t leaf_count() const { return leaves_.size(); }  // with changed entries
    std::vector<LeafIndex> leaves() const;                     // ascending
    const BlockRanges& zeroed() const { return zeroed_; }
    std::optional<BlockIndex> next(BlockIndex from) const;  // the first DATA entry from there on

private:
    std::unordered_map<std::uint64_t, LeafChanges> leaves_;  // by LeafIndex
    BlockRanges zeroed_;
};

}  // namespace twofold::fs

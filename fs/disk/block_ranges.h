#pragma once

#include <map>
#include <optional>

#include "fs/block/block_device.h"

namespace twofold::fs {

// A set of blocks, kept as runs that neither touch nor overlap. Not thread-safe.
class BlockRanges {
public:
    void add(BlockRange range);
    void remove(BlockRange range);
    bool contains(BlockIndex block) const;
    bool empty() const { return runs_.empty(); }
    std::size_t run_count() const { return runs_.size(); }
    // The first run at or after `from`, cut at `from`.
    std::optional<BlockRange> next(BlockIndex from) const;

    // Calls visit(BlockRange) for each run, ascending.
    template <class Visit>
    void each(Visit visit) const {
        for (const auto& [first, end] : runs_) visit(BlockRange{BlockIndex{first}, end - first});
    }

private:
    std::map<std::uint64_t, std::uint64_t> runs_;  // first -> one past the last
};

constexpr std::uint64_t end_of(BlockRange range) { return range.first.value() + range.count; }
constexpr bool overlap(BlockRange a, BlockRange b) {
    return a.first.value() < end_of(b) && b.first.value() < end_of(a);
}

}  // namespace twofold::fs

#include "fs/disk/block_ranges.h"

#include <algorithm>

namespace twofold::fs {

void BlockRanges::add(BlockRange range) {
    if (range.count == 0) return;
    std::uint64_t first = range.first.value();
    std::uint64_t end = end_of(range);
    // Swallow every run that overlaps or touches [first, end).
    auto run = runs_.upper_bound(first);
    if (run != runs_.begin() && std::prev(run)->second >= first) --run;
    while (run != runs_.end() && run->first <= end) {
        first = std::min(first, run->first);
        end = std::max(end, run->second);
        run = runs_.erase(run);
    }
    runs_.emplace(first, end);
}

void BlockRanges::remove(BlockRange range) {
    if (range.count == 0) return;
    const std::uint64_t first = range.first.value();
    const std::uint64_t end = end_of(range);
    auto run = runs_.upper_bound(first);
    if (run != runs_.begin() && std::prev(run)->second > first) --run;
    while (run != runs_.end() && run->first < end) {
        const auto [run_first, run_end] = *run;
        run = runs_.erase(run);
        if (run_first < first) runs_.emplace(run_first, first);
        if (run_end > end) {
            runs_.emplace(end, run_end);
            return;
        }
    }
}

bool BlockRanges::contains(BlockIndex block) const {
    if (runs_.empty()) return false;
    const auto run = runs_.upper_bound(block.value());
    return run != runs_.begin() && std::prev(run)->second > block.value();
}

std::optional<BlockRange> BlockRanges::next(BlockIndex from) const {
    auto run = runs_.upper_bound(from.value());
    if (run != runs_.begin() && std::prev(run)->second > from.value()) --run;
    if (run == runs_.end()) return std::nullopt;
    const std::uint64_t first = std::max(run->first, from.value());
    return BlockRange{BlockIndex{first}, run->second - first};
}

}  // namespace twofold::fs

#include "fs/disk/backlog.h"

#include <algorithm>
#include <bit>

namespace twofold::fs {

std::size_t Backlog::LeafChanges::rank(std::uint32_t index) const {
    const std::uint64_t below = present_ & ((std::uint64_t{1} << index) - 1);
    return static_cast<std::size_t>(std::popcount(below));
}

const Entry* Backlog::LeafChanges::find(std::uint32_t index) const {
    return (present_ >> index & 1) != 0 ? &entries_[rank(index)] : nullptr;
}

void Backlog::LeafChanges::put(std::uint32_t index, const Entry& entry) {
    const std::size_t at = rank(index);
    if ((present_ >> index & 1) != 0) {
        entries_[at] = entry;
        return;
    }
    entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(at), entry);
    present_ |= std::uint64_t{1} << index;
}

void Backlog::put(BlockIndex block, const Entry& entry) {
    leaves_[leaf_of(block).value()].put(index_in_leaf(block), entry);
}

// Entries that are here keep their slot: the tree further down has an older one.
void Backlog::zero(BlockRange range) {
    zeroed_.add(range);
    const auto zero_inside = [&](LeafIndex leaf, LeafChanges& changes) {
        const std::uint64_t first = first_block_of(leaf).value();
        changes.each([&](std::uint32_t index, Entry& entry) {
            if (first + index >= range.first.value() && first + index < end_of(range))
                entry = Entry::zero_at(entry.slot);
        });
    };
    const std::uint64_t first = leaf_of(range.first).value();
    const std::uint64_t last = leaf_of(BlockIndex{end_of(range) - 1}).value();
    if (last - first < leaves_.size()) {
        for (std::uint64_t leaf = first; leaf <= last; ++leaf)
            if (const auto found = leaves_.find(leaf); found != leaves_.end())
                zero_inside(LeafIndex{leaf}, found->second);
    } else {
        for (auto& [leaf, changes] : leaves_)
            if (leaf >= first && leaf <= last) zero_inside(LeafIndex{leaf}, changes);
    }
}

const Backlog::LeafChanges* Backlog::find(LeafIndex leaf) const {
    const auto found = leaves_.find(leaf.value());
    return found == leaves_.end() ? nullptr : &found->second;
}

Known Backlog::find(BlockIndex block) const {
    if (const LeafChanges* changes = leaves_.empty() ? nullptr : find(leaf_of(block)))
        if (const Entry* entry = changes->find(index_in_leaf(block))) return {*entry, false};
    return {std::nullopt, zeroed_.contains(block)};
}

std::vector<LeafIndex> Backlog::leaves() const {
    std::vector<LeafIndex> all;
    all.reserve(leaves_.size());
    for (const auto& [leaf, changes] : leaves_) all.push_back(LeafIndex{leaf});
    std::sort(all.begin(), all.end());
    return all;
}

std::optional<BlockIndex> Backlog::next(BlockIndex from) const {
    std::optional<BlockIndex> best;
    for (const auto& [leaf, changes] : leaves_) {
        const std::uint64_t first = first_block_of(LeafIndex{leaf}).value();
        if (first + kLeafEntries <= from.value()) continue;
        if (best && first > best->value()) continue;
        changes.each([&](std::uint32_t index, const Entry& entry) {
            const BlockIndex block{first + index};
            if (entry.data && block >= from && (!best || block < *best)) best = block;
        });
    }
    return best;
}

}  // namespace twofold::fs

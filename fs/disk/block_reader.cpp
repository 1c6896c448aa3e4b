#include "fs/disk/block_reader.h"

#include <algorithm>

#include "fs/disk/rule.h"

namespace twofold::fs {

BlockReader::BlockReader(EngineContext& context, Versions& versions, Map& map, BlockLocks& locks,
                         ScratchPool& scratch)
    : context_(context), versions_(versions), map_(map), locks_(locks), scratch_(scratch) {}

Result<void> BlockReader::read(ByteOffset offset, MutableBytes out) {
    TF_TRY(check_inside(context_.layout, offset, out.size()));
    while (!out.empty()) {
        const std::size_t size = std::min(out.size(), kRequestMax);
        const BlockRange range = blocks_around(offset, size);
        const ScratchPool::Scratch units = scratch_.take(range.count);
        std::vector<Location> where(range.count);
        TF_TRY(read_blocks(range, units, where));
        std::size_t within = offset.value() % kBlockSize;
        for (std::size_t i = 0, done = 0; done < size; ++i, within = 0) {
            const std::size_t count = std::min(kBlockSize - within, size - done);
            if (where[i].entry.data)
                std::memcpy(out.data() + done, units.unit(i).data() + within, count);
            else
                std::memset(out.data() + done, 0, count);
            done += count;
        }
        offset = ByteOffset{offset.value() + size};
        out = out.subspan(size);
    }
    return {};
}

Result<void> BlockReader::read_blocks(BlockRange range, const ScratchPool::Scratch& units,
                                      std::span<Location> where) {
    TF_TRY(locate(range, Want::state, where));
    TF_TRY(fetch(where, units));
    for (std::size_t i = 0; i < where.size(); ++i) {
        if (!where[i].entry.data) continue;
        const BlockIndex block{range.first.value() + i};
        auto opened = open(block, where[i].entry, units.unit(i));
        if (!opened && broken(Rule::tag_is_checked)) continue;
        if (!opened && opened.error().code != Errc::unauthentic) return opened;
        if (!opened && broken(Rule::failed_tag_is_looked_at_again)) return opened;
        if (!opened) {
            const auto lock = locks_.lock({block, 1});
            TF_TRY(locate({block, 1}, Want::state, where.subspan(i, 1)));
            if (where[i].entry.data) TF_TRY(read_locked(block, where[i].entry, units.unit(i)));
        }
        ++context_.counters.blocks_read;
    }
    return {};
}

Result<void> BlockReader::read_locked(BlockIndex block, const Entry& entry, MutableBytes unit) {
    TF_TRY(context_.file.read(context_.layout.slot_offset(entry.slot), unit.first(kBlockSize)));
    auto opened = open(block, entry, unit);
    if (opened || opened.error().code != Errc::unauthentic) return opened;
    const std::string found_by = opened.error().what;  // "layer 2"
    DiskEvent event{DiskEvent::Kind::block_error,
                    fmt::format("block {}: slot {}, keyset {}: {}: does not authenticate",
                                block.value(), entry.slot.value(), entry.keyset, found_by),
                    block, found_by == "layer 1" ? crypto::Layer::one : crypto::Layer::two};
    context_.options.on_event(event);
    return fail(Errc::unauthentic, "{}", event.text);
}

Result<void> BlockReader::open(BlockIndex block, const Entry& entry, MutableBytes unit) {
    const SealStack* stack = context_.keys.find(entry.keyset);
    if (stack == nullptr)
        return fail(Errc::corrupt, "block {}: keyset {} unknown", block.value(), entry.keyset);
    return stack->open(entry.seal_info(block), unit);
}

// Adjacent slots in one call.
Result<void> BlockReader::fetch(std::span<const Location> where,
                                const ScratchPool::Scratch& units) {
    std::vector<MutableBytes> parts;
    parts.reserve(where.size());
    for (std::size_t i = 0; i < where.size(); ++i) {
        if (!where[i].entry.data) continue;
        parts.push_back(units.unit(i).first(kBlockSize));
        const Slot slot = where[i].entry.slot;
        if (i + 1 < where.size() && where[i + 1].entry.data &&
            adjacent(slot, where[i + 1].entry.slot))
            continue;
        const std::uint64_t end = context_.layout.slot_offset(slot) + kBlockSize;
        TF_TRY(context_.file.read(end - parts.size() * kBlockSize, parts));
        parts.clear();
    }
    return {};
}

// ---- Where blocks are

Result<void> BlockReader::locate(BlockRange range, Want want, std::span<Location> out) {
    TF_CHECK(out.size() == range.count);
    // All of memory first, then the tree: what moves meanwhile moves down (Versions).
    std::vector<Found> found(range.count);
    versions_.find(range, found);
    std::optional<LeafIndex> loaded;
    Map::LeafHandle leaf;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const BlockIndex block{range.first.value() + i};
        const Known& known = found[i].known;
        out[i].recent = found[i].recent;
        if (known.entry) {
            out[i].entry = *known.entry;
            continue;
        }
        out[i].entry = Entry();
        if (known.zeroed && want == Want::state) continue;
        if (loaded != leaf_of(block)) {
            TF_ASSIGN(leaf, map_.leaf(leaf_of(block)));
            loaded = leaf_of(block);
        }
        const Entry entry = leaf ? leaf->entry(index_in_leaf(block))
                                 : Entry::zero_at(map_.layout().implicit_slot(block));
        out[i].entry = known.zeroed ? Entry::zero_at(entry.slot) : entry;
    }
    return {};
}

// Leaf by leaf; from one that has nothing to the next that was written or that memory knows of.
Result<std::optional<BlockRange>> BlockReader::next_data(BlockIndex from) {
    const std::uint64_t end = context_.layout.block_count();
    std::vector<Location> where;
    while (from.value() < end) {
        const LeafIndex leaf = leaf_of(from);
        const std::uint64_t leaf_end =
            std::min(end, first_block_of(leaf).value() + entries_in(leaf));
        where.resize(leaf_end - from.value());
        TF_TRY(locate({from, where.size()}, Want::state, where));
        const auto is_data = [](const Location& location) { return location.entry.data; };
        const auto first = std::ranges::find_if(where, is_data);
        if (first != where.end()) {
            const auto last = std::find_if_not(first, where.end(), is_data);
            return std::optional(BlockRange{
                BlockIndex{from.value() + static_cast<std::uint64_t>(first - where.begin())},
                static_cast<std::uint64_t>(last - first)});
        }
        const BlockIndex next{leaf_end};
        if (leaf_end == end) break;
        TF_ASSIGN(const auto written, map_.next_written(leaf_of(next)));
        const auto known = versions_.next(next);
        if (!written && !known) break;
        from = written ? std::max(next, first_block_of(*written)) : *known;
        if (known) from = std::min(from, *known);
    }
    return std::optional<BlockRange>();
}

BlockRange blocks_around(ByteOffset offset, std::uint64_t size) {
    const std::uint64_t first = offset.value() / kBlockSize;
    const std::uint64_t end = (offset.value() + size + kBlockSize - 1) / kBlockSize;
    return {BlockIndex{first}, end - first};
}

Result<void> check_inside(const Layout& layout, ByteOffset offset, std::uint64_t size) {
    const std::uint64_t end = layout.block_count() * kBlockSize;
    if (offset.value() <= end && size <= end - offset.value()) return {};
    return fail(Errc::too_big, "disk: {} bytes at {}: past its end at {}", size, offset.value(),
                end);
}

}  // namespace twofold::fs

#include "fs/disk/block_writer.h"

#include <algorithm>

#include "fs/disk/rule.h"

namespace twofold::fs {

BlockWriter::BlockWriter(EngineContext& context, Versions& versions, Map& map, BlockLocks& locks,
                         ScratchPool& scratch, BlockReader& reader, Room& room)
    : context_(context),
      versions_(versions),
      map_(map),
      locks_(locks),
      scratch_(scratch),
      reader_(reader),
      room_(room),
      allocated_(context.layout.segment_count()) {}

Result<void> BlockWriter::write(ByteOffset offset, Bytes data) {
    TF_TRY(check_inside(context_.layout, offset, data.size()));
    if (data.size() > kRequestMax)
        return fail(Errc::invalid, "disk: a write of {} bytes, more than {}", data.size(),
                    kRequestMax);
    if (data.empty()) return {};
    const BlockRange range = blocks_around(offset, data.size());
    TF_ASSIGN(Reservation room, room_.reserve(range.count, range.count));
    auto early =  // nothing, but in a mutant
        broken(Rule::locks_come_before_the_epoch) ? std::optional(versions_.enter()) : std::nullopt;
    const auto lock = locks_.lock(broken(Rule::blocks_are_locked) ? BlockRange{} : range);
    std::vector<Location> before(range.count);
    TF_TRY(reader_.locate(range, BlockReader::Want::slots, before));
    const ScratchPool::Scratch units = scratch_.take(range.count);
    TF_TRY(fill(units, range, offset, data, before));
    TF_TRY(allocate_metadata(range));
    EpochHold epoch = early ? std::move(*early) : versions_.enter();
    return write_in_epoch(epoch, room, range, units, before);
}

// Plaintext into the units; blocks that are written in part are read and patched.
Result<void> BlockWriter::fill(const ScratchPool::Scratch& units, BlockRange range,
                               ByteOffset offset, Bytes data, std::span<const Location> before) {
    std::size_t within = offset.value() % kBlockSize;
    for (std::size_t i = 0; i < range.count; ++i, within = 0) {
        const MutableBytes unit = units.unit(i);
        const std::size_t count = std::min(kBlockSize - within, data.size());
        if (count < kBlockSize) {
            if (before[i].entry.data)
                TF_TRY(reader_.read_locked(BlockIndex{range.first.value() + i}, before[i].entry,
                                           unit));
            else
                std::ranges::fill(unit.first(kBlockSize), std::byte{0});
        }
        std::memcpy(unit.data() + within, data.data(), count);
        data = data.subspan(count);
    }
    return {};
}

// A segment's leaves and node get their space before its first block is accepted, so that no commit
// or checkpoint ever needs any.
Result<void> BlockWriter::allocate_metadata(BlockRange range) {
    const Segment last = segment_of(BlockIndex{end_of(range) - 1});
    for (Segment segment = segment_of(range.first); segment <= last;
         segment = Segment{segment.value() + 1}) {
        {
            const std::scoped_lock hold(mutex_);
            if (allocated_[segment.value()]) continue;
        }
        if (map_.reference(segment).implicit() && !broken(Rule::metadata_is_allocated_first)) {
            auto allocated = context_.file.allocate(context_.layout.segment_offset(segment),
                                                    kSegmentMetadataSize);
            if (!allocated && allocated.error().code != Errc::no_space)
                return context_.health.stop(std::move(allocated).error().in("disk image"));
            TF_TRY(std::move(allocated));
        }
        const std::scoped_lock hold(mutex_);
        allocated_[segment.value()] = true;
    }
    return {};
}

Result<void> BlockWriter::write_in_epoch(EpochHold& epoch, Reservation& room, BlockRange range,
                                         const ScratchPool::Scratch& units,
                                         std::span<const Location> before) {
    std::vector<Placement> places(range.count);
    versions_.place(epoch, room, range.first, before, places);
    std::vector<Entry> after(range.count);
    for (std::size_t i = 0; i < range.count; ++i) {
        SealInfo info;
        info.index = BlockIndex{range.first.value() + i};
        TF_ASSIGN(info.nonce, epoch.next_nonce());
        TF_TRY(context_.keys.active().seal(info, units.unit(i)));
        after[i] = Entry::sealed_at(places[i].slot, info);
    }
    // Nothing was written so far: an error up to here is the request's alone. Slots that hold
    // this epoch's data come last: once one is overwritten there is no way back.
    return stop_without_memory(context_.health, [&]() -> Result<void> {
        if (broken(Rule::pages_follow_data)) versions_.put(epoch, room, range.first, before, after);
        const bool first = broken(Rule::fresh_slots_are_written_first);
        if (auto written = write_slots(places, first, units); !written) {
            if (written.error().code == Errc::no_space) return written;  // old state stands
            if (broken(Rule::failed_write_stops)) return written;
            return context_.health.stop(std::move(written).error().in("disk image"));
        }
        if (auto written = write_slots(places, !first, units); !written) {
            if (broken(Rule::torn_slot_stops)) return written;
            return context_.health.stop(std::move(written).error().in("disk image"));
        }
        versions_.put(epoch, room, range.first, before, after);
        context_.counters.blocks_written += range.count;
        return {};
    });
}

// Adjacent slots in one call; whole slots always.
Result<void> BlockWriter::write_slots(std::span<const Placement> places, bool again,
                                      const ScratchPool::Scratch& units) {
    std::vector<Bytes> parts;
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (places[i].again != again) continue;
        parts.push_back(units.unit(i).first(kBlockSize));
        if (i + 1 < places.size() && places[i + 1].again == again &&
            adjacent(places[i].slot, places[i + 1].slot))
            continue;
        const std::uint64_t end = context_.layout.slot_offset(places[i].slot) + kBlockSize;
        TF_TRY(context_.file.write(end - parts.size() * kBlockSize, parts));
        parts.clear();
    }
    return {};
}

// ---- Zeros

Result<void> BlockWriter::zero(ByteOffset offset, std::uint64_t length) {
    TF_TRY(check_inside(context_.layout, offset, length));
    const std::uint64_t begin = offset.value();
    const std::uint64_t end = begin + length;
    const std::uint64_t whole_begin = (begin + kBlockSize - 1) / kBlockSize * kBlockSize;
    const std::uint64_t whole_end = end / kBlockSize * kBlockSize;
    if (context_.zeros_stored() || whole_begin >= whole_end)
        return overwrite_with_zeros(offset, length);
    TF_TRY(overwrite_with_zeros(offset, whole_begin - begin));
    for (std::uint64_t block = whole_begin / kBlockSize; block < whole_end / kBlockSize;) {
        TF_ASSIGN(const BlockIndex next, skip_untouched(BlockIndex{block}));
        block = next.value();
        if (block >= whole_end / kBlockSize) break;
        const std::uint64_t segment_end = (block / kSegmentSlots + 1) * kSegmentSlots;
        const std::uint64_t run_end = std::min(segment_end, whole_end / kBlockSize);
        TF_TRY(discard({BlockIndex{block}, run_end - block}));
        block = run_end;
    }
    return overwrite_with_zeros(ByteOffset{whole_end}, end - whole_end);
}

// Skips segments that nothing was ever written to: most of a sparse disk.
Result<BlockIndex> BlockWriter::skip_untouched(BlockIndex from) {
    if (!map_.reference(segment_of(from)).implicit()) return from;
    TF_ASSIGN(const auto leaf, map_.next_written(leaf_of(from)));
    BlockIndex next{context_.layout.block_count()};
    if (leaf) next = std::max(from, first_block_of(*leaf));
    if (const auto block = versions_.next(from)) next = std::min(next, *block);
    return next;
}

Result<void> BlockWriter::discard(BlockRange range) {
    TF_ASSIGN(Reservation room, room_.reserve(0, 1));
    const auto lock = locks_.lock(range);
    TF_ASSIGN(const BlockRange data, data_in(range));
    if (data.count == 0) return {};  // reads as zeros already
    EpochHold epoch = versions_.enter();
    return stop_without_memory(context_.health, [&]() -> Result<void> {
        versions_.zero(epoch, room, data);
        return {};
    });
}

// `range` without blocks at its ends that are ZERO already.
Result<BlockRange> BlockWriter::data_in(BlockRange range) {
    constexpr std::uint64_t kAtOnce = 4 * kLeafEntries;
    std::optional<std::uint64_t> first;
    std::uint64_t last = 0;
    std::vector<Location> where;
    for (std::uint64_t done = 0; done < range.count; done += where.size()) {
        const BlockIndex from{range.first.value() + done};
        where.resize(std::min(kAtOnce, range.count - done));
        TF_TRY(reader_.locate({from, where.size()}, BlockReader::Want::state, where));
        for (std::size_t i = 0; i < where.size(); ++i) {
            if (!where[i].entry.data) continue;
            last = from.value() + i;
            if (!first) first = last;
        }
    }
    if (!first) return BlockRange{range.first, 0};
    return BlockRange{BlockIndex{*first}, last + 1 - *first};
}

Result<void> BlockWriter::overwrite_with_zeros(ByteOffset offset, std::uint64_t length) {
    static constexpr std::array<std::byte, 64 * 1024> kZeros{};
    while (length > 0) {
        const std::uint64_t size = std::min<std::uint64_t>(length, kZeros.size());
        TF_ASSIGN(const BlockRange data, data_in(blocks_around(offset, size)));
        if (data.count != 0 || context_.zeros_stored())
            TF_TRY(write(offset, Bytes(kZeros).first(size)));
        offset = ByteOffset{offset.value() + size};
        length -= size;
    }
    return {};
}

}  // namespace twofold::fs

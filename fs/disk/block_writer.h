#pragma once

#include <mutex>
#include <vector>

#include "fs/disk/block_reader.h"
#include "fs/disk/room.h"

namespace twofold::fs {

// Writes and discards blocks (format, section 6, "Write"). What each step may wait for, and what it
// holds then:
//
//     reserve slots and log pages        a commit or checkpoint; holds nothing
//     lock the run of blocks             writers of the same blocks; holds the reservation
//     look up, read what is patched      the store
//     allocate metadata                  the store
//     enter the epoch                    nothing: from here on a commit may wait for us
//     choose slots, seal, write          the store
//     put the entries, leave, unlock     nothing
//
// Locks before epoch: see BlockLocks. What was looked up before the epoch was entered stays true:
// the blocks are locked. Thread-safe.
class BlockWriter {
public:
    BlockWriter(EngineContext& context, Versions& versions, Map& map, BlockLocks& locks,
                ScratchPool& scratch, BlockReader& reader, Room& room);

    // At most kRequestMax bytes: one epoch has all of it. Errc::no_space: nothing changed.
    Result<void> write(ByteOffset offset, Bytes data);
    // Whole blocks are discarded, a segment's worth in one epoch; parts of blocks are overwritten.
    Result<void> zero(ByteOffset offset, std::uint64_t length);

private:
    Result<void> fill(const ScratchPool::Scratch& units, BlockRange range, ByteOffset offset,
                      Bytes data, std::span<const Location> before);
    Result<void> allocate_metadata(BlockRange range);
    Result<void> write_in_epoch(EpochHold& epoch, Reservation& room, BlockRange range,
                                const ScratchPool::Scratch& units,
                                std::span<const Location> before);
    Result<void> write_slots(std::span<const Placement> places, bool again,
                             const ScratchPool::Scratch& units);
    Result<void> overwrite_with_zeros(ByteOffset offset, std::uint64_t length);
    Result<void> discard(BlockRange range);
    Result<BlockRange> data_in(BlockRange range);
    Result<BlockIndex> skip_untouched(BlockIndex from);

    EngineContext& context_;
    Versions& versions_;
    Map& map_;
    BlockLocks& locks_;
    ScratchPool& scratch_;
    BlockReader& reader_;
    Room& room_;
    std::mutex mutex_;
    std::vector<bool> allocated_;  // by segment: its metadata has space; guarded by mutex_
};

}  // namespace twofold::fs

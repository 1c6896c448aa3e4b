#pragma once

#include "fs/disk/block_locks.h"
#include "fs/disk/engine_context.h"
#include "fs/disk/map.h"
#include "fs/disk/scratch.h"
#include "fs/disk/versions.h"

namespace twofold::fs {

// Finds and opens blocks (format, section 6, "Read"). Readers take no block lock: a slot may be
// rewritten or recycled under them, and then the tag fails. So a block that fails is looked up and
// read once more under its lock; only the second failure is one. Thread-safe.
class BlockReader {
public:
    BlockReader(EngineContext& context, Versions& versions, Map& map, BlockLocks& locks,
                ScratchPool& scratch);

    // Any range inside the disk. Nothing of a block that failed is in `out`, which is then
    // unspecified elsewhere. Errc::unauthentic (reported as an event), io.
    Result<void> read(ByteOffset offset, MutableBytes out);

    // Where the blocks of `range` are now. Stays true for whoever holds their lock, except that
    // `recent` may turn false.
    enum class Want { state, slots };  // state: the slot of a ZERO entry is not looked for
    Result<void> locate(BlockRange range, Want want, std::span<Location> out);
    // The first run of DATA blocks at or after `from`, cut at the end of a leaf.
    Result<std::optional<BlockRange>> next_data(BlockIndex from);
    // The plaintext of one block whose lock the caller holds, in unit.first(kBlockSize).
    Result<void> read_locked(BlockIndex block, const Entry& entry, MutableBytes unit);

private:
    Result<void> read_blocks(BlockRange range, const ScratchPool::Scratch& units,
                             std::span<Location> where);
    Result<void> open(BlockIndex block, const Entry& entry, MutableBytes unit);
    Result<void> fetch(std::span<const Location> where, const ScratchPool::Scratch& units);

    EngineContext& context_;
    Versions& versions_;
    Map& map_;
    BlockLocks& locks_;
    ScratchPool& scratch_;
};

// The blocks that [offset, offset + size) touches.
BlockRange blocks_around(ByteOffset offset, std::uint64_t size);
// Errc::too_big unless inside the disk.
Result<void> check_inside(const Layout& layout, ByteOffset offset, std::uint64_t size);

}  // namespace twofold::fs

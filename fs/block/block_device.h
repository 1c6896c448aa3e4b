#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/id.h"

namespace twofold::fs {

constexpr std::size_t kBlockSize = 4096;  // bytes; the only one (format, D-7)
constexpr std::size_t kRequestMax = 1 << 20;  // bytes in one read or write, alignment aside

using BlockIndex = Id<struct BlockIndexTag, std::uint64_t>;  // which block of the disk
using ByteOffset = Id<struct ByteOffsetTag, std::uint64_t>;  // where in the disk

constexpr ByteOffset offset_of(BlockIndex block) {
    return ByteOffset{block.value() * kBlockSize};
}
constexpr BlockIndex block_of(ByteOffset offset) {
    return BlockIndex{offset.value() / kBlockSize};
}

// [first, first + count)
struct BlockRange {
    BlockIndex first;
    std::uint64_t count = 0;

    bool operator==(const BlockRange&) const = default;
};

struct Geometry {
    std::uint64_t block_count = 0;
    constexpr std::uint64_t size() const { return block_count * kBlockSize; }  // bytes
};

enum class Durability {
    committed,  // survives the death of this process, not a power cut
    synced,     // survives a power cut
};

// A disk as its owner sees it: a fixed number of bytes of plaintext, kept in blocks of 4 KiB. Calls
// take any range of bytes up to kRequestMax; whole blocks are fastest. Any calls may run at the same
// time; writes to overlapping blocks are put in some order, and each write of at most kRequestMax
// bytes survives a crash as a whole or not at all.
//
// Errors of every call: Errc::stopped after the backing store failed (writes only), Errc::key_* while
// the disk has no key, Errc::too_big for a range that is not inside the disk.
class BlockDevice {
public:
    virtual ~BlockDevice() = default;
    virtual Geometry geometry() const = 0;
    virtual bool read_only() const = 0;
    // Fills `out`. What was never written reads as zeros. Errc::unauthentic: these bytes are not what
    // was written here; none of them is returned.
    virtual Result<void> read(ByteOffset offset, MutableBytes out) = 0;
    // Errc::no_space: nothing of this write was taken, earlier contents stand. Errc::read_only.
    virtual Result<void> write(ByteOffset offset, Bytes data) = 0;
    // Discard: reads as zeros from now on. Any length inside the disk.
    virtual Result<void> zero(ByteOffset offset, std::uint64_t length) = 0;
    // The first run of blocks at or after `from` that may hold data; nothing if all is zero.
    virtual Result<std::optional<BlockRange>> next_data(BlockIndex from) = 0;
    // On return, every write that had returned before the call has that durability.
    virtual Result<void> flush(Durability durability) = 0;
};

}  // namespace twofold::fs

#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/id.h"
#include "base/result.h"
#include "fs/block/block_device.h"
#include "fs/disk/limits.h"

// Where everything lies in an image (format, sections 2 and 3). All offsets are bytes from the
// start of the file; all arithmetic stays below 2^63 for whatever passed the limits.
namespace twofold::fs {

constexpr std::size_t kSectorSize = 4096;
constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

constexpr std::size_t kEntrySize = 64;
constexpr std::size_t kReferenceSize = 32;
constexpr std::size_t kMapPageHeaderSize = 64;  // of a leaf or node
constexpr std::uint32_t kLeafEntries = 63;
constexpr std::uint32_t kSegmentLeaves = 126;   // references in a node
constexpr std::uint32_t kSegmentSlots = 7936;   // slots, and entries, of a segment
constexpr std::uint32_t kLastLeafEntries = 61;  // leaf 125 of a segment
constexpr std::uint64_t kSegmentSize = 32 * kMebibyte;
constexpr std::uint64_t kSegmentMetadataSize = kMebibyte;  // before the slots of a segment

constexpr std::size_t kLogRecordSize = 72;
constexpr std::size_t kLogRecords = 55;  // in one page
constexpr std::size_t kLogPageHeaderSize = 96;

static_assert(kMapPageHeaderSize + kLeafEntries * kEntrySize == kSectorSize);
static_assert(kMapPageHeaderSize + kSegmentLeaves * kReferenceSize == kSectorSize);
static_assert((kSegmentLeaves - 1) * kLeafEntries + kLastLeafEntries == kSegmentSlots);
static_assert(kSegmentMetadataSize + kSegmentSlots * kSectorSize == kSegmentSize);
static_assert((2 + 2 * kSegmentLeaves) * kSectorSize <= kSegmentMetadataSize);
static_assert(kLogPageHeaderSize + kLogRecords * kLogRecordSize + 32 + 8 == kSectorSize);
static_assert(kSectorSize == kBlockSize);

constexpr std::size_t kHeaderSize = 64 * 1024;  // one copy
constexpr std::size_t kHeaderSectors = kHeaderSize / kSectorSize;
constexpr std::size_t kEnvelopes = 8;  // in one copy, at sectors 1 to 8
constexpr std::uint64_t kLogOffset = kMebibyte;

enum class HeaderCopy : std::uint8_t { a = 0, b = 1 };
constexpr std::uint64_t header_offset(HeaderCopy copy) {
    return copy == HeaderCopy::a ? 0 : 512 * 1024;
}

// Generation g lies in the pair g mod 2; each pair has replicas a and b, 512 KiB apart.
constexpr std::uint64_t superblock_offset(std::uint64_t generation, std::uint32_t replica) {
    return (generation % 2 == 0 ? 64 * 1024 : 96 * 1024) + std::uint64_t{replica} * 512 * 1024;
}

using Slot = Id<struct SlotTag, std::uint64_t>;  // a sector of the data area
using Segment = Id<struct SegmentTag, std::uint64_t>;
using LeafIndex =
    Id<struct LeafIndexTag, std::uint64_t>;  // segment * 126 + leaf: over the whole disk

// Blocks and leaves. These hold for every disk.
constexpr Segment segment_of(BlockIndex block) { return Segment{block.value() / kSegmentSlots}; }
constexpr Segment segment_of(LeafIndex leaf) { return Segment{leaf.value() / kSegmentLeaves}; }
constexpr std::uint32_t leaf_in_segment(LeafIndex leaf) {
    return static_cast<std::uint32_t>(leaf.value() % kSegmentLeaves);
}
constexpr LeafIndex leaf_of(BlockIndex block) {
    return LeafIndex{block.value() / kSegmentSlots * kSegmentLeaves +
                     block.value() % kSegmentSlots / kLeafEntries};
}
constexpr std::uint32_t index_in_leaf(BlockIndex block) {
    return static_cast<std::uint32_t>(block.value() % kSegmentSlots % kLeafEntries);
}
constexpr std::uint32_t entries_in(LeafIndex leaf) {
    return leaf_in_segment(leaf) == kSegmentLeaves - 1 ? kLastLeafEntries : kLeafEntries;
}
constexpr BlockIndex first_block_of(LeafIndex leaf) {
    return BlockIndex{segment_of(leaf).value() * kSegmentSlots +
                      std::uint64_t{leaf_in_segment(leaf)} * kLeafEntries};
}

// Whether slot `b` lies right behind slot `a` in the file: metadata lies between segments.
constexpr bool adjacent(Slot a, Slot b) {
    return b.value() == a.value() + 1 && b.value() % kSegmentSlots != 0;
}

// What the header fixes of the layout; the number of blocks is the superblock's.
struct Shape {
    std::uint32_t pool_slots = 0;    // R
    std::uint32_t log_pages = 0;     // L
    std::uint32_t segments_max = 0;  // room in the segment table

    bool operator==(const Shape&) const = default;
    // Errc::invalid, naming the field.
    Result<void> check(const Limits& limits) const;

    // One copy of each table, in whole sectors; bytes.
    std::uint64_t segment_table_size() const;
    std::uint64_t pool_table_size() const;

    std::uint64_t log_offset() const { return kLogOffset; }
    std::uint64_t segment_table_offset() const;  // of copy 0; copy 1 follows
    std::uint64_t pool_table_offset() const;     // of copy 0; copy 1 follows
    std::uint64_t data_offset() const;           // of segment 0; a multiple of 1 MiB

    std::uint64_t log_page_offset(std::uint64_t sequence) const {
        return kLogOffset + sequence % log_pages * kSectorSize;
    }
};

// The layout of one disk. An object that exists is within its limits.
class Layout {
public:
    // Errc::invalid, naming the number that is out of bounds.
    static Result<Layout> create(std::uint64_t block_count, const Shape& shape,
                                 const Limits& limits);
    // The shape of a new disk: the format's defaults where nothing is asked for.
    static Shape shape_for(std::uint64_t block_count, const Limits& limits,
                           std::optional<std::uint32_t> pool_slots = {},
                           std::optional<std::uint32_t> log_pages = {},
                           std::optional<std::uint32_t> segments_max = {});
    // Segments that R pool slots and N blocks need.
    static std::uint64_t segments_for(std::uint64_t block_count, std::uint32_t pool_slots);

    const Shape& shape() const { return shape_; }
    std::uint64_t block_count() const { return block_count_; }                     // N
    std::uint64_t slot_count() const { return shape_.pool_slots + block_count_; }  // R + N
    std::uint64_t segment_count() const { return segments_; }
    std::uint64_t file_size() const { return segment_offset(Segment{segments_}); }
    // Leaves that hold an entry of some block < N.
    std::uint64_t leaf_count() const { return leaf_of(BlockIndex{block_count_ - 1}).value() + 1; }

    // The slot that block b owns until its leaf is written (b may lie past N, inside a leaf).
    Slot implicit_slot(BlockIndex block) const { return Slot{shape_.pool_slots + block.value()}; }

    std::uint64_t segment_offset(Segment segment) const {
        return shape_.data_offset() + segment.value() * kSegmentSize;
    }
    std::uint64_t node_offset(Segment segment, std::uint32_t copy) const {
        return segment_offset(segment) + copy * kSectorSize;
    }
    std::uint64_t leaf_offset(LeafIndex leaf, std::uint32_t copy) const {
        return segment_offset(segment_of(leaf)) +
               (2 + copy * kSegmentLeaves + leaf_in_segment(leaf)) * kSectorSize;
    }
    std::uint64_t slot_offset(Slot slot) const {
        return segment_offset(Segment{slot.value() / kSegmentSlots}) + kSegmentMetadataSize +
               slot.value() % kSegmentSlots * kSectorSize;
    }
    std::uint64_t log_page_offset(std::uint64_t sequence) const {
        return shape_.log_page_offset(sequence);
    }
    std::uint64_t segment_table_offset(std::uint32_t copy) const {
        return shape_.segment_table_offset() + copy * shape_.segment_table_size();
    }
    std::uint64_t pool_table_offset(std::uint32_t copy) const {
        return shape_.pool_table_offset() + copy * shape_.pool_table_size();
    }

private:
    Layout(std::uint64_t block_count, const Shape& shape);
    std::uint64_t block_count_;
    std::uint64_t segments_;
    Shape shape_;
};

}  // namespace twofold::fs

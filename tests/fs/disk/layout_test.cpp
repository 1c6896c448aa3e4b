#include "fs/disk/layout.h"

#include "tests/support/matchers.h"

namespace twofold::fs {
namespace {

Layout layout_of(std::uint64_t blocks, Shape shape, Limits limits = Limits::production()) {
    return must(Layout::create(blocks, shape, limits));
}

TEST(Layout, PutsEveryRegionBehindTheOneBefore) {
    const Shape shape{.pool_slots = 1024, .log_pages = 512, .segments_max = 2048};
    EXPECT_EQ(shape.log_offset(), 1u << 20);
    EXPECT_EQ(shape.segment_table_offset(), 0x300000u);
    EXPECT_EQ(shape.segment_table_size(), 65536u);
    EXPECT_EQ(shape.pool_table_offset(), 0x320000u);
    EXPECT_EQ(shape.pool_table_size(), 8192u);
    EXPECT_EQ(shape.data_offset(), 0x400000u);  // 0x324000 rounded up to a MiB
}

TEST(Layout, RoundsTablesUpToSectors) {
    const Shape shape{.pool_slots = 513, .log_pages = 64, .segments_max = 129};
    EXPECT_EQ(shape.segment_table_size(), 2 * kSectorSize);
    EXPECT_EQ(shape.pool_table_size(), 2 * kSectorSize);
}

TEST(Layout, PutsHeadersAndSuperblocksAtTheirFixedPlaces) {
    EXPECT_EQ(header_offset(HeaderCopy::a), 0u);
    EXPECT_EQ(header_offset(HeaderCopy::b), 512u * 1024);
    EXPECT_EQ(superblock_offset(4, 0), 64u * 1024);
    EXPECT_EQ(superblock_offset(5, 0), 96u * 1024);
    EXPECT_EQ(superblock_offset(4, 1), 576u * 1024);
    EXPECT_EQ(superblock_offset(5, 1), 608u * 1024);
}

TEST(Layout, FindsABlocksEntry) {
    EXPECT_EQ(leaf_of(BlockIndex{62}).value(), 0u);
    EXPECT_EQ(leaf_of(BlockIndex{63}).value(), 1u);
    EXPECT_EQ(index_in_leaf(BlockIndex{63}), 0u);
    EXPECT_EQ(leaf_of(BlockIndex{7935}).value(), 125u);  // the last leaf has 61 entries
    EXPECT_EQ(index_in_leaf(BlockIndex{7935}), 60u);
    EXPECT_EQ(leaf_of(BlockIndex{7936}).value(), 126u);
    EXPECT_EQ(entries_in(LeafIndex{125}), 61u);
    EXPECT_EQ(entries_in(LeafIndex{126}), 63u);
    for (std::uint64_t b = 0; b < 3 * kSegmentSlots; ++b) {
        const LeafIndex leaf = leaf_of(BlockIndex{b});
        ASSERT_EQ(first_block_of(leaf).value() + index_in_leaf(BlockIndex{b}), b);
        ASSERT_LT(index_in_leaf(BlockIndex{b}), entries_in(leaf));
        ASSERT_EQ(segment_of(leaf), segment_of(BlockIndex{b}));
    }
}

TEST(Layout, FindsSlotsLeavesAndNodesWithoutOverlap) {
    const Layout layout =
        layout_of(20000, {.pool_slots = 1024, .log_pages = 512, .segments_max = 2048});
    const std::uint64_t data = layout.shape().data_offset();
    EXPECT_EQ(layout.segment_count(), 3u);
    EXPECT_EQ(layout.file_size(), data + 3 * kSegmentSize);
    EXPECT_EQ(layout.slot_offset(Slot{0}), data + kMebibyte);
    EXPECT_EQ(layout.slot_offset(Slot{7935}), data + kSegmentSize - kSectorSize);
    EXPECT_EQ(layout.slot_offset(Slot{7936}), data + kSegmentSize + kMebibyte);
    EXPECT_EQ(layout.node_offset(Segment{1}, 1), data + kSegmentSize + kSectorSize);
    EXPECT_EQ(layout.leaf_offset(LeafIndex{0}, 0), data + 2 * kSectorSize);
    EXPECT_EQ(layout.leaf_offset(LeafIndex{125}, 0), data + 127 * kSectorSize);
    EXPECT_EQ(layout.leaf_offset(LeafIndex{0}, 1), data + 128 * kSectorSize);
    EXPECT_EQ(layout.leaf_offset(LeafIndex{251}, 1), data + kSegmentSize + 253 * kSectorSize);
    EXPECT_EQ(layout.implicit_slot(BlockIndex{5}), Slot{1029});
    EXPECT_EQ(layout.log_page_offset(512 * 7 + 3), kLogOffset + 3 * kSectorSize);
}

TEST(Layout, DefaultsFollowTheSizeOfTheDisk) {
    const Limits limits = Limits::production();
    EXPECT_EQ(Layout::shape_for(256, limits), (Shape{1024, 512, 2048}));
    const std::uint64_t gib10 = (std::uint64_t{10} << 30) / kBlockSize;
    EXPECT_EQ(Layout::shape_for(gib10, limits), (Shape{16384, 8192, 2048}));
    // 16 TiB: four times its segments would pass the limit.
    EXPECT_EQ(Layout::shape_for(std::uint64_t{1} << 32, limits).segments_max, 1u << 20);
    EXPECT_EQ(Layout::shape_for(100000, limits), (Shape{3125, 1562, 2048}));
}

TEST(Layout, RefusesWhatIsOutsideTheLimits) {
    const Limits limits = Limits::production();
    const Shape shape{1024, 512, 2048};
    EXPECT_THAT(Layout::create(255, shape, limits), FailsWith(Errc::invalid));
    EXPECT_THAT(Layout::create((std::uint64_t{1} << 32) + 1, shape, limits),
                FailsWith(Errc::invalid));
    EXPECT_THAT(Layout::create(~std::uint64_t{0}, shape, limits), FailsWith(Errc::invalid));
    EXPECT_THAT(Layout::create(256, {0, 512, 2048}, limits), FailsWith(Errc::invalid));
    EXPECT_THAT(Layout::create(256, {65537, 512, 2048}, limits), FailsWith(Errc::invalid));
    EXPECT_THAT(Layout::create(256, {1024, 63, 2048}, limits), FailsWith(Errc::invalid));
    EXPECT_THAT(Layout::create(256, {1024, 65537, 2048}, limits), FailsWith(Errc::invalid));
    EXPECT_THAT(Layout::create(256, {1024, 512, (1u << 20) + 1}, limits), FailsWith(Errc::invalid));
    EXPECT_THAT(Layout::create(20000, {1024, 512, 2}, limits), FailsWith(Errc::invalid));
    EXPECT_THAT(Layout::create(8, {4, 4, 1}, Limits::tiny()), Succeeds());
}

TEST(Layout, OfTheLargestDiskStaysBelowOverflow) {
    const Layout layout =
        layout_of(std::uint64_t{1} << 32, {65536, 65536, 1u << 20}, Limits::production());
    EXPECT_GT(layout.file_size(), std::uint64_t{1} << 44);
    EXPECT_LT(layout.file_size(), std::uint64_t{1} << 45);
    EXPECT_EQ(layout.slot_offset(Slot{layout.slot_count() - 1}) % kSectorSize, 0u);
    EXPECT_LT(layout.slot_offset(Slot{layout.slot_count() - 1}), layout.file_size());
}

}  // namespace
}  // namespace twofold::fs

// What is not what was written here is never returned (X2, D4; attacks c, d, e and g of the
// format).
#include <gtest/gtest.h>

#include "fs/disk/layout.h"
#include "tests/support/test_disks.h"

namespace twofold {
namespace {

using fs::BlockIndex;
using fs::kBlockSize;
using fs::kSectorSize;
using fs::Layout;

constexpr DiskShape kShape{200, 32, 16, 1};

class EngineAttack : public testing::TestWithParam<Layers> {
protected:
    EngineAttack()
        : disk(kShape, GetParam()),
          layout(must(Layout::create(kShape.blocks, {kShape.pool, kShape.log, kShape.segments_max},
                                     fs::Limits::tiny()))) {
        disk.open();
        must(disk.write(3, 0xa3));
        must(disk.write(4, 0xa4));
        must(disk.write(100, 0xaa));
        must(disk.sync());
    }
    std::vector<std::byte> sector(std::uint64_t offset) {
        std::vector<std::byte> bytes(kSectorSize);
        disk.image.read(offset, bytes);
        return bytes;
    }
    // The next checkpoint after a change of block 3.
    void change_and_checkpoint(std::uint8_t fill) {
        must(disk.write(3, fill));
        must(disk.sync());
        disk.pass(std::chrono::seconds(1));
        must(disk.disk->tick());
        disk.pass(std::chrono::seconds(31));
        must(disk.disk->tick());
    }

    TestDisk disk;
    Layout layout;
};

TEST_P(EngineAttack, X2_AFlippedBitIsAnErrorThatNamesBlockAndLayer) {
    disk.image.flip_bit(disk.slot_offset(3) + 777, 5);
    EXPECT_THAT(disk.read(3), FailsWith(Errc::unauthentic));
    ASSERT_FALSE(disk.events.empty());
    const fs::DiskEvent& event = disk.events.back();
    EXPECT_EQ(event.kind, fs::DiskEvent::Kind::block_error);
    EXPECT_EQ(event.block, BlockIndex{3});
    // The outermost layer that has a tag finds it.
    const bool outer = fs::has_tag(GetParam().layer1);
    EXPECT_EQ(event.layer, outer ? crypto::Layer::one : crypto::Layer::two);
    EXPECT_EQ(must(disk.read(4)), 0xa4) << "and costs that block only";
    EXPECT_THAT(disk.write(3, 0xb3), Succeeds()) << "which may be written again";
    EXPECT_EQ(must(disk.read(3)), 0xb3);
}

TEST_P(EngineAttack, X2_NothingOfADamagedBlockIsReturned) {
    disk.image.flip_bit(disk.slot_offset(3) + 4095);
    std::vector<std::byte> out(3 * kBlockSize, std::byte{0x5a});
    EXPECT_THAT(disk.disk->read(fs::ByteOffset{2 * kBlockSize}, out), FailsWith(Errc::unauthentic));
    for (const std::byte b : out) ASSERT_NE(b, std::byte{0xa3});
}

TEST_P(EngineAttack, X2_APartialWriteOverADamagedBlockFails) {
    disk.image.flip_bit(disk.slot_offset(3));
    const std::vector<std::byte> part(10);
    EXPECT_THAT(disk.disk->write(fs::ByteOffset{3 * kBlockSize + 1}, part),
                FailsWith(Errc::unauthentic));
    EXPECT_FALSE(disk.disk->stats().stopped);
}

TEST_P(EngineAttack, C_SwappedSlotsAreRefused) {
    const auto a = sector(disk.slot_offset(3));
    const auto b = sector(disk.slot_offset(4));
    disk.image.write(disk.slot_offset(3), b);
    disk.image.write(disk.slot_offset(4), a);
    EXPECT_THAT(disk.read(3), FailsWith(Errc::unauthentic));
    EXPECT_THAT(disk.read(4), FailsWith(Errc::unauthentic));
}

TEST_P(EngineAttack, C_ASlotOfAnotherDiskIsRefused) {
    TestDisk other(kShape, GetParam(), 2);
    other.open();
    must(other.write(3, 0xa3));
    std::vector<std::byte> foreign(kSectorSize);
    other.image.read(other.slot_offset(3), foreign);
    disk.image.write(disk.slot_offset(3), foreign);
    EXPECT_THAT(disk.read(3), FailsWith(Errc::unauthentic));
}

TEST_P(EngineAttack, E_AnOlderVersionOfABlockIsRefused) {
    const auto old = sector(disk.slot_offset(3));
    must(disk.write(3, 0xb3));
    must(disk.sync());
    disk.image.write(disk.slot_offset(3), old);
    EXPECT_THAT(disk.read(3), FailsWith(Errc::unauthentic));
}

TEST_P(EngineAttack, D_APunchedSlotOfDataIsRefused) {
    disk.image.punch(disk.slot_offset(3), kSectorSize);
    EXPECT_THAT(disk.read(3), FailsWith(Errc::unauthentic));
}

TEST_P(EngineAttack, E_AnOldLeafPutBackIsRefused) {
    change_and_checkpoint(0xb1);
    std::array<std::vector<std::byte>, 2> old;
    for (std::uint32_t copy = 0; copy < 2; ++copy)
        old[copy] = sector(layout.leaf_offset(fs::LeafIndex{0}, copy));
    change_and_checkpoint(0xb2);
    change_and_checkpoint(0xb3);
    disk.kill();
    for (std::uint32_t copy = 0; copy < 2; ++copy)
        disk.image.write(layout.leaf_offset(fs::LeafIndex{0}, copy), old[copy]);
    // The leaf is read when it is needed, at the latest by the first read.
    auto opened = disk.try_open();
    EXPECT_THAT(opened, Succeeds());
    EXPECT_THAT(disk.read(3), FailsWith(Errc::unauthentic));
    EXPECT_EQ(must(disk.read(199)), 0) << "another leaf";
}

TEST_P(EngineAttack, D_APunchedLeafIsRefused) {
    disk.close();
    for (std::uint32_t copy = 0; copy < 2; ++copy)
        disk.image.punch(layout.leaf_offset(fs::LeafIndex{0}, copy), kSectorSize);
    disk.open();
    EXPECT_THAT(disk.read(3), FailsWith(Errc::unauthentic));
}

TEST_P(EngineAttack, C_SwappedLeavesAreRefused) {
    disk.close();
    for (std::uint32_t copy = 0; copy < 2; ++copy) {
        const auto a = sector(layout.leaf_offset(fs::LeafIndex{0}, copy));
        const auto b = sector(layout.leaf_offset(fs::LeafIndex{1}, copy));
        disk.image.write(layout.leaf_offset(fs::LeafIndex{0}, copy), b);
        disk.image.write(layout.leaf_offset(fs::LeafIndex{1}, copy), a);
    }
    disk.open();
    EXPECT_THAT(disk.read(3), FailsWith(Errc::unauthentic));
    EXPECT_THAT(disk.read(100), FailsWith(Errc::unauthentic));
}

TEST_P(EngineAttack, ADamagedSegmentOrPoolTableIsRefusedAtOpen) {
    disk.close();
    const MemoryImage sound = disk.image;
    for (std::uint32_t copy = 0; copy < 2; ++copy)
        disk.image.flip_bit(layout.segment_table_offset(copy) + 9);
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::unauthentic));
    disk.image = sound;
    for (std::uint32_t copy = 0; copy < 2; ++copy)
        disk.image.flip_bit(layout.pool_table_offset(copy) + 9);
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::unauthentic));
    disk.image = sound;
    EXPECT_THAT(disk.try_open(), Succeeds());
}

TEST_P(EngineAttack, OneReplicaOfTheSuperblockIsEnough) {
    disk.close();
    for (std::uint64_t g = 0; g < 2; ++g) disk.image.flip_bit(fs::superblock_offset(g, 0) + 20);
    EXPECT_THAT(disk.try_open(), Succeeds());
    EXPECT_EQ(must(disk.read(3)), 0xa3);
    disk.close();
    for (std::uint64_t g = 0; g < 2; ++g)
        for (std::uint32_t r = 0; r < 2; ++r) disk.image.flip_bit(fs::superblock_offset(g, r) + 20);
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::unauthentic));
}

// Case 14: the newest superblock rots, and its older sibling's log does not reach as far.
TEST_P(EngineAttack, ALostSuperblockIsHistoryLostAndNotSilentlyOld) {
    for (int i = 0; i < 40; ++i) {
        must(disk.write(static_cast<std::uint64_t>(i % 8), static_cast<std::uint8_t>(i)));
        must(disk.sync());
    }
    const std::uint64_t newest = disk.disk->info().superblock_generation;
    disk.pass(std::chrono::seconds(1));
    must(disk.disk->tick());  // the ACK page: from now on the log tells
    disk.kill();
    for (std::uint32_t r = 0; r < 2; ++r)
        disk.image.flip_bit(fs::superblock_offset(newest, r) + 20);
    const auto opened = disk.try_open();
    if (opened)
        EXPECT_EQ(must(disk.read(7)), 39) << "the log of the older one ran through to the head";
    else
        EXPECT_THAT(opened, FailsWith(Errc::history_lost));
}

TEST_P(EngineAttack, G_ADamagedSlotOfASyncedEpochDropsNothing) {
    must(disk.write(5, 0xc5));
    must(disk.sync());
    must(disk.write(6, 0xc6));
    must(disk.soft_commit());  // its page tells that the epoch of block 5 was synced
    const std::uint64_t slot = disk.slot_offset(5);
    disk.kill();
    disk.image.flip_bit(slot + 1);
    disk.open();
    EXPECT_THAT(disk.read(5), FailsWith(Errc::unauthentic));
    EXPECT_EQ(must(disk.read(6)), 0xc6);
    EXPECT_FALSE(disk.has_event(fs::DiskEvent::Kind::epochs_dropped));
}

TEST_P(EngineAttack, AnUnsyncedEpochThatIsNotWholeIsDroppedAndReported) {
    must(disk.write(5, 0xc5));
    must(disk.soft_commit());
    const std::uint64_t slot = disk.slot_offset(5);
    must(disk.write(6, 0xc6));
    must(disk.soft_commit());
    disk.kill();
    disk.image.flip_bit(slot + 1);
    disk.open();
    EXPECT_TRUE(disk.has_event(fs::DiskEvent::Kind::epochs_dropped));
    EXPECT_EQ(must(disk.read(5)), 0);
    EXPECT_EQ(must(disk.read(6)), 0) << "what came later goes with it: a prefix";
    EXPECT_EQ(must(disk.read(4)), 0xa4);
}

TEST_P(EngineAttack, TheSyncedLogMayNotLoseItsMiddle) {
    must(disk.write(5, 0xc5));
    must(disk.sync());
    must(disk.write(6, 0xc6));
    must(disk.sync());
    disk.pass(std::chrono::seconds(1));
    must(disk.disk->tick());  // ACK
    const fs::DiskInfo info = disk.disk->info();
    disk.kill();
    // Every page but the last two: some of them hold acknowledged epochs.
    int damaged = 0;
    for (std::uint64_t page = 0; page < kShape.log; ++page) {
        const auto bytes = sector(layout.log_page_offset(page));
        if (all_zero(bytes) || damaged == 2) continue;
        disk.image.flip_bit(layout.log_page_offset(page) + 200);
        ++damaged;
    }
    ASSERT_GT(info.acknowledged_epoch, 0u);
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::history_lost));
}

TEST_P(EngineAttack, AFileCutShortIsRefused) {
    disk.close();
    disk.image.resize(disk.image.size() - 1);
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::damaged));
}

TEST_P(EngineAttack, AnotherDiskUnderThisNoteIsSubstituted) {
    TestDisk other(kShape, GetParam(), 2);
    disk.kill();
    disk.image = other.image;
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::substituted));
}

INSTANTIATE_TEST_SUITE_P(AllLayers, EngineAttack, testing::ValuesIn(all_layers()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace twofold

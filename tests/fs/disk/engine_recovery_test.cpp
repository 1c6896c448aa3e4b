// What recovery rests on: the device and not the cache, the newest superblock, whole.
#include <gtest/gtest.h>

#include "fs/disk/header.h"
#include "fs/disk/layout.h"
#include "fs/disk/superblock.h"
#include "tests/support/calls.h"
#include "tests/support/kernel_cache.h"
#include "tests/support/recording_file.h"
#include "tests/support/seeds.h"
#include "tests/support/test_disks.h"

namespace twofold {
namespace {

using testing::Optional;

constexpr DiskShape kShape{64, 16, 12, 1};

// ---- The cache

// What a failed sync left in the cache is not on the device, however whole it looks, and no later
// sync will bring it there. A recovery that believed it would call it the durable state.
TEST(Recovery, DoesNotRestOnWhatAFailedSyncLeftInTheCache) {
    for (const std::uint64_t seed : seeds(1, 24)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        TestDisk disk(kShape);
        KernelCache cache(disk.image, seed);
        Trap trap;
        disk.wrap = [&](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
            return std::make_unique<FaultyFile>(cache.wrap(std::move(file)),
                                                [&](const FileCall& call) { return trap(call); });
        };
        disk.open();
        must(disk.write(5, 0xa1));
        must(disk.sync());
        must(disk.write(5, 0xa2));
        trap.set(FileCall::Kind::sync, Trap::anywhere, [&]() -> Result<void> {
            cache.fail_sync();
            return fail(Error{Errc::io, "injected", {}, EIO, {}});
        });
        EXPECT_THAT(disk.sync(), FailsWith(Errc::io));
        disk.kill();
        disk.open();
        must(disk.write(6, 0xb1));
        must(disk.sync());
        disk.kill();
        cache.cut_power(KernelCache::Keep::nothing);
        disk.open();
        EXPECT_THAT(disk.read(5), testing::AnyOf(Optional(0xa1), Optional(0xa2)));
        EXPECT_THAT(disk.read(6), Optional(0xb1));
    }
}

// ---- Superblocks

class RecoveryOnDisk : public testing::Test {
protected:
    RecoveryOnDisk() {
        disk.wrap = [this](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
            return std::make_unique<RecordingFile>(std::move(file), trace);
        };
        disk.open();
    }
    void checkpoint() {
        disk.pass(std::chrono::seconds(1));
        must(disk.disk->tick());
        disk.pass(std::chrono::seconds(31));
        must(disk.disk->tick());
    }
    fs::PageBytes sector(std::uint64_t offset) const {
        fs::PageBytes bytes;
        disk.image.read(offset, bytes);
        return bytes;
    }
    std::uint64_t generation() const { return disk.disk->info().superblock_generation; }

    std::shared_ptr<Trace> trace = std::make_shared<Trace>();
    TestDisk disk{kShape};
};

TEST_F(RecoveryOnDisk, TakesTheNewestSuperblock) {
    must(disk.write(5, 0xa1));
    must(disk.sync());
    checkpoint();
    must(disk.write(5, 0xa2));
    must(disk.sync());
    disk.close();  // the log is empty behind this one
    disk.open();
    EXPECT_THAT(disk.read(5), Optional(0xa2));
}

// Case 11b: one try at a superblock loses a piece of its tail, the next try at the same generation
// all but its tail. Together they are the first one, whole again, over the tree of the second.
TEST_F(RecoveryOnDisk, TwoTornTriesAtOneGenerationDoNotMakeOneWhole) {
    must(disk.write(5, 0xa1));
    must(disk.sync());
    checkpoint();
    const std::uint64_t first = generation();
    must(disk.write(6, 0xb1));  // while the first try was being synced
    must(disk.soft_commit());
    disk.kill();
    const fs::PageBytes first_try = sector(fs::superblock_offset(first, 0));
    for (std::uint32_t replica = 0; replica < 2; ++replica)
        disk.image.write(fs::superblock_offset(first, replica) + 4000, as_bytes("garbage"));

    // The second try is the recovery from that. It is cut before its superblock is synced, which
    // has changed nothing but the tail of each replica.
    disk.open();
    disk.kill();
    for (std::uint32_t replica = 0; replica < 2; ++replica)
        disk.image.write(fs::superblock_offset(first, replica), Bytes(first_try).first(512));
    ASSERT_THAT(disk.try_open(), Succeeds());
    EXPECT_THAT(disk.read(5), Optional(0xa1));
    EXPECT_THAT(disk.read(6), Optional(0xb1));
    EXPECT_THAT(disk.disk->check_map(), Succeeds());
}

TEST_F(RecoveryOnDisk, ASuperblockInTheOtherGenerationsPlaceIsNoReplica) {
    const std::uint64_t newest = generation();
    const fs::PageBytes bytes = sector(fs::superblock_offset(newest, 0));
    disk.kill();
    for (std::uint32_t replica = 0; replica < 2; ++replica) {
        disk.image.write(fs::superblock_offset(newest + 1, replica), bytes);
        disk.image.flip_bit(fs::superblock_offset(newest, replica) + 20);
    }
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::unauthentic));
}

// Copies of the header from before the last change of keys, both put back.
TEST_F(RecoveryOnDisk, AHeaderOlderThanTheSuperblockKnowsIsRolledBack) {
    const auto opened = must(fs::Header::open(*disk.image.open(), disk.keys, disk.note,
                                              disk.options.limits, fs::Libraries::fastest));
    fs::Superblock newest =
        must(fs::Superblock::peek(sector(fs::superblock_offset(generation(), 0))));
    disk.kill();
    newest.min_header_generation = opened.header->facts().generation + 1;
    for (std::uint32_t replica = 0; replica < 2; ++replica)
        disk.image.write(fs::superblock_offset(newest.generation, replica),
                         newest.encode(opened.keys.macs().super));
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::rolled_back));
}

// A page that was torn is not made whole by what the next mount writes at its place: that mount
// begins elsewhere, and under another salt.
TEST_F(RecoveryOnDisk, ADroppedPageDoesNotComeBack) {
    must(disk.write(5, 0xa1));
    disk.reopen();
    trace->clear();
    must(disk.write(5, 0xa2));
    must(disk.soft_commit());
    const std::uint64_t page = trace->operations().back().offset;
    const fs::PageBytes whole = sector(page);
    disk.kill();
    constexpr std::size_t kTorn = 3584;  // the last unit is old
    disk.image.punch(page + kTorn, fs::kSectorSize - kTorn);
    disk.open();
    EXPECT_THAT(disk.read(5), Optional(0xa1));
    must(disk.write(6, 0xb1));
    must(disk.soft_commit());
    disk.kill();
    disk.image.write(page, Bytes(whole).first(kTorn));  // of this write the last unit arrived
    disk.open();
    EXPECT_THAT(disk.read(5), Optional(0xa1)) << "the mount before went on without it";
}

// Epochs that were synced after the log started are judged by their newest versions: what those
// replaced may have been reused, and no page needs to tell that it was.
TEST_F(RecoveryOnDisk, ASyncedVersionThatASyncedOneReplacedMayBeGone) {
    must(disk.write(0, 0x11, 8));
    disk.reopen();
    must(disk.write(5, 0xa1));
    must(disk.soft_commit());
    const std::uint64_t slot = disk.slot_offset(5);
    must(disk.write(5, 0xa2));
    must(disk.soft_commit());
    must(disk.sync());
    for (std::uint8_t i = 0; disk.slot_offset(7) != slot && i < 40; ++i) {
        must(disk.write(7, 0x77));  // frees it again, as nothing of it is committed
        if (disk.slot_offset(7) != slot) must(disk.zero(7));
    }
    ASSERT_EQ(disk.slot_offset(7), slot);
    disk.kill();
    disk.open();
    EXPECT_THAT(disk.read(5), Optional(0xa2));
    EXPECT_FALSE(disk.has_event(fs::DiskEvent::Kind::epochs_dropped));
}

TEST_F(RecoveryOnDisk, ASyncedVersionThatASyncedDiscardReplacedMayBeGone) {
    must(disk.write(7, 0xa1));
    must(disk.soft_commit());
    const std::uint64_t slot = disk.slot_offset(7);
    must(disk.zero(7));
    must(disk.write(8, 0xb1));
    must(disk.soft_commit());
    must(disk.sync());  // and the hole is punched
    std::array<std::byte, fs::kBlockSize> hole;
    disk.image.read(slot, hole);
    ASSERT_TRUE(all_zero(hole));
    disk.kill();
    disk.open();
    EXPECT_THAT(disk.read(7), Optional(0));
    EXPECT_THAT(disk.read(8), Optional(0xb1));
    EXPECT_FALSE(disk.has_event(fs::DiskEvent::Kind::epochs_dropped));
}

// A checkpoint while an epoch waits for its sync: tree, pool and log start are as of the epoch
// before, and what waits is found in the log.
TEST_F(RecoveryOnDisk, ACheckpointIsAsOfWhatWasSynced) {
    must(disk.write(0, 0x11, 8));
    for (std::uint8_t i = 0; i < 7; ++i) {  // more than half of the log
        must(disk.write(4, i));
        must(disk.sync());
    }
    must(disk.write(5, 0xa2));
    must(disk.soft_commit());
    const std::uint64_t before = generation();
    must(disk.disk->tick());
    ASSERT_EQ(generation(), before + 1);
    EXPECT_FALSE(disk.has_event(fs::DiskEvent::Kind::stopped));
    disk.kill();
    ASSERT_THAT(disk.try_open(), Succeeds());
    EXPECT_THAT(disk.read(4), Optional(6));
    EXPECT_THAT(disk.read(5), Optional(0xa2));
    EXPECT_THAT(disk.disk->check_map(), Succeeds());
}

// ---- Discards

TEST_F(RecoveryOnDisk, DiscardsThatAreRecoveredArePunched) {
    must(disk.write(5, 0xa1));
    must(disk.sync());
    const std::uint64_t slot = disk.slot_offset(5);
    must(disk.zero(5));
    must(disk.soft_commit());
    disk.kill();
    disk.open();
    trace->clear();
    must(disk.write(6, 0xb1));
    must(disk.sync());
    const auto operations = trace->operations();
    EXPECT_TRUE(std::ranges::any_of(operations, [&](const Operation& operation) {
        return operation.kind == Operation::Kind::punch && operation.offset == slot;
    }));
}

}  // namespace
}  // namespace twofold

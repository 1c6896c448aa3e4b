// Opening in its several ways: read-only, beside a writer, after a mount that ended badly.
#include <gtest/gtest.h>

#include "tests/support/recording_file.h"
#include "tests/support/test_disks.h"

namespace twofold {
namespace {

using Kind = Operation::Kind;

std::vector<std::byte> whole(const MemoryImage& image) {
    std::vector<std::byte> bytes(image.size());
    image.read(0, bytes);
    return bytes;
}

TEST(ReadOnly, RecoversInMemoryAndWritesNothing) {
    TestDisk disk;
    disk.open();
    must(disk.write(1, 0xa1));
    must(disk.sync());
    must(disk.write(2, 0xa2));
    must(disk.zero(1));
    must(disk.soft_commit());
    disk.kill();
    const auto before = whole(disk.image);
    disk.options.read_only = true;
    disk.open();
    EXPECT_TRUE(disk.disk->read_only());
    EXPECT_EQ(must(disk.read(1)), 0);
    EXPECT_EQ(must(disk.read(2)), 0xa2);
    EXPECT_THAT(disk.disk->check_map(), Succeeds());
    EXPECT_THAT(disk.write(1, 1), FailsWith(Errc::read_only));
    EXPECT_THAT(disk.zero(1), FailsWith(Errc::read_only));
    EXPECT_THAT(disk.sync(), Succeeds());
    EXPECT_THAT(disk.disk->tick(), Succeeds());
    EXPECT_THAT(disk.disk->close(), Succeeds());
    EXPECT_EQ(whole(disk.image), before);
}

TEST(Observing, ReadsTheLastCommittedStateBesideTheWriter) {
    TestDisk disk;
    disk.open();
    must(disk.write(1, 0xa1));
    must(disk.sync());
    auto options = disk.options;
    options.observe = true;
    const auto trace = std::make_shared<Trace>();
    const auto observer =
        must(fs::EncryptedDisk::open(std::make_unique<RecordingFile>(disk.image.open(), trace),
                                     disk.keys, disk.note, disk.random, disk.clock, options));
    EXPECT_EQ(must(observer->look(fs::BlockIndex{1})).plain[0], std::byte{0xa1});
    // The writer goes on until nothing is where the observer saw it.
    for (int i = 0; i < 200; ++i) {
        must(disk.write(1 + static_cast<std::uint64_t>(i) % 5, static_cast<std::uint8_t>(i)));
        must(disk.sync());
    }
    EXPECT_EQ(must(observer->look(fs::BlockIndex{1})).plain[0], std::byte{195});
    EXPECT_TRUE(must(observer->look(fs::BlockIndex{9})).zero);
    for (const Kind kind : {Kind::write, Kind::sync_begin, Kind::punch, Kind::allocate})
        EXPECT_EQ(trace->count(kind), 0u);
    EXPECT_THAT(disk.disk->check_map(), Succeeds()) << "the writer did not notice";
}

TEST(Opening, CountsMountsAndStartsEachWithASuperblockOfItsOwn) {
    TestDisk disk;
    disk.open();
    const fs::DiskInfo first = disk.disk->info();
    EXPECT_TRUE(first.clean);
    EXPECT_EQ(first.block_count, 256u);
    EXPECT_EQ(first.label, "test");
    disk.kill();
    disk.open();
    const fs::DiskInfo second = disk.disk->info();
    EXPECT_FALSE(second.clean);
    EXPECT_EQ(second.mount_counter, first.mount_counter + 1);
    EXPECT_EQ(second.superblock_generation, first.superblock_generation + 1);
}

TEST(Opening, WithoutAKeyChangesNothing) {
    TestDisk disk;
    disk.keys.unusable = Errc::key_revoked;
    const auto before = whole(disk.image);
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::key_revoked));
    EXPECT_EQ(whole(disk.image), before);
}

TEST(Looking, ShowsTheBlockAsThreePeopleSeeIt) {
    TestDisk disk;
    disk.open();
    must(disk.write(7, 0x77));
    const fs::BlockView view = must(disk.disk->look(fs::BlockIndex{7}));
    std::array<std::byte, fs::kBlockSize> stored;
    disk.image.read(view.file_offset, stored);
    EXPECT_EQ(view.stored, stored);
    EXPECT_EQ(view.plain[4095], std::byte{0x77});
    EXPECT_NE(view.outer_removed, view.plain);
    EXPECT_NE(view.outer_removed, view.stored);
    EXPECT_FALSE(all_zero(view.inner_tag));
    EXPECT_TRUE(all_zero(view.outer_tag)) << "XTS has none";
    EXPECT_THAT(disk.disk->look(fs::BlockIndex{256}), FailsWith(Errc::too_big));
}

TEST(Keys, AreGoneOnceTheDiskIsClosed) {
    TestDisk disk;
    disk.open();
    must(disk.write(1, 1));
    const std::size_t open = crypto::arena_use().used;
    must(disk.disk->close());
    EXPECT_LT(crypto::arena_use().used, open);
    EXPECT_THAT(disk.read(1), FailsWith(Errc::stopped));
    EXPECT_THAT(disk.write(1, 1), FailsWith(Errc::stopped));
    EXPECT_EQ(disk.disk->stats().blocks_written, 1u);
    EXPECT_EQ(disk.disk->info().label, "test");
}

TEST(Requests, ThatNoEpochOfThisDiskCouldHoldAreRefused) {
    TestDisk disk({64, 4, 6, 1});
    disk.open();
    EXPECT_THAT(disk.write(0, 1, 4), Succeeds());
    EXPECT_THAT(disk.write(0, 1, 5), FailsWith(Errc::invalid));
    EXPECT_THAT(disk.zero(0, 64), Succeeds());
}

TEST(SparseDisks, OfATerabyteOpenAndDiscardWithoutReadingTheirMap) {
    constexpr std::uint64_t kBlocks = std::uint64_t{1} << 28;
    TestDisk disk({kBlocks, 1024, 512, 40'000}, one_layer());
    const auto trace = std::make_shared<Trace>();
    disk.wrap = [&](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
        return std::make_unique<RecordingFile>(std::move(file), trace);
    };
    disk.open();
    must(disk.write(kBlocks - 1, 0xee));
    must(disk.write(12345678, 0x12));
    must(disk.sync());
    trace->clear();
    must(disk.zero(0, kBlocks));
    EXPECT_LT(trace->operations().size(), 20u);
    must(disk.sync());
    EXPECT_EQ(must(disk.read(12345678)), 0);
    must(disk.write(77, 0x77));
    disk.reopen();
    EXPECT_EQ(must(disk.read(77)), 0x77);
    EXPECT_EQ(must(disk.read(kBlocks - 1)), 0);
    const auto run = must(disk.disk->next_data(fs::BlockIndex{0}));
    EXPECT_EQ(run, (fs::BlockRange{fs::BlockIndex{77}, 1}));
    EXPECT_EQ(must(disk.disk->next_data(fs::BlockIndex{78})), std::nullopt);
}

TEST(Discards, OfManySegmentsAreAppliedByTheCheckpoint) {
    constexpr std::uint64_t kBlocks = 30'000;  // four segments
    TestDisk disk({kBlocks, 512, 64, 8}, one_layer());
    disk.open();
    for (std::uint64_t block = 0; block < kBlocks; block += 100) must(disk.write(block, 0x31, 3));
    disk.reopen();
    must(disk.zero(150, 25'000));
    must(disk.write(8'000, 0x32));
    disk.reopen();
    for (std::uint64_t block = 0; block < kBlocks; block += 100) {
        const std::uint8_t expected = block < 150 || block >= 25'150 ? 0x31
                                      : block == 8'000               ? 0x32
                                                                     : 0;
        ASSERT_EQ(must(disk.read(block)), expected) << block;
    }
    EXPECT_THAT(disk.disk->check_map(), Succeeds());
}

}  // namespace
}  // namespace twofold

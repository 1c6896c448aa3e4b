#include "fs/block/file_device.h"

#include <array>

#include "tests/support/matchers.h"

namespace twofold::fs {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

std::unique_ptr<FileDevice> device_of(std::uint64_t size,
                                      io::Access access = io::Access::read_write) {
    return must(FileDevice::open(io::make_memory_file(size), access));
}
constexpr std::array<std::byte, 6> kText{std::byte{1}, std::byte{2}, std::byte{3},
                                         std::byte{4}, std::byte{5}, std::byte{6}};

TEST(FileDevice, IsAsLargeAsTheWholeBlocksOfItsFile) {
    EXPECT_EQ(device_of(kMiB)->geometry().size(), kMiB);
    EXPECT_EQ(device_of(kMiB + 4095)->geometry().size(), kMiB);
    EXPECT_THAT(FileDevice::open(io::make_memory_file(4095), io::Access::read_write),
                FailsWith(Errc::invalid));
}

TEST(FileDevice, ReadsBackAnyRange) {
    const auto device = device_of(kMiB);
    ASSERT_THAT(device->write(ByteOffset{4093}, kText), Succeeds());
    std::array<std::byte, 8> got;
    ASSERT_THAT(device->read(ByteOffset{4092}, got), Succeeds());
    EXPECT_EQ(got[0], std::byte{0});
    EXPECT_TRUE(equal(Bytes(got).subspan(1, 6), kText));
    EXPECT_EQ(got[7], std::byte{0});
}

TEST(FileDevice, RefusesRangesPastItsEnd) {
    const auto device = device_of(kMiB);
    std::array<std::byte, 6> got;
    for (const std::uint64_t at : {kMiB - 5, kMiB, ~std::uint64_t{0} - 3}) {
        EXPECT_THAT(device->read(ByteOffset{at}, got), FailsWith(Errc::too_big));
        EXPECT_THAT(device->write(ByteOffset{at}, kText), FailsWith(Errc::too_big));
        EXPECT_THAT(device->zero(ByteOffset{at}, 6), FailsWith(Errc::too_big));
    }
    EXPECT_THAT(device->zero(ByteOffset{4096}, ~std::uint64_t{0}), FailsWith(Errc::too_big));
}

TEST(FileDevice, ZeroedRangesReadAsZeros) {
    const auto device = device_of(kMiB);
    ASSERT_THAT(device->write(ByteOffset{8192}, kText), Succeeds());
    ASSERT_THAT(device->zero(ByteOffset{8193}, 3), Succeeds());
    std::array<std::byte, 6> got;
    ASSERT_THAT(device->read(ByteOffset{8192}, got), Succeeds());
    EXPECT_EQ(got[0], std::byte{1});
    EXPECT_TRUE(all_zero(Bytes(got).subspan(1, 3)));
    EXPECT_EQ(got[4], std::byte{5});
}

TEST(FileDevice, FindsDataBetweenHoles) {
    const auto device = device_of(8 * kMiB);
    EXPECT_EQ(must(device->next_data(BlockIndex{0})), std::nullopt);
    ASSERT_THAT(device->write(ByteOffset{5 * kMiB}, kText), Succeeds());
    const auto run = must(device->next_data(BlockIndex{0}));
    ASSERT_TRUE(run);
    EXPECT_EQ(run->first, block_of(ByteOffset{5 * kMiB}));
    EXPECT_GE(run->count, 1U);
    EXPECT_EQ(must(device->next_data(BlockIndex{8 * kMiB / kBlockSize})), std::nullopt);
}

TEST(FileDevice, ReadOnlyOneTakesNoChange) {
    const auto device = device_of(kMiB, io::Access::read_only);
    EXPECT_TRUE(device->read_only());
    EXPECT_THAT(device->write(ByteOffset{0}, kText), FailsWith(Errc::read_only));
    EXPECT_THAT(device->zero(ByteOffset{0}, 4096), FailsWith(Errc::read_only));
    EXPECT_THAT(device->flush(Durability::synced), Succeeds());
}

// Counts syncs, and fails them on request.
class SyncedFile final : public io::ForwardingFile {
public:
    SyncedFile(int& syncs, bool failing)
        : ForwardingFile(io::make_memory_file(kMiB)), syncs_(syncs), failing_(failing) {}
    Result<void> sync() override {
        ++syncs_;
        if (failing_) return fail(Errc::io, "injected");
        return {};
    }

private:
    int& syncs_;
    bool failing_;
};

TEST(FileDevice, SyncsOnlyWhereAPowerCutIsMeant) {
    int syncs = 0;
    const auto device =
        must(FileDevice::open(std::make_unique<SyncedFile>(syncs, false), io::Access::read_write));
    ASSERT_THAT(device->flush(Durability::committed), Succeeds());
    EXPECT_EQ(syncs, 0);
    ASSERT_THAT(device->flush(Durability::synced), Succeeds());
    EXPECT_EQ(syncs, 1);
}

TEST(FileDevice, FailedSyncIsToldOn) {
    int syncs = 0;
    const auto device =
        must(FileDevice::open(std::make_unique<SyncedFile>(syncs, true), io::Access::read_write));
    EXPECT_THAT(device->flush(Durability::synced), FailsWith(Errc::io));
    EXPECT_EQ(syncs, 1);
}

}  // namespace
}  // namespace twofold::fs

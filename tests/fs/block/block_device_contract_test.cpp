// What every BlockDevice promises (fs/block/block_device.h), over every implementation and stack.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "fs/block/file_device.h"
#include "tests/support/test_devices.h"
#include "tests/support/test_directory.h"

namespace twofold {
namespace {

using fs::BlockDevice;
using fs::BlockIndex;
using fs::ByteOffset;
using fs::Durability;
using fs::kBlockSize;
using fs::kRequestMax;

constexpr std::uint64_t kBlocks = 1500;  // some 6 MB

struct DeviceCase {
    std::string name;
    std::function<std::unique_ptr<TestDevice>()> make;
};

void PrintTo(const DeviceCase& device, std::ostream* out) { *out << device.name; }

class BlockDeviceContract : public testing::TestWithParam<DeviceCase> {
protected:
    BlockDeviceContract() : made_(GetParam().make()), device_(made_->device()) {}

    std::vector<std::byte> read(std::uint64_t offset, std::size_t size) {
        std::vector<std::byte> out(size, std::byte{0xee});
        must(device_.read(ByteOffset{offset}, out), "read");
        return out;
    }
    void write(std::uint64_t offset, std::size_t size, std::uint8_t fill) {
        must(device_.write(ByteOffset{offset}, std::vector<std::byte>(size, std::byte{fill})),
             "write");
    }
    static bool all(Bytes bytes, std::uint8_t fill) {
        return std::ranges::all_of(bytes, [&](std::byte b) { return b == std::byte{fill}; });
    }
    std::uint64_t size() const { return device_.geometry().size(); }

    std::unique_ptr<TestDevice> made_;
    BlockDevice& device_;
};

TEST_P(BlockDeviceContract, HasTheGeometryItWasMadeWith) {
    EXPECT_EQ(device_.geometry().block_count, kBlocks);
    EXPECT_FALSE(device_.read_only());
}

TEST_P(BlockDeviceContract, ReadsZerosWhereNothingWasWritten) {
    EXPECT_TRUE(all(read(0, kRequestMax), 0));
    EXPECT_TRUE(all(read(size() - 1, 1), 0));
}

TEST_P(BlockDeviceContract, TakesAnyBytesAndLeavesTheirNeighboursAlone) {
    const std::vector<std::pair<std::uint64_t, std::size_t>> ranges{
        {0, 1},
        {1, 1},
        {4095, 2},
        {512, 512},
        {4096, 4096},
        {4095, 4098},
        {8192 - 1, 4097},
        {12345, 67890},
        {0, kRequestMax},
        {1, kRequestMax},
        {3584, kRequestMax},
        {size() - 1, 1},
        {size() - kRequestMax, kRequestMax}};
    std::vector<std::byte> model(size());
    std::uint8_t fill = 1;
    for (const auto& [offset, length] : ranges) {
        SCOPED_TRACE(std::to_string(length) + " bytes at " + std::to_string(offset));
        write(offset, length, fill);
        std::fill_n(model.begin() + static_cast<std::ptrdiff_t>(offset), length, std::byte{fill});
        ++fill;
        const std::uint64_t from = offset < 5000 ? 0 : offset - 5000;
        const std::size_t around = std::min<std::size_t>(length + 10000, size() - from);
        EXPECT_TRUE(equal(read(from, around), Bytes(model).subspan(from, around)));
    }
    for (std::uint64_t at = 0; at < size(); at += kRequestMax) {
        const std::size_t count = std::min<std::size_t>(kRequestMax, size() - at);
        EXPECT_TRUE(equal(read(at, count), Bytes(model).subspan(at, count))) << "at " << at;
    }
}

TEST_P(BlockDeviceContract, TakesNothingAtAllAndSucceeds) {
    EXPECT_THAT(device_.write(ByteOffset{100}, {}), Succeeds());
    EXPECT_THAT(device_.read(ByteOffset{100}, {}), Succeeds());
    EXPECT_THAT(device_.read(ByteOffset{size()}, {}), Succeeds());
    EXPECT_THAT(device_.zero(ByteOffset{100}, 0), Succeeds());
}

TEST_P(BlockDeviceContract, RefusesWhatLiesPastItsEnd) {
    std::vector<std::byte> bytes(kBlockSize);
    for (const std::uint64_t offset : {size() - kBlockSize + 1, size(), size() + 1,
                                       ~std::uint64_t{0}, ~std::uint64_t{0} - kBlockSize + 1}) {
        EXPECT_THAT(device_.read(ByteOffset{offset}, bytes), FailsWith(Errc::too_big)) << offset;
        EXPECT_THAT(device_.write(ByteOffset{offset}, bytes), FailsWith(Errc::too_big)) << offset;
        EXPECT_THAT(device_.zero(ByteOffset{offset}, kBlockSize), FailsWith(Errc::too_big))
            << offset;
    }
    EXPECT_THAT(device_.zero(ByteOffset{1}, ~std::uint64_t{0}), FailsWith(Errc::too_big));
    EXPECT_TRUE(all(read(size() - kBlockSize, kBlockSize), 0));
}

TEST_P(BlockDeviceContract, ReadsZerosWhereItWasZeroed) {
    const std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges{
        {0, 4096}, {1, 4094}, {5000, 100}, {8191, 4098}, {20000, 3 * kRequestMax}, {0, size()}};
    for (const auto& [offset, length] : ranges) {
        SCOPED_TRACE(std::to_string(length) + " bytes at " + std::to_string(offset));
        for (std::uint64_t at = 0; at < size(); at += kRequestMax)
            write(at, std::min<std::size_t>(kRequestMax, size() - at), 0x77);
        must(device_.zero(ByteOffset{offset}, length), "zero");
        for (std::uint64_t at = 0; at < size(); at += kRequestMax) {
            const auto bytes = read(at, std::min<std::size_t>(kRequestMax, size() - at));
            std::vector<std::byte> expected(bytes.size(), std::byte{0x77});
            const std::uint64_t from = std::clamp(offset, at, at + bytes.size());
            const std::uint64_t to = std::clamp(offset + length, at, at + bytes.size());
            std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(from - at), to - from,
                        std::byte{0});
            EXPECT_TRUE(equal(bytes, expected)) << "at " << at;
        }
    }
}

TEST_P(BlockDeviceContract, WritesOnWhatItZeroed) {
    write(0, 40 * kBlockSize, 1);
    must(device_.flush(Durability::synced));
    must(device_.zero(ByteOffset{0}, 40 * kBlockSize));
    write(5 * kBlockSize, kBlockSize, 2);
    must(device_.flush(Durability::synced));
    write(6 * kBlockSize + 7, 10, 3);
    EXPECT_TRUE(all(read(0, 5 * kBlockSize), 0));
    EXPECT_TRUE(all(read(5 * kBlockSize, kBlockSize), 2));
    EXPECT_TRUE(all(read(6 * kBlockSize, 7), 0));
    EXPECT_TRUE(all(read(6 * kBlockSize + 7, 10), 3));
    EXPECT_TRUE(all(read(6 * kBlockSize + 17, 4000), 0));
}

TEST_P(BlockDeviceContract, FindsAllData) {
    for (const std::uint64_t block : {3ull, 4ull, 700ull, 1499ull})
        write(block * kBlockSize, kBlockSize, 9);
    std::vector<bool> maybe(kBlocks);
    for (BlockIndex from{0};;) {
        const auto run = must(device_.next_data(from), "next data");
        if (!run) break;
        ASSERT_GE(run->first, from);
        ASSERT_GT(run->count, 0u);
        for (std::uint64_t i = 0; i < run->count; ++i) maybe.at(run->first.value() + i) = true;
        from = BlockIndex{run->first.value() + run->count};
    }
    for (std::uint64_t block = 0; block < kBlocks; ++block)
        EXPECT_TRUE(maybe[block] || all(read(block * kBlockSize, kBlockSize), 0)) << block;
}

TEST_P(BlockDeviceContract, FlushesBothWays) {
    EXPECT_THAT(device_.flush(Durability::synced), Succeeds());
    write(0, 10, 1);
    EXPECT_THAT(device_.flush(Durability::committed), Succeeds());
    EXPECT_THAT(device_.flush(Durability::synced), Succeeds());
    EXPECT_THAT(device_.flush(Durability::committed), Succeeds());
    EXPECT_TRUE(all(read(0, 10), 1));
}

TEST_P(BlockDeviceContract, OrdersOverlappingWritesByWholeBlocks) {
    constexpr int kWriters = 4, kRounds = 40;
    std::vector<std::thread> writers;
    for (int w = 0; w < kWriters; ++w)
        writers.emplace_back([this, w] {
            std::mt19937_64 random(static_cast<std::uint64_t>(w));
            for (int i = 0; i < kRounds; ++i) {
                const std::uint64_t first = random() % 8;
                write(first * kBlockSize, (1 + random() % 8) * kBlockSize,
                      static_cast<std::uint8_t>(1 + w));
                if (i % 8 == 0) must(device_.flush(Durability::synced));
            }
        });
    for (std::thread& writer : writers) writer.join();
    for (std::uint64_t block = 0; block < 16; ++block) {
        const auto bytes = read(block * kBlockSize, kBlockSize);
        EXPECT_TRUE(all(bytes, static_cast<std::uint8_t>(bytes[0]))) << block;
    }
}

std::function<std::unique_ptr<TestDevice>()> encrypted(const Layers& layers) {
    return [=] { return encrypted_device({kBlocks, 600, 64, 4}, layers); };
}

INSTANTIATE_TEST_SUITE_P(
    Devices, BlockDeviceContract,
    testing::Values(
        DeviceCase{"RawFile", [] { return raw_device(kBlocks); }},
        DeviceCase{"RawFileOnDisk", [] { return raw_device_on_disk(kBlocks); }},
        DeviceCase{"OneLayerGcm", encrypted(one_layer())},
        DeviceCase{"OneLayerXChaCha",
                   encrypted({"", fs::Suite::xchacha20_poly1305, fs::Suite::none})},
        DeviceCase{"CustomersLayerAlone",
                   encrypted({"", fs::Suite::none, fs::Suite::xchacha20_poly1305})},
        DeviceCase{"XtsAroundXChaCha", encrypted(two_layers())},
        DeviceCase{"XtsAroundGcm",
                   encrypted({"", fs::Suite::aes_256_xts, fs::Suite::xaes_256_gcm})},
        DeviceCase{"GcmAroundXChaCha",
                   encrypted({"", fs::Suite::xaes_256_gcm, fs::Suite::xchacha20_poly1305})},
        DeviceCase{"XChaChaAroundGcm",
                   encrypted({"", fs::Suite::xchacha20_poly1305, fs::Suite::xaes_256_gcm})},
        DeviceCase{"TwoLayersOnDiskWithThreads",
                   [] {
                       return encrypted_device_on_disk({kBlocks, 600, 64, 4}, two_layers());
                   }}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace twofold

// What an encrypted disk does for whoever uses it, without crashes and faults.
#include <gtest/gtest.h>

#include "fs/disk/encrypted_disk.h"
#include "tests/support/test_disks.h"

namespace twofold {
namespace {

using fs::Durability;

class EngineTest : public testing::TestWithParam<Layers> {};

TEST_P(EngineTest, ReadsZerosWhereNothingWasWritten) {
    TestDisk disk({}, GetParam());
    disk.open();
    EXPECT_EQ(must(disk.read(0)), 0);
    EXPECT_EQ(must(disk.read(255)), 0);
    EXPECT_THAT(disk.disk->check_map(), Succeeds());
}

TEST_P(EngineTest, ReadsWhatWasWritten) {
    TestDisk disk({}, GetParam());
    disk.open();
    EXPECT_THAT(disk.write(3, 0xa3), Succeeds());
    EXPECT_THAT(disk.write(4, 0xa4, 20), Succeeds());
    EXPECT_EQ(must(disk.read(3)), 0xa3);
    EXPECT_EQ(must(disk.read(4)), 0xa4);
    EXPECT_EQ(must(disk.read(23)), 0xa4);
    EXPECT_EQ(must(disk.read(24)), 0);
    disk.reopen();
    EXPECT_EQ(must(disk.read(3)), 0xa3);
    EXPECT_EQ(must(disk.read(23)), 0xa4);
    EXPECT_THAT(disk.disk->check_map(), Succeeds());
}

TEST_P(EngineTest, ReadsZerosAfterADiscard) {
    TestDisk disk({}, GetParam());
    disk.open();
    must(disk.write(0, 0x11, 40));
    must(disk.sync());
    must(disk.zero(10, 10));
    EXPECT_EQ(must(disk.read(9)), 0x11);
    EXPECT_EQ(must(disk.read(10)), 0);
    must(disk.write(12, 0x12));
    EXPECT_EQ(must(disk.read(12)), 0x12);
    must(disk.sync());
    disk.kill();
    disk.open();
    EXPECT_EQ(must(disk.read(10)), 0);
    EXPECT_EQ(must(disk.read(12)), 0x12);
    EXPECT_EQ(must(disk.read(20)), 0x11);
    EXPECT_THAT(disk.disk->check_map(), Succeeds());
}

TEST_P(EngineTest, KeepsWhatWasSyncedWhenItIsKilled) {
    TestDisk disk({}, GetParam());
    disk.open();
    for (std::uint8_t i = 0; i < 100; ++i) {
        must(disk.write(i % 7, i));
        must(disk.sync());
    }
    disk.kill();
    disk.open();
    for (std::uint8_t b = 0; b < 7; ++b) EXPECT_EQ(must(disk.read(b)) % 7, b);
    EXPECT_THAT(disk.disk->check_map(), Succeeds());
}

INSTANTIATE_TEST_SUITE_P(AllLayers, EngineTest, testing::ValuesIn(all_layers()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace twofold

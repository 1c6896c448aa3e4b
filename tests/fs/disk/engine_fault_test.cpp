// Errors from below (fault model, section 4): a failed write, commit or sync stops the mount for
// good, a failed read costs its request, a full store costs the write that it had no room for. Case
// by case; engine_injection_test.cpp fails every call of whole runs.
#include <gtest/gtest.h>

#include <functional>

#include "fs/disk/layout.h"
#include "tests/fs/disk/contents.h"
#include "tests/support/faulty_file.h"

namespace twofold {
namespace {

using fs::Durability;
using fs::kBlockSize;

constexpr DiskShape kShape{32, 16, 8, 1};

class EngineFault : public testing::Test {
protected:
    EngineFault() : disk(kShape) {
        disk.wrap = [this](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
            return std::make_unique<FaultyFile>(std::move(file),
                                                [this](FileCall& call) { return fault(call); });
        };
        disk.open();
    }
    static Result<void> eio() {
        Error error{Errc::io, "injected", {}, EIO, {}};
        return fail(std::move(error));
    }
    static Result<void> enospc() {
        Error error{Errc::no_space, "injected", {}, ENOSPC, {}};
        return fail(std::move(error));
    }
    // Fails the next call of that kind, once.
    void fail_next(FileCall::Kind kind, Result<void> (*with)() = eio) {
        fault = [this, kind, with](const FileCall& call) -> Result<void> {
            if (call.kind != kind) return {};
            const auto error = with;  // the next line ends this function object
            fault = [](const FileCall&) { return Result<void>(); };
            return error();
        };
    }
    // Which the disk is dropped and opened again, everything that was written being there.
    void remount() {
        fault = [](const FileCall&) { return Result<void>(); };
        disk.kill();
        disk.open();
    }

    FileFault fault = [](const FileCall&) { return Result<void>(); };
    TestDisk disk;
};

TEST_F(EngineFault, O6_AFailedSyncStopsTheMountForGood) {
    must(disk.write(1, 0xa1));
    must(disk.sync());
    must(disk.write(1, 0xa2));
    fail_next(FileCall::Kind::sync);
    EXPECT_THAT(disk.sync(), FailsWith(Errc::io));
    EXPECT_TRUE(disk.disk->stats().stopped);
    ASSERT_EQ(std::ranges::count(disk.events, fs::DiskEvent::Kind::stopped, &fs::DiskEvent::kind),
              1);
    EXPECT_THAT(disk.sync(), FailsWith(Errc::stopped)) << "no retry turns it into a success";
    EXPECT_THAT(disk.soft_commit(), FailsWith(Errc::stopped));
    EXPECT_THAT(disk.write(2, 1), FailsWith(Errc::stopped));
    EXPECT_THAT(disk.zero(2), FailsWith(Errc::stopped));
    EXPECT_EQ(must(disk.read(1)), 0xa2) << "reads go on";
    EXPECT_THAT(disk.disk->close(), FailsWith(Errc::stopped));
    remount();
    EXPECT_EQ(must(disk.read(1)), 0xa2) << "its pages were all there";
}

TEST_F(EngineFault, O6_AFailedDataWriteStopsAndIsNeverCommitted) {
    must(disk.write(1, 0xa1));
    must(disk.sync());
    must(disk.write(2, 0xb1));  // waits in the same epoch
    fail_next(FileCall::Kind::write);
    EXPECT_THAT(disk.write(1, 0xa2), FailsWith(Errc::io));
    EXPECT_THAT(disk.sync(), FailsWith(Errc::stopped));
    EXPECT_EQ(must(disk.read(1)), 0xa1);
    remount();
    EXPECT_EQ(must(disk.read(1)), 0xa1);
    EXPECT_EQ(must(disk.read(2)), 0);
    EXPECT_THAT(disk.disk->check_map(), Succeeds());
}

TEST_F(EngineFault, O6_AFailedLogPageStops) {
    must(disk.write(1, 0xa1));
    fail_next(FileCall::Kind::write, enospc);  // a host that lied about allocation
    EXPECT_THAT(disk.sync(), FailsWith(Errc::no_space));
    EXPECT_TRUE(disk.disk->stats().stopped);
}

// A rewrap writes beside the engine, to the same store.
TEST_F(EngineFault, O6_AFailedHeaderWriteStops) {
    const auto rewrap = [this](Errc proof) {
        return disk.disk->rewrap(
            crypto::Layer::one, disk.keys.record_of(crypto::Layer::one),
            [proof](const crypto::Envelope&) -> Result<void> { return fail(proof, "no proof"); });
    };
    EXPECT_THAT(rewrap(Errc::vault_unreachable), FailsWith(Errc::vault_unreachable));
    EXPECT_FALSE(disk.disk->stats().stopped) << "the vault's trouble is not the store's";
    fail_next(FileCall::Kind::write);
    EXPECT_THAT(rewrap(Errc::io), FailsWith(Errc::io));
    EXPECT_TRUE(disk.disk->stats().stopped);
    EXPECT_THAT(disk.write(2, 1), FailsWith(Errc::stopped));
    remount();
}

TEST_F(EngineFault, O6_AFailedPunchStops) {
    must(disk.write(1, 0xa1));
    must(disk.sync());
    must(disk.zero(1));
    fail_next(FileCall::Kind::punch);
    EXPECT_THAT(disk.sync(), FailsWith(Errc::io));
    EXPECT_TRUE(disk.disk->stats().stopped);
}

TEST_F(EngineFault, O6_AFailedCheckpointStops) {
    must(disk.write(1, 0xa1));
    must(disk.sync());
    disk.pass(std::chrono::seconds(1));
    must(disk.disk->tick());  // the ACK page
    disk.pass(std::chrono::seconds(31));
    fail_next(FileCall::Kind::write);  // of a leaf
    EXPECT_THAT(disk.disk->tick(), FailsWith(Errc::io));
    EXPECT_THAT(disk.write(2, 0xb1), FailsWith(Errc::stopped));
    remount();
    EXPECT_EQ(must(disk.read(1)), 0xa1);
}

TEST_F(EngineFault, AFullStoreCostsTheFirstWriteOnly) {
    must(disk.write(1, 0xa1));
    fail_next(FileCall::Kind::write, enospc);
    EXPECT_THAT(disk.write(2, 0xb1), FailsWith(Errc::no_space));
    EXPECT_FALSE(disk.disk->stats().stopped);
    EXPECT_EQ(must(disk.read(2)), 0);
    must(disk.sync());
    fail_next(FileCall::Kind::write, enospc);  // rule (c)
    EXPECT_THAT(disk.write(1, 0xa2), FailsWith(Errc::no_space));
    EXPECT_EQ(must(disk.read(1)), 0xa1);
    EXPECT_EQ(disk.disk->stats().pool_free, kShape.pool) << "the slot went back";
    EXPECT_THAT(disk.write(2, 0xb2), Succeeds());
    must(disk.sync());
    remount();
    EXPECT_EQ(must(disk.read(1)), 0xa1);
    EXPECT_EQ(must(disk.read(2)), 0xb2);
    EXPECT_THAT(disk.disk->check_map(), Succeeds());
}

TEST_F(EngineFault, AFullStoreInRuleAStops) {
    must(disk.write(1, 0xa1));
    fail_next(FileCall::Kind::write, enospc);
    EXPECT_THAT(disk.write(1, 0xa2), FailsWith(Errc::no_space));
    EXPECT_TRUE(disk.disk->stats().stopped) << "the slot may hold half of it";
}

// One request, of which the first blocks are new and the others in this epoch already.
TEST_F(EngineFault, AFullStoreInAMixedWriteLeavesTheOldState) {
    must(disk.write(4, 0xa1, 2));
    fail_next(FileCall::Kind::write, enospc);
    EXPECT_THAT(disk.write(3, 0xa2, 4), FailsWith(Errc::no_space));
    EXPECT_FALSE(disk.disk->stats().stopped);
    EXPECT_EQ(must(disk.read(3)), 0);
    EXPECT_EQ(must(disk.read(4)), 0xa1);
    EXPECT_EQ(must(disk.read(5)), 0xa1);
    EXPECT_EQ(must(disk.read(6)), 0);
}

TEST_F(EngineFault, NoRoomForMetadataCostsTheFirstWriteIntoItsSegment) {
    fail_next(FileCall::Kind::allocate, enospc);
    EXPECT_THAT(disk.write(1, 0xa1), FailsWith(Errc::no_space));
    EXPECT_FALSE(disk.disk->stats().stopped);
    EXPECT_THAT(disk.write(1, 0xa2), Succeeds());
    EXPECT_EQ(must(disk.read(1)), 0xa2);
}

TEST_F(EngineFault, AFailedReadCostsItsRequest) {
    must(disk.write(1, 0xa1, 2));
    int reads = 0;
    const std::uint64_t bad = disk.slot_offset(1);
    fault = [&](const FileCall& call) -> Result<void> {
        if (call.kind != FileCall::Kind::read) return {};
        ++reads;
        return call.offset == bad ? eio() : Result<void>();
    };
    EXPECT_THAT(disk.read(1), FailsWith(Errc::io));
    EXPECT_EQ(reads, 1) << "no retries";
    EXPECT_EQ(must(disk.read(2)), 0xa1);
    const std::vector<std::byte> part(100, std::byte{1});
    EXPECT_THAT(disk.disk->write(fs::ByteOffset{kBlockSize + 5}, part), FailsWith(Errc::io));
    fault = [](const FileCall&) { return Result<void>(); };
    EXPECT_EQ(must(disk.read(1)), 0xa1);
    EXPECT_FALSE(disk.disk->stats().stopped);
    EXPECT_THAT(disk.write(1, 0xa2), Succeeds());
}

TEST_F(EngineFault, AReadErrorInRecoveryIsNotAMismatch) {
    must(disk.write(1, 0xa1));
    must(disk.soft_commit());
    const std::uint64_t slot = disk.slot_offset(1);
    disk.kill();
    fault = [&](const FileCall& call) -> Result<void> {
        return call.kind == FileCall::Kind::read && call.offset == slot ? eio() : Result<void>();
    };
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::io));
    remount();
    EXPECT_EQ(must(disk.read(1)), 0xa1) << "the refused mount dropped nothing";
}

TEST_F(EngineFault, AStoreThatCannotPunchKeepsItsSpace) {
    must(disk.write(1, 0xa1));
    must(disk.sync());
    fail_next(FileCall::Kind::punch, [] {
        Error error{Errc::io, "injected", {}, EOPNOTSUPP, {}};
        return Result<void>(fail(std::move(error)));
    });
    must(disk.zero(1));
    EXPECT_THAT(disk.sync(), Succeeds());
    EXPECT_EQ(must(disk.read(1)), 0);
    must(disk.write(1, 0xa2));
    must(disk.sync());
    EXPECT_EQ(must(disk.read(1)), 0xa2);
}

}  // namespace
}  // namespace twofold

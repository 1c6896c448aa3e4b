#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <new>
#include <stdexcept>
#include <thread>

#include "tests/mount/mounted.h"

// A device that fails: the caller learns of it, with the errno that says why, and nobody else does.
namespace twofold::fs {
namespace {

using Kind = ProbeDevice::Kind;

class Faults : public MountTest {
protected:
    // errno of the first of write and fsync that fails.
    int errno_of_writing() {
        UniqueFd fd = open_disk();
        if (!write_at(fd.get(), 0, pattern(4096, 1))) return errno;
        if (::fsync(fd.get()) != 0) return errno;
        return 0;
    }
    int errno_of_reading(std::uint64_t offset = 4 << 20) {
        Aligned got(4096);
        return read_at(open_disk().get(), offset, got) ? 0 : errno;
    }
};
INSTANTIATE_TEST_SUITE_P(Mount, Faults, testing::ValuesIn(plain_cases()), name_of);

struct Expected {
    Errc code;
    int error;
};
constexpr Expected kErrors[] = {
    {Errc::io, EIO},
    {Errc::unauthentic, EIO},
    {Errc::stopped, EIO},
    {Errc::no_space, ENOSPC},
    {Errc::key_unavailable, ENOKEY},
    {Errc::key_revoked, EKEYREVOKED},
    {Errc::key_expired, EKEYEXPIRED},
    {Errc::out_of_memory, ENOMEM},
};

TEST_P(Faults, ReadTellsWhy) {
    for (const auto& [code, error] : kErrors) {
        device_->fail_with(Kind::read, code);
        EXPECT_EQ(errno_of_reading(), error) << name_of(code);
    }
    device_->heal();
    EXPECT_EQ(errno_of_reading(), 0);
}

TEST_P(Faults, FailedWriteReachesWriteOrFsync) {
    for (const auto& [code, error] : kErrors) {
        device_->fail_with(Kind::write, code);
        EXPECT_EQ(errno_of_writing(), error) << name_of(code);
    }
    device_->heal();
    EXPECT_EQ(errno_of_writing(), 0);
    EXPECT_GE(mounted_->mount().report().writes_failed, std::size(kErrors));
    EXPECT_EQ(mounted_->mount().report().first_write_error->code, Errc::io);
}

TEST_P(Faults, FailedSyncReachesFsync) {
    for (const auto& [code, error] : kErrors) {
        device_->fail_with(Kind::flush_synced, code);
        EXPECT_EQ(errno_of_writing(), error) << name_of(code);
    }
    device_->heal();
}

TEST_P(Faults, FailedCommitReachesClose) {
    UniqueFd fd = open_disk();
    ASSERT_TRUE(write_at(fd.get(), 0, pattern(4096, 1)));
    device_->fail_with(Kind::flush_committed, Errc::key_revoked);
    EXPECT_NE(::close(fd.release()), 0);
    EXPECT_EQ(errno, EKEYREVOKED);
    device_->heal();
}

TEST_P(Faults, FailedPunchReachesFallocate) {
    device_->fail_with(Kind::zero, Errc::no_space);
    const UniqueFd fd = open_disk();
    EXPECT_NE(::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 65536), 0);
    EXPECT_EQ(errno, ENOSPC);
    device_->heal();
}

TEST_P(Faults, OneBadBlockCostsThatBlockOnly) {
    const std::uint64_t bad = 8 << 20;
    device_->set_fault([=](const ProbeDevice::Call& call) -> Result<void> {
        if (call.kind != Kind::read || call.offset > bad || call.offset + call.length <= bad)
            return {};
        return fail(Errc::unauthentic, "injected");
    });
    EXPECT_EQ(errno_of_reading(bad), EIO);
    EXPECT_EQ(errno_of_reading(bad - 4096), 0);
    EXPECT_EQ(errno_of_reading(bad + 4096), 0);
    device_->heal();
    EXPECT_EQ(errno_of_reading(bad), 0);
}

// A read ahead of what was asked for fails quietly: the reader never wanted those blocks.
TEST_P(Faults, BadBlockIsNoErrorForAReaderOfTheOthers) {
    const std::uint64_t bad = 1 << 20;
    device_->set_fault([=](const ProbeDevice::Call& call) -> Result<void> {
        if (call.kind != Kind::read || call.offset > bad || call.offset + call.length <= bad)
            return {};
        return fail(Errc::unauthentic, "injected");
    });
    const UniqueFd fd = open_disk();
    Aligned got(16384);
    for (std::uint64_t at = 0; at < bad; at += got.size())
        ASSERT_TRUE(read_at(fd.get(), at, got)) << at << ": " << errno;
    EXPECT_FALSE(read_at(fd.get(), bad, got));
    device_->heal();
}

TEST_P(Faults, NothingThrownPassesThroughTheEdge) {
    device_->set_fault([](const ProbeDevice::Call& call) -> Result<void> {
        if (call.kind == Kind::read) throw std::bad_alloc();
        if (call.kind == Kind::flush_synced) throw std::runtime_error("a bug");
        return {};
    });
    EXPECT_EQ(errno_of_reading(), ENOMEM);
    EXPECT_EQ(errno_of_writing(), EIO);
    device_->heal();
    EXPECT_EQ(errno_of_reading(), 0);
}

TEST_P(Faults, UnmountTellsWhenTheLastFlushFailed) {
    ASSERT_EQ(errno_of_writing(), 0);
    device_->fail_with(Kind::flush_synced, Errc::stopped);
    EXPECT_THAT(mounted_->stop(), FailsWith(Errc::stopped));
    device_->heal();
}

// One disk that answers nothing costs no other disk its workers for good.
TEST_P(Faults, SlowReadsDoNotKeepOthersWaiting) {
    std::atomic<bool> released{false};
    std::atomic<int> stuck{0};
    device_->set_fault([&](const ProbeDevice::Call& call) -> Result<void> {
        if (call.kind == Kind::read && call.offset >= 8 << 20) {
            ++stuck;
            released.wait(false);
        }
        return {};
    });
    std::thread slow([&] { EXPECT_EQ(errno_of_reading(12 << 20), 0); });
    while (stuck == 0) std::this_thread::yield();
    EXPECT_EQ(errno_of_reading(0), 0);
    EXPECT_EQ(size_seen(), kSize);
    released = true;
    released.notify_all();
    slow.join();
    device_->heal();
}

}  // namespace
}  // namespace twofold::fs

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "tests/mount/mounted.h"

// A disk's end is where it was, whoever looks: a write past it fails with EFBIG, at the latest at
// fsync(2), and stat(2) right after shows the old size. With the write-back cache that takes the
// caretaker.
namespace twofold::fs {
namespace {

using Kind = ProbeDevice::Kind;

class PastEnd : public MountTest {
protected:
    // The errno of writing and syncing; 0 where both work.
    static int write_and_sync(int fd, std::uint64_t offset, const Aligned& data) {
        const ssize_t n = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
        if (n < 0) return errno;
        if (::fsync(fd) != 0) return errno;
        return n == static_cast<ssize_t>(data.size()) ? 0 : -1;  // -1: a shorter count
    }
};
INSTANTIATE_TEST_SUITE_P(Mount, PastEnd, testing::ValuesIn(all_cases()), name_of);

TEST_P(PastEnd, WriteAtTheEndFailsAndLeavesTheSize) {
    const UniqueFd fd = open_disk();
    for (int round = 0; round < 50; ++round) {
        EXPECT_EQ(write_and_sync(fd.get(), kSize, pattern(8192, 1)), EFBIG);
        ASSERT_EQ(size_seen(), kSize) << "round " << round;
    }
}

// The truncation that mends the size after one write must not swallow the next one unrefused.
TEST_P(PastEnd, EachOfManyIsReported) {
    const UniqueFd fd = open_disk();
    for (int round = 0; round < 200; ++round)
        ASSERT_EQ(write_and_sync(fd.get(), kSize + 8192, pattern(4096, 1)), EFBIG) << round;
    EXPECT_EQ(size_seen(), kSize);
}

// stat(1) asks statx(2) for no more than it prints. The kernel takes a size for its own to know,
// and does not find it outdated when the attributes are invalidated.
TEST_P(PastEnd, SizeAloneIsRightToo) {
    const UniqueFd fd = open_disk();
    for (int round = 0; round < 100; ++round) {
        ASSERT_EQ(write_and_sync(fd.get(), kSize, pattern(8192, 1)), EFBIG);
        struct statx st {};
        ASSERT_EQ(::statx(AT_FDCWD, file().c_str(), 0, STATX_SIZE, &st), 0);
        ASSERT_EQ(st.stx_size, kSize) << round;
    }
}

TEST_P(PastEnd, WriteFarBeyondFailsAndLeavesTheSize) {
    const UniqueFd fd = open_disk();
    for (const std::uint64_t offset : {kSize + 4096, kSize * 1000, std::uint64_t{1} << 50}) {
        EXPECT_EQ(write_and_sync(fd.get(), offset, pattern(4096, 1)), EFBIG);
        EXPECT_EQ(size_seen(), kSize);
    }
}

TEST_P(PastEnd, WriteAcrossTheEndKeepsWhatIsInside) {
    const UniqueFd fd = open_disk();
    const Aligned data = pattern(1 << 20, 2);
    EXPECT_EQ(write_and_sync(fd.get(), kSize - (256 << 10), data), write_through() ? -1 : EFBIG);
    EXPECT_EQ(size_seen(), kSize);
    Aligned got(256 << 10);
    must(device_->inner().read(ByteOffset{kSize - got.size()}, {got.data(), got.size()}));
    EXPECT_TRUE(equal({got.data(), got.size()}, {data.data(), got.size()}));
    Aligned again(got.size());
    ASSERT_TRUE(read_at(fd.get(), kSize - got.size(), again));
    EXPECT_TRUE(got == again);
}

TEST_P(PastEnd, DiskWorksOnAfterwards) {
    const UniqueFd fd = open_disk();
    EXPECT_EQ(write_and_sync(fd.get(), kSize, pattern(4096, 1)), EFBIG);
    EXPECT_EQ(size_seen(), kSize);
    const Aligned data = pattern(65536, 4);
    EXPECT_EQ(write_and_sync(fd.get(), kSize - data.size(), data), 0);
    Aligned got(data.size());
    ASSERT_TRUE(read_at(fd.get(), kSize - data.size(), got));
    EXPECT_TRUE(got == data);
    EXPECT_EQ(::pread(fd.get(), got.data(), got.size(), kSize), 0);
}

TEST_P(PastEnd, CloseReportsWhatNobodySynced) {
    UniqueFd fd = open_disk();
    const Aligned data = pattern(4096, 1);
    const bool refused = !write_at(fd.get(), kSize, data);
    EXPECT_EQ(refused, !write_back());
    const int closed = ::close(fd.release());
    EXPECT_EQ(closed != 0, write_back());  // EIO: the kernel keeps no more of it than that
    EXPECT_EQ(size_seen(), kSize);
}

TEST_P(PastEnd, AppendFails) {
    const UniqueFd fd = open_disk(O_WRONLY | O_APPEND);
    const Aligned data = pattern(4096, 1);
    const bool taken = ::write(fd.get(), data.data(), data.size()) > 0;
    EXPECT_EQ(taken, write_back());
    if (taken) {
        EXPECT_NE(::fsync(fd.get()), 0);
    }
    EXPECT_EQ(errno, EFBIG);
    EXPECT_EQ(size_seen(), kSize);
}

TEST_P(PastEnd, SeekToTheEndFindsItWhileTheSizeIsInDoubt) {
    const UniqueFd fd = open_disk();
    for (int round = 0; round < 5; ++round) {
        EXPECT_EQ(write_and_sync(fd.get(), kSize + 65536, pattern(4096, 1)), EFBIG);
        const off_t end = ::lseek(fd.get(), 0, SEEK_END);
        EXPECT_GE(end, static_cast<off_t>(kSize));  // perhaps before the size is back: never stuck
    }
    EXPECT_EQ(size_seen(), kSize);
    EXPECT_EQ(::lseek(fd.get(), 0, SEEK_END), static_cast<off_t>(kSize));
}

TEST_P(PastEnd, MappingEndsWhereTheDiskEnds) {
    in_child([&] {
        const UniqueFd fd(::open(file().c_str(), O_RDWR | O_CLOEXEC));
        void* const at = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
        ASSERT_NE(at, MAP_FAILED);
        EXPECT_EQ(write_and_sync(fd.get(), kSize, pattern(4096, 1)), EFBIG);
        std::memset(static_cast<std::byte*>(at) + kSize - 4096, 9, 4096);
        EXPECT_EQ(::msync(at, kSize, MS_SYNC), 0);
        EXPECT_EQ(::munmap(at, kSize), 0);
        EXPECT_EQ(size_seen(), kSize);
    });
    Aligned got(4096);
    must(device_->inner().read(ByteOffset{kSize - 4096}, {got.data(), got.size()}));
    EXPECT_TRUE(got == Aligned(4096, 9));
}

// Writers inside, writers past the end, syncs and stats at once: nothing hangs, nothing inside is
// lost.
TEST_P(PastEnd, WritersInsideAreNotDisturbed) {
    constexpr int kRounds = 60;
    std::atomic<bool> done{false};
    std::thread beyond([&] {
        const UniqueFd fd = open_disk();
        while (!done) (void)write_and_sync(fd.get(), kSize - 4096, pattern(65536, 1));
    });
    std::thread looking([&] {
        while (!done) (void)size_seen();
    });
    const UniqueFd fd = open_disk();
    Aligned last(256 << 10);
    for (int round = 0; round < kRounds; ++round) {
        last = pattern(last.size(), static_cast<std::uint64_t>(round));
        EXPECT_TRUE(write_at(fd.get(), 1 << 20, last));
        if (round % 7 == 0) (void)::fsync(fd.get());  // may tell of the other writer's failure
    }
    done = true;
    beyond.join();
    looking.join();
    (void)::fsync(fd.get());
    EXPECT_EQ(size_seen(), kSize);
    Aligned got(last.size());
    must(device_->inner().read(ByteOffset{1 << 20}, {got.data(), got.size()}));
    EXPECT_TRUE(got == last);
}

TEST_P(PastEnd, ReportCountsIt) {
    const UniqueFd fd = open_disk();
    EXPECT_EQ(mounted_->mount().report().writes_past_end, 0U);
    EXPECT_EQ(write_and_sync(fd.get(), kSize, pattern(4096, 1)), EFBIG);
    EXPECT_GE(mounted_->mount().report().writes_past_end, 1U);
    EXPECT_EQ(mounted_->mount().report().writes_failed, 0U);
}

}  // namespace
}  // namespace twofold::fs

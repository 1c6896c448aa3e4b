#include <dirent.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "tests/mount/mounted.h"

// What each system call does to a mounted disk, through the kernel, in three ways to cache.
namespace twofold::fs {
namespace {

using Kind = ProbeDevice::Kind;

class Operations : public MountTest {
protected:
    // What the device itself holds.
    Aligned on_device(std::uint64_t offset, std::size_t size) {
        Aligned out(size);
        must(device_->inner().read(ByteOffset{offset}, {out.data(), size}));
        return out;
    }
};
INSTANTIATE_TEST_SUITE_P(Mount, Operations, testing::ValuesIn(all_cases()), name_of);

TEST_P(Operations, DiskIsARegularFileOfItsSize) {
    struct stat st {};
    ASSERT_EQ(::stat(file().c_str(), &st), 0);
    EXPECT_TRUE(S_ISREG(st.st_mode));
    EXPECT_EQ(st.st_mode & 07777, 0600U);
    EXPECT_EQ(st.st_size, static_cast<off_t>(kSize));
    EXPECT_EQ(st.st_uid, ::getuid());
    EXPECT_EQ(st.st_nlink, 1U);
}

TEST_P(Operations, DirectoryListsTheDisks) {
    DIR* const directory = ::opendir(mounted_->path().c_str());
    ASSERT_NE(directory, nullptr);
    std::set<std::string> names;
    while (const dirent* entry = ::readdir(directory)) names.insert(entry->d_name);
    ::closedir(directory);
    EXPECT_EQ(names, (std::set<std::string>{".", "..", "data0.img"}));
}

TEST_P(Operations, ReadsZerosWhereNothingWasWritten) {
    const UniqueFd fd = open_disk();
    Aligned got(1 << 20, 0xff);
    ASSERT_TRUE(read_at(fd.get(), kSize - got.size(), got));
    EXPECT_TRUE(got == Aligned(1 << 20));
}

TEST_P(Operations, ReadsBackWhatWasWritten) {
    const UniqueFd fd = open_disk();
    const Aligned written = pattern(3 << 20, 1);
    ASSERT_TRUE(write_at(fd.get(), 1 << 20, written));
    Aligned got(written.size());
    ASSERT_TRUE(read_at(fd.get(), 1 << 20, got));
    EXPECT_TRUE(got == written);
    ASSERT_EQ(::fsync(fd.get()), 0);
    EXPECT_TRUE(on_device(1 << 20, written.size()) == written);
}

TEST_P(Operations, WritesAnyRangeOfBytes) {
    const UniqueFd fd(::open(file().c_str(), O_RDWR | O_CLOEXEC));  // O_DIRECT would need alignment
    Aligned model(64 << 10);
    for (const std::size_t at : {1U, 4095U, 4097U, 10000U, 40001U}) {
        const Aligned piece = pattern(5003, at);
        ASSERT_TRUE(write_at(fd.get(), at, piece));
        std::memcpy(model.data() + at, piece.data(), piece.size());
    }
    ASSERT_EQ(::fsync(fd.get()), 0);
    EXPECT_TRUE(on_device(0, model.size()) == model);
}

TEST_P(Operations, ReadEndsWhereTheDiskEnds) {
    const UniqueFd fd = open_disk();
    Aligned got(8192);
    EXPECT_EQ(::pread(fd.get(), got.data(), 8192, kSize - 4096), 4096);
    EXPECT_EQ(::pread(fd.get(), got.data(), 8192, kSize), 0);
    EXPECT_EQ(::pread(fd.get(), got.data(), 8192, kSize * 2), 0);
}

TEST_P(Operations, DataSurvivesARemount) {
    const Aligned written = pattern(1 << 20, 7);
    {
        const UniqueFd fd = open_disk();
        ASSERT_TRUE(write_at(fd.get(), 12288, written));
    }
    ASSERT_THAT(mounted_->stop(), Succeeds());
    EXPECT_TRUE(on_device(12288, written.size()) == written);
}

TEST_P(Operations, PagesStayInTheKernelBetweenOpens) {
    Aligned got(1 << 20);
    ASSERT_TRUE(read_at(open_disk().get(), 0, got));
    device_->forget_calls();
    ASSERT_TRUE(read_at(open_disk().get(), 0, got));
    EXPECT_EQ(device_->count(Kind::read), direct() ? 1U : 0U);
}

TEST_P(Operations, FsyncSyncsAndCloseCommits) {
    UniqueFd fd = open_disk();
    ASSERT_TRUE(write_at(fd.get(), 0, pattern(4096, 1)));
    ASSERT_EQ(::fsync(fd.get()), 0);
    EXPECT_EQ(device_->count(Kind::write), 1U);
    EXPECT_EQ(device_->count(Kind::flush_synced), 1U);
    ASSERT_TRUE(write_at(fd.get(), 0, pattern(4096, 2)));
    ASSERT_EQ(::fdatasync(fd.get()), 0);
    EXPECT_EQ(device_->count(Kind::flush_synced), 2U);
    EXPECT_EQ(device_->count(Kind::flush_committed), 0U);
    fd.reset();
    EXPECT_EQ(device_->count(Kind::flush_committed), 1U);
}

TEST_P(Operations, SynchronousWriteIsSyncedWhenItReturns) {
    for (const int flag : {O_SYNC, O_DSYNC}) {
        device_->forget_calls();
        const UniqueFd fd = open_disk(O_RDWR | flag);
        ASSERT_TRUE(write_at(fd.get(), 8192, pattern(4096, 3)));
        EXPECT_EQ(device_->count(Kind::write), 1U);
        EXPECT_EQ(device_->count(Kind::flush_synced), 1U);
    }
}

TEST_P(Operations, FsyncOfTheDirectorySyncsEveryDisk) {
    const UniqueFd fd(::open(mounted_->path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::fsync(fd.get()), 0);
    EXPECT_EQ(device_->count(Kind::flush_synced), 1U);
}

TEST_P(Operations, ReadingAndClosingWritesNothing) {
    Aligned got(4096);
    ASSERT_TRUE(read_at(open_disk(O_RDONLY).get(), 0, got));
    EXPECT_EQ(device_->count(Kind::flush_committed), 0U);
    EXPECT_EQ(device_->count(Kind::write), 0U);
}

TEST_P(Operations, PunchedAndZeroedRangesReadAsZeros) {
    const UniqueFd fd = open_disk();
    ASSERT_TRUE(write_at(fd.get(), 0, pattern(1 << 20, 5)));
    Aligned model = pattern(1 << 20, 5);
    const auto clear = [&](int mode, std::size_t at, std::size_t length) {
        ASSERT_EQ(::fallocate(fd.get(), mode, static_cast<off_t>(at), static_cast<off_t>(length)),
                  0)
            << mode;
        std::memset(model.data() + at, 0, length);
    };
    clear(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 65536);
    clear(FALLOC_FL_ZERO_RANGE, 100000, 33333);
    clear(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 500001, 7);
    EXPECT_EQ(device_->count(Kind::zero), 3U);
    Aligned got(model.size());
    ASSERT_TRUE(read_at(fd.get(), 0, got));
    EXPECT_TRUE(got == model);
    ASSERT_EQ(::fsync(fd.get()), 0);
    EXPECT_TRUE(on_device(0, model.size()) == model);
}

TEST_P(Operations, AllocatesOnlyInside) {
    const UniqueFd fd = open_disk();
    const auto allocate = [&](int mode, std::uint64_t at, std::uint64_t length) {
        const int done =
            ::fallocate(fd.get(), mode, static_cast<off_t>(at), static_cast<off_t>(length));
        return done == 0 ? 0 : errno;
    };
    EXPECT_EQ(allocate(0, 0, kSize), 0);
    EXPECT_EQ(allocate(FALLOC_FL_KEEP_SIZE, 4096, 4096), 0);
    EXPECT_EQ(allocate(0, 0, kSize + 4096), EFBIG);
    EXPECT_EQ(allocate(FALLOC_FL_KEEP_SIZE, kSize, 4096), EFBIG);
    EXPECT_EQ(allocate(FALLOC_FL_ZERO_RANGE, kSize - 4096, 8192), EFBIG);
    // There is nothing past the end to punch: as on any file.
    EXPECT_EQ(allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, kSize - 4096, 8192), 0);
    EXPECT_EQ(allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, kSize, 8192), 0);
    EXPECT_EQ(allocate(FALLOC_FL_COLLAPSE_RANGE, 0, 4096), EOPNOTSUPP);
    EXPECT_EQ(size_seen(), kSize);
}

TEST_P(Operations, SizeIsNotToBeChanged) {
    const UniqueFd fd = open_disk();
    EXPECT_EQ(::ftruncate(fd.get(), kSize), 0);
    EXPECT_NE(::ftruncate(fd.get(), kSize + 1), 0);
    EXPECT_EQ(errno, EPERM);
    EXPECT_NE(::ftruncate(fd.get(), 0), 0);
    EXPECT_EQ(errno, EPERM);
    EXPECT_FALSE(open_disk(O_RDWR | O_TRUNC));
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(size_seen(), kSize);
}

TEST_P(Operations, FilesCannotBeMadeOrRemoved) {
    const std::string other = mounted_->path() + "/other.img";
    EXPECT_FALSE(UniqueFd(::open(other.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)));
    EXPECT_EQ(errno, EPERM);
    EXPECT_NE(::mkdir(other.c_str(), 0700), 0);
    EXPECT_EQ(errno, EPERM);
    EXPECT_NE(::mkfifo(other.c_str(), 0700), 0);
    EXPECT_EQ(errno, EPERM);
    EXPECT_NE(::symlink("target", other.c_str()), 0);
    EXPECT_EQ(errno, EPERM);
    EXPECT_NE(::link(file().c_str(), other.c_str()), 0);
    EXPECT_EQ(errno, EPERM);
    EXPECT_NE(::rename(file().c_str(), other.c_str()), 0);
    EXPECT_EQ(errno, EPERM);
    EXPECT_NE(::unlink(file().c_str()), 0);
    EXPECT_EQ(errno, EPERM);
    EXPECT_NE(::access(other.c_str(), F_OK), 0);
    EXPECT_EQ(errno, ENOENT);
}

TEST_P(Operations, OwnerModeAndTimesMayBeSetWithoutEffectOnTheData) {
    EXPECT_EQ(::chmod(file().c_str(), 0644), 0);
    EXPECT_EQ(::chown(file().c_str(), ::getuid(), ::getgid()), 0);
    const struct timespec times[2] = {{1000000000, 5}, {1100000000, 7}};
    ASSERT_EQ(::utimensat(AT_FDCWD, file().c_str(), times, 0), 0);
    struct stat st {};
    ASSERT_EQ(::stat(file().c_str(), &st), 0);
    EXPECT_EQ(st.st_mtim.tv_sec, 1100000000);
    EXPECT_EQ(st.st_mtim.tv_nsec, 7);
    EXPECT_EQ(st.st_mode & 07777, 0600U);
}

TEST_P(Operations, WritingMovesTheModificationTime) {
    const struct timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, file().c_str(), times, 0), 0);
    ASSERT_TRUE(write_at(open_disk().get(), 0, pattern(4096, 9)));
    struct stat st {};
    ASSERT_EQ(::stat(file().c_str(), &st), 0);
    EXPECT_GT(st.st_mtim.tv_sec, 1000000000);
}

TEST_P(Operations, HasNoExtendedAttributes) {
    char value[16];
    EXPECT_LT(::getxattr(file().c_str(), "user.x", value, sizeof value), 0);
    EXPECT_EQ(errno, EOPNOTSUPP);
    EXPECT_LT(::setxattr(file().c_str(), "user.x", "y", 1, 0), 0);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_P(Operations, FileSystemIsAsLargeAsItsDisks) {
    struct statvfs st {};
    ASSERT_EQ(::statvfs(mounted_->path().c_str(), &st), 0);
    EXPECT_EQ(st.f_blocks * st.f_frsize, kSize);
    EXPECT_EQ(st.f_bfree, 0U);
    EXPECT_NE(st.f_flag & ST_NOSUID, 0U);
    EXPECT_NE(st.f_flag & ST_NODEV, 0U);
}

TEST_P(Operations, SharedMappingReadsAndWritesTheDisk) {
    const Aligned data = pattern(100000, 3);
    in_child([&] {
        const UniqueFd fd(::open(file().c_str(), O_RDWR | O_CLOEXEC));
        void* const at = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
        ASSERT_NE(at, MAP_FAILED);
        auto* const bytes = static_cast<std::byte*>(at);
        EXPECT_EQ(bytes[5000], std::byte{0});
        std::memcpy(bytes + 5000, data.data(), data.size());
        ASSERT_EQ(::msync(at, kSize, MS_SYNC), 0);
        std::memset(bytes + kSize - 4096, 7, 4096);  // no msync: munmap and close must do
        ASSERT_EQ(::munmap(at, kSize), 0);
    });
    EXPECT_TRUE(on_device(5000, data.size()) == data);
    ASSERT_THAT(mounted_->stop(), Succeeds());
    EXPECT_TRUE(on_device(kSize - 4096, 4096) == Aligned(4096, 7));
}

TEST_P(Operations, FindsHolesOnlyWithoutTheWriteBackCache) {
    const UniqueFd fd = open_disk();
    ASSERT_TRUE(write_at(fd.get(), 8 << 20, pattern(1 << 20, 1)));
    ASSERT_EQ(::fsync(fd.get()), 0);
    const off_t data = ::lseek(fd.get(), 0, SEEK_DATA),
                hole = ::lseek(fd.get(), 8 << 20, SEEK_HOLE);
    if (GetParam().mode == CacheMode::write_through) {
        EXPECT_EQ(data, 8 << 20);
        EXPECT_LT(::lseek(fd.get(), 15 << 20, SEEK_DATA), 0);
        EXPECT_EQ(errno, ENXIO);
    } else {
        EXPECT_EQ(data, 0);
        EXPECT_EQ(hole, static_cast<off_t>(kSize));
    }
    EXPECT_GE(hole, 9 << 20);
    EXPECT_LT(::lseek(fd.get(), kSize, SEEK_DATA), 0);
    EXPECT_EQ(errno, ENXIO);
    EXPECT_EQ(::lseek(fd.get(), 0, SEEK_END), static_cast<off_t>(kSize));
}

TEST_P(Operations, ReadOnlyDiskIsNotOpenedForWriting) {
    device_->make_read_only();
    EXPECT_FALSE(open_disk(O_RDWR));
    EXPECT_EQ(errno, EROFS);
    Aligned got(4096);
    EXPECT_TRUE(read_at(open_disk(O_RDONLY).get(), 0, got));
}

TEST_P(Operations, ReadOnlyMountRefusesEveryChange) {
    ASSERT_THAT(mounted_->stop(), Succeeds());
    mounted_.reset();
    MountOptions options;
    options.read_only = true;
    ASSERT_NO_FATAL_FAILURE(mount_disk(kSize, options));
    EXPECT_FALSE(open_disk(O_RDWR));
    EXPECT_EQ(errno, EROFS);
    EXPECT_NE(::truncate(file().c_str(), kSize), 0);
    EXPECT_EQ(errno, EROFS);
    Aligned got(4096);
    EXPECT_TRUE(read_at(open_disk(O_RDONLY).get(), 0, got));
    ASSERT_THAT(mounted_->stop(), Succeeds());
    EXPECT_EQ(device_->count(Kind::flush_synced), 0U);
}

}  // namespace
}  // namespace twofold::fs

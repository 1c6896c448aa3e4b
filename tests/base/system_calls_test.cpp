// What the kernel may do to a file's system calls short of an error: move less than asked, or be
// interrupted. And its errors, as they come. This program has those calls of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/io/io.h"
#include "tests/support/matchers.h"
#include "tests/support/test_directory.h"

namespace {

// What the next calls do. The tests run in one thread.
struct Kernel {
    std::size_t at_most = SIZE_MAX;  // bytes a transfer
    std::vector<int> errors;         // of the next calls, the first first; 0: works
    int calls = 0;

    // errno of this call, 0 if it works.
    int next() {
        ++calls;
        if (errors.empty()) return 0;
        const int error = errors.front();
        errors.erase(errors.begin());
        return error;
    }
} g_kernel;

int fails() {
    errno = g_kernel.next();
    return errno;
}

// The parts cut down to what one call may move.
std::vector<iovec> cut(const iovec* parts, int count) {
    std::vector<iovec> out;
    std::size_t left = g_kernel.at_most;
    for (int i = 0; i < count && left > 0; ++i) {
        out.push_back({parts[i].iov_base, std::min(parts[i].iov_len, left)});
        left -= out.back().iov_len;
    }
    return out;
}

}  // namespace

extern "C" {
ssize_t preadv(int fd, const iovec* parts, int count, off_t offset) {
    if (fails() != 0) return -1;
    const auto some = cut(parts, count);
    return syscall(SYS_preadv, fd, some.data(), some.size(), offset, 0);
}
ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) {
    if (fails() != 0) return -1;
    const auto some = cut(parts, count);
    return syscall(SYS_pwritev, fd, some.data(), some.size(), offset, 0);
}
int fdatasync(int fd) { return fails() != 0 ? -1 : static_cast<int>(syscall(SYS_fdatasync, fd)); }
int fallocate(int fd, int mode, off_t offset, off_t length) {
    return fails() != 0 ? -1 : static_cast<int>(syscall(SYS_fallocate, fd, mode, offset, length));
}
int ftruncate(int fd, off_t size) noexcept {
    return fails() != 0 ? -1 : static_cast<int>(syscall(SYS_ftruncate, fd, size));
}
}

namespace twofold::io {
namespace {

class SystemCalls : public testing::Test {
protected:
    void SetUp() override {
        file_ = must(open_posix_file(directory_.path("file"), Access::read_write,
                                     Create::must_not_exist, Lock::exclusive));
        must(file_->resize(kSize));
        for (std::size_t i = 0; i < data_.size(); ++i)
            data_[i] = static_cast<std::byte>(i * 7 + i / 251);
        g_kernel = {};
    }
    void TearDown() override { g_kernel = {}; }

    // Three parts, one of them empty.
    Result<void> write() {
        const Bytes all(data_);
        const std::array parts{all.first(5000), all.first(0), all.subspan(5000)};
        return file_->write(100, parts);
    }
    Result<std::vector<std::byte>> read() {
        std::vector<std::byte> out(data_.size());
        const MutableBytes all(out);
        const std::array parts{all.first(1), all.subspan(1)};
        TF_TRY(file_->read(100, parts));
        return out;
    }

    static constexpr std::size_t kSize = 64 << 10;
    TestDirectory directory_;
    std::unique_ptr<File> file_;
    std::vector<std::byte> data_ = std::vector<std::byte>(3 * 4096 + 17);
};

TEST_F(SystemCalls, ShortTransfersAreCompleted) {
    for (const std::size_t at_most : {1, 511, 4096, 5000, 5001}) {
        SCOPED_TRACE(at_most);
        std::ranges::rotate(data_, data_.begin() + 1);
        g_kernel = {.at_most = at_most, .errors = {}};
        EXPECT_THAT(write(), Succeeds());
        EXPECT_GE(g_kernel.calls, static_cast<int>(data_.size() / at_most));
        EXPECT_EQ(must(read()), data_);
    }
}

TEST_F(SystemCalls, InterruptedCallsAreMadeAgain) {
    for (const int error : {EINTR, EAGAIN}) {
        SCOPED_TRACE(error);
        std::ranges::rotate(data_, data_.begin() + 1);
        g_kernel = {.at_most = 4096, .errors = {error, 0, error, error}};
        EXPECT_THAT(write(), Succeeds());
        g_kernel = {.at_most = 4096, .errors = {error, error, 0, error}};
        EXPECT_EQ(must(read()), data_);
    }
    g_kernel = {.errors = {EINTR, EINTR}};
    EXPECT_THAT(file_->allocate(kSize, kSize), Succeeds());
    g_kernel = {.errors = {EINTR}};
    EXPECT_THAT(file_->punch(100, data_.size()), Succeeds());
    EXPECT_EQ(must(read()), std::vector<std::byte>(data_.size()));
    g_kernel = {.errors = {EINTR, EINTR}};
    EXPECT_THAT(file_->resize(kSize), Succeeds());
    EXPECT_EQ(must(file_->size()), kSize);
}

TEST_F(SystemCalls, AnErrorAmidATransferIsTold) {
    for (const auto& [error, code] : {std::pair{EIO, Errc::io}, {ENOSPC, Errc::no_space}}) {
        g_kernel = {.at_most = 4096, .errors = {0, 0, error}};
        const auto written = write();
        ASSERT_THAT(written, FailsWith(code));
        EXPECT_EQ(written.error().sys_errno, error);
        EXPECT_EQ(g_kernel.calls, 3) << "no retry";
    }
    g_kernel = {.at_most = 4096, .errors = {0, EIO}};
    EXPECT_THAT(read(), FailsWith(Errc::io));
    EXPECT_EQ(g_kernel.calls, 2);
}

TEST_F(SystemCalls, AFileThatEndsAmidAReadIsDamaged) {
    must(file_->resize(100 + data_.size() - 1));
    for (const std::size_t at_most : {4096ul, SIZE_MAX}) {
        g_kernel = {.at_most = at_most, .errors = {}};
        EXPECT_THAT(read(), FailsWith(Errc::damaged));
    }
}

// The kernel tells of a failed write-back once: a second try would be answered with success.
TEST_F(SystemCalls, AFailedSyncIsToldAndNotRetried) {
    for (const int error : {EIO, ENOSPC, EINTR}) {
        g_kernel = {.errors = {error}};
        EXPECT_FALSE(file_->sync());
        EXPECT_EQ(g_kernel.calls, 1);
    }
}

TEST_F(SystemCalls, AStoreThatCannotAllocateStillGrowsTheFile) {
    g_kernel = {.errors = {EOPNOTSUPP}};
    EXPECT_THAT(file_->allocate(kSize, 4096), Succeeds());
    EXPECT_EQ(must(file_->size()), kSize + 4096);
    g_kernel = {.errors = {ENOSPC}};
    EXPECT_THAT(file_->allocate(kSize, 4096), FailsWith(Errc::no_space));
}

}  // namespace
}  // namespace twofold::io

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "base/io/posix.h"

namespace twofold::io {
namespace {

// Calls `transfer(iovec*, count, offset)` until all parts are moved. Parts may be more than IOV_MAX.
template <class Part, class Transfer>
Result<void> move_all(std::uint64_t offset, std::span<const Part> parts, const std::string& path,
                      Transfer transfer) {
    constexpr std::size_t kBatch = 256;
    std::size_t next = 0;
    std::size_t skip = 0;  // bytes of parts[next] that are done
    while (next < parts.size()) {
        std::array<iovec, kBatch> vec;
        std::size_t count = 0;
        for (std::size_t i = next; i < parts.size() && count < kBatch; ++i, ++count) {
            const std::size_t done = i == next ? skip : 0;
            vec[count].iov_base =
                const_cast<std::byte*>(static_cast<const std::byte*>(parts[i].data() + done));
            vec[count].iov_len = parts[i].size() - done;
        }
        const ssize_t moved = transfer(vec.data(), static_cast<int>(count), offset);
        if (moved < 0) {
            if (errno == EINTR || errno == EAGAIN) continue;
            return fail_errno(errno, path);
        }
        std::size_t left = static_cast<std::size_t>(moved);
        offset += left;
        bool any = left > 0;
        while (next < parts.size() && left >= parts[next].size() - skip) {
            left -= parts[next].size() - skip;
            any = true;  // an empty part counts as progress
            skip = 0;
            if (++next == parts.size()) return {};
        }
        skip += left;
        if (!any || moved == 0) return fail(Errc::damaged, "{}: ends at byte {}", path, offset);
    }
    return {};
}

class PosixFile final : public File {
public:
    PosixFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

    Result<std::uint64_t> size() override {
        struct stat st {};
        if (::fstat(fd_.get(), &st) != 0) return fail_errno(errno, path_);
        if (S_ISREG(st.st_mode)) return static_cast<std::uint64_t>(st.st_size);
        const off_t end = ::lseek(fd_.get(), 0, SEEK_END);  // a block device
        if (end < 0) return fail_errno(errno, path_);
        return static_cast<std::uint64_t>(end);
    }

    Result<void> read(std::uint64_t offset, std::span<const MutableBytes> parts) override {
        return move_all(offset, parts, path_, [this](iovec* vec, int count, std::uint64_t at) {
            return ::preadv(fd_.get(), vec, count, static_cast<off_t>(at));
        });
    }

    Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override {
        return move_all(offset, parts, path_, [this](iovec* vec, int count, std::uint64_t at) {
            return ::pwritev(fd_.get(), vec, count, static_cast<off_t>(at));
        });
    }

    Result<void> sync() override {
        if (::fdatasync(fd_.get()) != 0) return fail_errno(errno, path_);
        return {};
    }

    Result<void> allocate(std::uint64_t offset, std::uint64_t length) override {
        int result;
        do {
            result = ::fallocate(fd_.get(), 0, static_cast<off_t>(offset),
                                 static_cast<off_t>(length));
        } while (result != 0 && errno == EINTR);
        if (result == 0) return {};
        if (errno != EOPNOTSUPP) return fail_errno(errno, path_);
        // File systems without allocation (and without holes to fill) still get the size.
        TF_ASSIGN(const std::uint64_t now, size());
        if (now < offset + length) return resize(offset + length);
        return {};
    }

    Result<void> punch(std::uint64_t offset, std::uint64_t length) override {
        int result;
        do {
            result = ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                 static_cast<off_t>(offset), static_cast<off_t>(length));
        } while (result != 0 && errno == EINTR);
        if (result != 0) return fail_errno(errno, path_);
        return {};
    }

    Result<void> resize(std::uint64_t size) override {
        int result;
        do {
            result = ::ftruncate(fd_.get(), static_cast<off_t>(size));
        } while (result != 0 && errno == EINTR);
        if (result != 0) return fail_errno(errno, path_);
        return {};
    }

    Result<void> drop_cache() override {
        if (const int e = ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); e != 0)
            return fail_errno(e, path_);
        return {};
    }

    Result<std::optional<std::uint64_t>> next_data(std::uint64_t offset) override {
        const off_t at = ::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_DATA);
        if (at >= 0) return std::optional(static_cast<std::uint64_t>(at));
        if (errno == ENXIO) return std::optional<std::uint64_t>();
        if (errno == EINVAL) return std::optional(offset);  // no holes known here
        return fail_errno(errno, path_);
    }

private:
    UniqueFd fd_;
    std::string path_;
};

}  // namespace

namespace posix {

Result<std::unique_ptr<File>> adopt_file(UniqueFd fd, std::string path, Lock lock) {
    if (lock == Lock::exclusive && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return fail_errno(errno, path);
        return fail(Errc::busy, "{}: in use by another process", path);
    }
    return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(fd), std::move(path)));
}

Result<UniqueFd> open_regular(int directory, const std::string& name, int flags, Create create,
                              const std::string& path) {
    // O_NONBLOCK: a FIFO put in the file's place must not hang us.
    flags |= O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    if (create != Create::no) flags |= O_CREAT;
    if (create == Create::must_not_exist) flags |= O_EXCL;
    UniqueFd fd(::openat(directory, name.c_str(), flags, 0600));
    if (!fd && errno == ELOOP)
        return fail(Errc::invalid, "{}: is a symbolic link, not a regular file", path);
    if (!fd && (errno == ENXIO || errno == EISDIR))
        return fail(Errc::invalid, "{}: not a regular file", path);
    if (!fd) return fail_errno(errno, path);
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) return fail_errno(errno, path);
    if (!S_ISREG(st.st_mode)) return fail(Errc::invalid, "{}: not a regular file", path);
    if (st.st_uid != ::geteuid() && ::geteuid() != 0)
        return fail(Errc::invalid, "{}: belongs to another user", path);
    if ((st.st_mode & S_IWOTH) != 0)
        return fail(Errc::invalid, "{}: is writable by everybody; chmod o-w it", path);
    return fd;
}

Result<void> write_all(int fd, Bytes content, const std::string& path) {
    while (!content.empty()) {
        const ssize_t n = ::write(fd, content.data(), content.size());
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n < 0) return fail_errno(errno, path);
        content = content.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

}  // namespace posix

Result<std::unique_ptr<File>> open_posix_file(const std::string& path, Access access, Create create,
                                              Lock lock) {
    int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    flags |= access == Access::read_only ? O_RDONLY : O_RDWR;
    if (create != Create::no) flags |= O_CREAT;
    if (create == Create::must_not_exist) flags |= O_EXCL;
    UniqueFd fd(::open(path.c_str(), flags, 0600));
    if (!fd) return fail_errno(errno, path);
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) return fail_errno(errno, path);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return fail(Errc::invalid, "{}: neither a regular file nor a block device", path);
    return posix::adopt_file(std::move(fd), path, lock);
}

}  // namespace twofold::io

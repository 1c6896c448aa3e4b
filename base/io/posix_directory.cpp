#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/hex.h"
#include "base/io/posix.h"

namespace twofold::io {
namespace {

// One path component: nothing that leaves the directory or can't be a file name.
Result<void> check_name(const std::string& name, const std::string& directory) {
    if (name.empty() || name.size() > 255 || name == "." || name == ".." ||
        name.find('/') != std::string::npos || name.find('\0') != std::string::npos)
        return fail(Errc::invalid, "{}: bad file name", directory);
    return {};
}

class PosixLock final : public HeldLock {
public:
    explicit PosixLock(UniqueFd fd) : fd_(std::move(fd)) {}

private:
    UniqueFd fd_;
};

using Dir = std::unique_ptr<DIR, FreeWith<closedir>>;

class PosixDirectory final : public Directory {
public:
    PosixDirectory(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

    std::string path() const override { return path_; }

    Result<std::vector<Entry>> list() override {
        UniqueFd again(::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!again) return fail_errno(errno, path_);
        Dir dir(::fdopendir(again.get()));
        if (!dir) return fail_errno(errno, path_);
        again.release();
        std::vector<Entry> entries;
        errno = 0;
        while (const dirent* e = ::readdir(dir.get())) {
            const std::string name = e->d_name;
            if (name != "." && name != "..") {
                struct stat st {};
                if (::fstatat(fd_.get(), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                    entries.push_back({name, S_ISDIR(st.st_mode)});
            }
            errno = 0;
        }
        if (errno != 0) return fail_errno(errno, path_);
        std::sort(entries.begin(), entries.end(),
                  [](const Entry& a, const Entry& b) { return a.name < b.name; });
        return entries;
    }

    Result<bool> exists(const std::string& name) override {
        TF_TRY(check_name(name, path_));
        struct stat st {};
        if (::fstatat(fd_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) return true;
        if (errno == ENOENT) return false;
        return fail_errno(errno, path_of(name));
    }

    Result<std::vector<std::byte>> read(const std::string& name, std::size_t size_max) override {
        TF_TRY(check_name(name, path_));
        TF_ASSIGN(const UniqueFd fd,
                  posix::open_regular(fd_.get(), name, O_RDONLY, Create::no, path_of(name)));
        // Grows with what is read, so that a lying or growing size costs nothing.
        std::vector<std::byte> content;
        std::array<std::byte, 16384> piece;
        for (;;) {
            const ssize_t n = ::read(fd.get(), piece.data(), piece.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return fail_errno(errno, path_of(name));
            if (n == 0) return content;
            if (content.size() + static_cast<std::size_t>(n) > size_max)
                return fail(Errc::damaged, "{}: larger than {} bytes", path_of(name), size_max);
            content.insert(content.end(), piece.begin(), piece.begin() + n);
        }
    }

    Result<void> replace(const std::string& name, Bytes content) override {
        TF_TRY(check_name(name, path_));
        TF_ASSIGN(const std::string temporary, temporary_name(name));
        auto written = write_new(temporary, content);
        if (written && ::renameat(fd_.get(), temporary.c_str(), fd_.get(), name.c_str()) != 0)
            written = fail_errno(errno, path_of(name));
        if (!written) {
            ::unlinkat(fd_.get(), temporary.c_str(), 0);
            return written;
        }
        return sync_directory(fd_.get());
    }

    Result<void> append(const std::string& name, Bytes content) override {
        TF_TRY(check_name(name, path_));
        TF_ASSIGN(const UniqueFd fd,
                  posix::open_regular(fd_.get(), name, O_WRONLY | O_APPEND, Create::if_missing,
                                      path_of(name)));
        return posix::write_all(fd.get(), content, path_of(name));
    }

    Result<void> make_directory(const std::string& name) override {
        TF_TRY(check_name(name, path_));
        if (::mkdirat(fd_.get(), name.c_str(), 0700) != 0) return fail_errno(errno, path_of(name));
        return sync_directory(fd_.get());
    }

    Result<std::unique_ptr<Directory>> open_directory(const std::string& name) override {
        TF_TRY(check_name(name, path_));
        UniqueFd fd(::openat(fd_.get(), name.c_str(),
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!fd && (errno == ENOTDIR || errno == ELOOP))
            return fail(Errc::invalid, "{}: not a directory", path_of(name));
        if (!fd) return fail_errno(errno, path_of(name));
        return std::unique_ptr<Directory>(
            std::make_unique<PosixDirectory>(std::move(fd), path_of(name)));
    }

    Result<void> rename(const std::string& from, Directory& to_directory,
                        const std::string& to) override {
        TF_TRY(check_name(from, path_));
        TF_TRY(check_name(to, to_directory.path()));
        auto* target = dynamic_cast<PosixDirectory*>(&to_directory);
        TF_CHECK(target != nullptr);
        if (::renameat2(fd_.get(), from.c_str(), target->fd_.get(), to.c_str(),
                        RENAME_NOREPLACE) != 0)
            return fail_errno(errno, fmt::format("{} to {}", path_of(from), target->path_of(to)));
        TF_TRY(sync_directory(target->fd_.get()));
        return sync_directory(fd_.get());
    }

    Result<void> unlink(const std::string& name) override {
        TF_TRY(check_name(name, path_));
        if (::unlinkat(fd_.get(), name.c_str(), 0) != 0) return fail_errno(errno, path_of(name));
        return sync_directory(fd_.get());
    }

    Result<void> remove_tree(const std::string& name) override {
        TF_ASSIGN(const auto inner, open_directory(name));
        TF_ASSIGN(const auto entries, inner->list());
        for (const Entry& entry : entries)
            TF_TRY(entry.is_directory ? inner->remove_tree(entry.name) : inner->unlink(entry.name));
        if (::unlinkat(fd_.get(), name.c_str(), AT_REMOVEDIR) != 0)
            return fail_errno(errno, path_of(name));
        return sync_directory(fd_.get());
    }

    Result<std::unique_ptr<HeldLock>> lock(const std::string& name, bool wait) override {
        TF_TRY(check_name(name, path_));
        TF_ASSIGN(UniqueFd fd, posix::open_regular(fd_.get(), name, O_RDWR, Create::if_missing,
                                                   path_of(name)));
        while (::flock(fd.get(), LOCK_EX | (wait ? 0 : LOCK_NB)) != 0) {
            if (errno == EINTR) continue;
            if (errno == EWOULDBLOCK)
                return fail(Errc::busy, "{}: another command holds the lock", path_of(name));
            return fail_errno(errno, path_of(name));
        }
        return std::unique_ptr<HeldLock>(std::make_unique<PosixLock>(std::move(fd)));
    }

    Result<std::unique_ptr<File>> open_file(const std::string& name, Access access, Create create,
                                            Lock lock) override {
        TF_TRY(check_name(name, path_));
        const int flags = access == Access::read_only ? O_RDONLY : O_RDWR;
        TF_ASSIGN(UniqueFd fd,
                  posix::open_regular(fd_.get(), name, flags, create, path_of(name)));
        if (create != Create::no) TF_TRY(sync_directory(fd_.get()));
        return posix::adopt_file(std::move(fd), path_of(name), lock);
    }

private:
    std::string path_of(const std::string& name) const { return path_ + "/" + name; }

    Result<void> sync_directory(int fd) const {
        if (::fsync(fd) != 0) return fail_errno(errno, path_);
        return {};
    }

    Result<std::string> temporary_name(const std::string& name) const {
        std::array<std::byte, 8> random;
        if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
            return fail_errno(errno, "getrandom");
        return fmt::format(".{}.{}.tmp", name.substr(0, 200), to_hex(random));
    }

    Result<void> write_new(const std::string& name, Bytes content) const {
        TF_ASSIGN(const UniqueFd fd, posix::open_regular(fd_.get(), name, O_WRONLY,
                                                         Create::must_not_exist, path_of(name)));
        TF_TRY(posix::write_all(fd.get(), content, path_of(name)));
        if (::fsync(fd.get()) != 0) return fail_errno(errno, path_of(name));
        return {};
    }

    UniqueFd fd_;
    std::string path_;
};

}  // namespace

Result<std::unique_ptr<Directory>> open_posix_directory(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return fail_errno(errno, path);
    return std::unique_ptr<Directory>(std::make_unique<PosixDirectory>(std::move(fd), path));
}

Result<std::unique_ptr<Directory>> make_posix_directory(const std::string& path) {
    for (std::size_t end = 0; end != std::string::npos;) {
        end = path.find('/', end + 1);
        const std::string part = path.substr(0, end);
        if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno(errno, part);
    }
    return open_posix_directory(path);
}

}  // namespace twofold::io

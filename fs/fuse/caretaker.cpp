#include "fs/fuse/caretaker.h"

#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "base/log.h"
#include "base/unique_fd.h"

extern char** environ;

namespace twofold::fs {
namespace {

// Of a GETATTR while the size is in doubt; a truncation takes well below a millisecond, on
// a machine with fifteen runnable processes now and then a hundred.
constexpr std::chrono::milliseconds kPatience{3000};
constexpr std::chrono::milliseconds kPatienceUnderLock{200};
// From umount(2) to the end of the loop; longer only when the mount lives on somewhere else.
constexpr std::chrono::milliseconds kUnmountPatience{2000};
constexpr std::chrono::milliseconds kInterruptEvery{20};

constexpr std::size_t kReadAhead = 2 * kRequestMax;  // one request being read, the next on its way

dev_t device_of(const struct statx& st) { return makedev(st.stx_dev_major, st.stx_dev_minor); }

// Without a shell; false when it cannot be started or fails.
bool run_program(std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t child = 0;
    if (::posix_spawnp(&child, argv[0], nullptr, nullptr, argv.data(), environ) != 0) return false;
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// The kernel reads 128 KiB ahead on a FUSE mount and lets the daemon only lower it. Root may raise
// it here, to whole requests; an ordinary user goes without.
void raise_read_ahead(dev_t device) {
    const std::string path =
        fmt::format("/sys/class/bdi/{}:{}/read_ahead_kb", major(device), minor(device));
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return;
    const std::string kib = std::to_string(kReadAhead / 1024);
    if (::write(fd.get(), kib.data(), kib.size()) < 0)
        log::debug("{}: {}", path, std::strerror(errno));
}

}  // namespace

Caretaker::Caretaker(fuse_session* session, std::string mountpoint, const DiskFiles& files,
                     unsigned waiting_max)
    : session_(session),
      mountpoint_(std::move(mountpoint)),
      files_(files),
      waiting_max_(waiting_max) {}

Caretaker::~Caretaker() { join(); }

void Caretaker::start(std::function<void()> on_ready, std::function<void()> interrupt_loop) {
    interrupt_loop_ = std::move(interrupt_loop);
    thread_ = std::thread([this, ready = std::move(on_ready)] { run(ready); });
}

// vfork(2): the child shares our memory, so that `call` works on what it captured, and nothing else
// runs in this thread meanwhile. It makes system calls only: no locks, no allocation.
template <class Call>
int Caretaker::in_own_process(Call call) {
    volatile int error = 0;
    const pid_t child = ::vfork();
    if (child < 0) return errno;
    if (child == 0) {
        helper_ = ::getpid();
        ::close_range(3, ~0U, 0);  // of the child alone; /dev/fuse above all
        error = call();
        ::_exit(0);
    }
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    helper_ = 0;
    return error;
}

void Caretaker::run(const std::function<void()>& on_ready) {
    if (learn_mount()) on_ready();
    std::unique_lock lock(mutex_);
    while (true) {
        work_.wait(lock, [this] { return end_ || stop_ || !moved_.empty(); });
        if (end_) return;
        if (!moved_.empty()) {
            restoring_.swap(moved_);
            lock.unlock();
            for (const Inode inode : restoring_) restore_size(inode);
            lock.lock();
            restoring_.clear();
            size_right_.notify_all();
            continue;
        }
        lock.unlock();
        unmount();
        lock.lock();
        stop_ = false;
    }
}

// Without a request: AT_STATX_DONT_SYNC takes what the kernel knows. Fails when the mount is gone
// already.
bool Caretaker::learn_mount() {
    struct statx st {};
    if (::statx(AT_FDCWD, mountpoint_.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE, &st) != 0)
        return false;
    mounted_as_ = device_of(st);
    raise_read_ahead(mounted_as_);
    return true;
}

// ---- Sizes ----

void Caretaker::size_moved(Inode inode) noexcept {
    {
        const std::lock_guard lock(mutex_);
        moved_.insert(inode);
        // The kernel now has an error to report to everybody who has the file open.
        std::erase_if(overtaken_, [&](const auto& file) { return file.second == inode; });
    }
    // Attributes only (a negative offset): takes none of the locks that a writer holds.
    for (const Inode stale : {inode, kRootInode})
        ::fuse_lowlevel_notify_inval_inode(session_, stale.value(), -1, 0);
    work_.notify_one();
}

bool Caretaker::in_doubt(Inode inode) const {
    if (inode == kRootInode) return !moved_.empty() || !restoring_.empty();
    return moved_.count(inode) + restoring_.count(inode) > 0;
}

bool Caretaker::size_in_doubt(Inode inode) const {
    const std::lock_guard lock(mutex_);
    return in_doubt(inode);
}

void Caretaker::await_size(Inode inode, const Asker& asker) {
    std::unique_lock lock(mutex_);
    if (!in_doubt(inode) || asker.process == helper_) return;
    if (waiting_ < waiting_max_) {
        ++waiting_;
        size_right_.wait_for(lock, asker.open_file ? kPatienceUnderLock : kPatience,
                             [&] { return end_ || !in_doubt(inode); });
        --waiting_;
    }
    if (asker.open_file && in_doubt(inode)) overtaken_.emplace(*asker.open_file, inode);
}

bool Caretaker::take_overtaken(std::uint64_t open_file) {
    const std::lock_guard lock(mutex_);
    return overtaken_.erase(open_file) != 0;
}

// By a descriptor, checked first: what lies at the path may be another file system by now.
int truncate_if(const char* path, dev_t device, Inode inode, off_t size) {
    const int fd = ::open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct statx st {};
    if (fd < 0 || ::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &st) != 0)
        return errno;
    if (device_of(st) != device || st.stx_ino != inode.value()) return ESTALE;
    char by_fd[sizeof "/proc/self/fd/" + 10];
    std::snprintf(by_fd, sizeof by_fd, "/proc/self/fd/%d", fd);
    return ::truncate(by_fd, size) == 0 ? 0 : errno;
}

void Caretaker::restore_size(Inode inode) {
    const std::string path = mountpoint_ + "/" + files_.name(inode);
    const auto size = static_cast<off_t>(files_.size(inode));
    const int error =
        in_own_process([&] { return truncate_if(path.c_str(), mounted_as_, inode, size); });
    if (error != 0)
        log::warning("{}: a write past its end was refused, but its size stays moved: {}", path,
                     std::strerror(error));
}

// ---- Stopping ----

void Caretaker::request_stop() noexcept {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    work_.notify_one();
}

void Caretaker::end() noexcept {
    const std::lock_guard lock(mutex_);
    end_ = true;
    work_.notify_one();
    size_right_.notify_all();
}

void Caretaker::join() {
    end();
    if (thread_.joinable()) thread_.join();
}

int sync_if(const char* path, dev_t device) {
    const int fd = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct statx st {};
    if (fd < 0 || ::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) != 0)
        return errno;
    if (device_of(st) != device) return ESTALE;
    return ::syncfs(fd) == 0 ? 0 : errno;
}

void Caretaker::unmount() {
    const auto sync = [this] {
        return in_own_process([this] { return sync_if(mountpoint_.c_str(), mounted_as_); });
    };
    if (sync() != ESTALE) {  // else something else is mounted there: not ours to unmount
        if (try_unmount(false)) {
            if (ends_within(kUnmountPatience)) return;
            log::warning("{}: mounted in another namespace, too; it fails there from now on",
                         mountpoint_);
        } else {
            log::warning("{}: in use; open files fail from now on", mountpoint_);
            sync();
            try_unmount(true);
        }
    }
    detached_busy_ = true;
    ::fuse_session_exit(session_);
    // More than once: a signal between the loop's look and its wait is lost.
    while (!ends_within(kInterruptEvery)) interrupt_loop_();
}

bool Caretaker::ends_within(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return work_.wait_for(lock, time, [this] { return end_; });
}

bool Caretaker::try_unmount(bool lazily) {
    if (::umount2(mountpoint_.c_str(), UMOUNT_NOFOLLOW | (lazily ? MNT_DETACH : 0)) == 0)
        return true;
    if (errno != EPERM) return false;
    std::vector<std::string> words{"fusermount3", "-u", "-q"};
    if (lazily) words.push_back("-z");
    words.insert(words.end(), {"--", mountpoint_});
    return run_program(std::move(words));
}

}  // namespace twofold::fs

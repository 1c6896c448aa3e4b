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
#include <cstring>

#include "base/log.h"
#include "base/unique_fd.h"

extern char** environ;

namespace twofold::fs {
namespace {

// Of a GETATTR while the size is in doubt; a truncation takes well below a millisecond.
constexpr std::chrono::milliseconds kPatience{1000};
constexpr std::chrono::milliseconds kPatienceUnderLock{20};
// From umount(2) to the end of the loop; longer only when the mount lives on somewhere else.
constexpr std::chrono::milliseconds kUnmountPatience{2000};
constexpr std::chrono::milliseconds kInterruptEvery{20};

constexpr std::size_t kReadAhead = 2 * kRequestMax;  // one request being read, the next on its way

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

void Caretaker::run(const std::function<void()>& on_ready) {
    thread_id_ = ::gettid();
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
            continue;  // sizes first: our own open files would keep the mount busy
        }
        lock.unlock();
        unmount();
        lock.lock();
        stop_ = false;
    }
}

// Fails only when the mount was gone before anybody could use it.
bool Caretaker::learn_mount() {
    struct stat st {};
    if (::stat(mountpoint_.c_str(), &st) != 0) return false;
    mounted_as_ = st.st_dev;
    raise_read_ahead(st.st_dev);
    return true;
}

// ---- Sizes ----

void Caretaker::size_moved(Inode inode) noexcept {
    {
        const std::lock_guard lock(mutex_);
        moved_.insert(inode);
    }
    // Attributes only (a negative offset): takes none of the locks that a writer holds.
    ::fuse_lowlevel_notify_inval_inode(session_, inode.value(), -1, 0);
    work_.notify_one();
}

bool Caretaker::size_in_doubt(Inode inode) const {
    const std::lock_guard lock(mutex_);
    return in_doubt(inode);
}

void Caretaker::await_size(Inode inode, Asking how, pid_t asker) {
    const auto patience = how == Asking::by_path ? kPatience : kPatienceUnderLock;
    std::unique_lock lock(mutex_);
    if (!in_doubt(inode) || asker == thread_id_ || waiting_ >= waiting_max_) return;
    ++waiting_;
    size_right_.wait_for(lock, patience, [&] { return end_ || !in_doubt(inode); });
    --waiting_;
}

// By a descriptor, checked first: what lies at the path may be another file system by now.
void Caretaker::restore_size(Inode inode) {
    const std::string path = mountpoint_ + "/" + files_.name(inode);
    const UniqueFd fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat st {};
    if (!fd || ::fstat(fd.get(), &st) != 0 || st.st_dev != mounted_as_ ||
        st.st_ino != inode.value()) {
        log::warning("{}: a write past its end was refused, but its size is out of reach", path);
        return;
    }
    const std::string by_fd = "/proc/self/fd/" + std::to_string(fd.get());
    if (::truncate(by_fd.c_str(), static_cast<off_t>(files_.size(inode))) != 0)
        log::warning("{}: a write past its end was refused, but its size stays moved: {}", path,
                     std::strerror(errno));
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

void Caretaker::unmount() {
    UniqueFd root(::open(mountpoint_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat st {};
    if (root && ::fstat(root.get(), &st) == 0 && st.st_dev == mounted_as_) {
        ::syncfs(root.get());
        root.reset();  // it would keep the mount busy
        if (try_unmount(false)) {
            if (ends_within(kUnmountPatience)) return;
            log::warning("{}: mounted in another namespace, too; it fails there from now on",
                         mountpoint_);
        } else {
            log::warning("{}: in use; open files fail from now on", mountpoint_);
            root = UniqueFd(::open(mountpoint_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
            try_unmount(true);
            if (root) ::syncfs(root.get());
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

#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "fs/fuse/disk_files.h"

struct fuse_session;

namespace twofold::fs {

// What the daemon does to its own mount from outside, as any program would: from one thread that
// serves no requests, since the kernel may hold locks during each of these calls that only a
// worker's answer frees, and in a process of its own, which has not opened /dev/fuse. (A daemon
// that is killed while a thread of it waits for its own answer never dies: that thread keeps the
// connection open that its death would close.)
//
// Sizes. With the write-back cache a write past the end is taken by the kernel, which moves its
// idea of the file's size (i_size) at once and asks later, in WRITE requests from its cache. From
// then on it believes its own size and drops the one in any attributes we send
// (fuse_change_attributes leaves out STATX_SIZE). The one answer about sizes that it takes is that
// to a truncation it was asked for. So the worker that refuses such a WRITE calls size_moved(), and
// the caretaker truncates the file, through the mount, to the size it has:
//
//     WRITE past the end --> size_moved(): attributes invalidated --> EFBIG, which fsync(2) returns
//     caretaker: truncate(2) --> SETATTR(size as it is) --> accepted; the kernel's size is back
//
// Whoever asks between the two finds the attributes invalidated, so that the question comes to us
// as a GETATTR, which await_size() holds back until the size is right: a stat(2) after the failed
// fsync(2) shows the old size, and a write(2) after it does not come before the truncation, which
// would drop it unrefused. (A statx(2) for the size alone would be answered from the cache; so the
// directory's attributes are invalidated as well, and the walk along the path asks us.) Waiting is
// bounded, in time and in workers, so that nothing stays stuck whatever lock an asker holds. One is
// known: lseek(SEEK_END) asks under the inode's lock, which the truncation needs; it waits in vain,
// for 200 ms, and sees the size as moved. It cannot be told from a write(2), as both come with the
// open file that they are for. So an open file that did not wait long enough is noted as overtaken:
// its next fsync(2) or close(2) says EFBIG, perhaps without need, rather than nothing. truncate(2)
// takes a path and opens no file: closing one would take the error that the close(2) of another
// descriptor is to report.
//
// Stopping. request_stop() unmounts as umount(8) does, while the workers still serve what the
// kernel writes back.
class Caretaker {
public:
    Caretaker(fuse_session* session, std::string mountpoint, const DiskFiles& files,
              unsigned waiting_max);
    ~Caretaker();
    Caretaker(const Caretaker&) = delete;
    Caretaker& operator=(const Caretaker&) = delete;

    // `interrupt_loop` makes a loop that waits look whether the session has exited.
    void start(std::function<void()> on_ready, std::function<void()> interrupt_loop);
    void request_stop() noexcept;
    // No more work, from the end of the loop on. The thread may still hang in a call until the
    // connection is closed; only then join(). The session outlives both.
    void end() noexcept;
    void join();

    // For the worker that is about to refuse a WRITE past the end.
    void size_moved(Inode inode) noexcept;
    // Whether the kernel's size of the file is, or may be, wrong at present: what it is told about
    // the file is then valid for no time.
    bool size_in_doubt(Inode inode) const;
    // Who sends a GETATTR: a process, perhaps for an open file.
    struct Asker {
        pid_t process;
        std::optional<std::uint64_t> open_file;
    };
    // Waits for the size to be right again, unless it is our own helper that asks.
    void await_size(Inode inode, const Asker& asker);
    // Whether a write of this open file may have been dropped without an error. Asked once, it is
    // forgotten.
    bool take_overtaken(std::uint64_t open_file);

    bool detached_busy() const { return detached_busy_; }

private:
    void run(const std::function<void()>& on_ready);
    bool learn_mount();
    bool in_doubt(Inode inode) const;  // mutex_ is held; of the root: any disk
    template <class Call>
    int in_own_process(Call call);
    void restore_size(Inode inode);
    void unmount();
    bool try_unmount(bool lazily);
    bool ends_within(std::chrono::milliseconds time);

    fuse_session* const session_;
    const std::string mountpoint_;
    const DiskFiles& files_;
    const unsigned waiting_max_;
    std::function<void()> interrupt_loop_;
    dev_t mounted_as_ = 0;          // st_dev of our file system; the thread's own
    std::atomic<pid_t> helper_{0};  // the process that works for us at present
    std::atomic<bool> detached_busy_{false};

    mutable std::mutex mutex_;
    std::condition_variable work_, size_right_;
    std::set<Inode> moved_;      // sizes to restore; guarded by mutex_, as what follows
    std::set<Inode> restoring_;  // being restored
    std::map<std::uint64_t, Inode> overtaken_;  // open files
    unsigned waiting_ = 0;
    bool stop_ = false, end_ = false;
    std::thread thread_;
};

}  // namespace twofold::fs

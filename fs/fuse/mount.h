#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fs/block/block_device.h"

namespace twofold::fs {

// One disk of a mount: the file <name>.img, a regular file of the device's size. The device is the
// caller's and outlives the Mount; a device that is read-only refuses to be opened for writing.
struct ServedDisk {
    std::string name;
    BlockDevice* device = nullptr;
};

struct MountOptions {
    std::string mountpoint;  // an empty directory; made absolute by Mount::create
    bool read_only = false;
    // The kernel collects writes in its page cache and sends them in requests of up to 1 MiB. Off:
    // every write reaches the device before write(2) returns, and SEEK_DATA and SEEK_HOLE work.
    bool writeback_cache = true;
    bool allow_other = false;  // other users too; the permissions below still apply
    // A request is served by one of at most this many threads.
    unsigned threads = 8;
    bool clone_fd = false;  // each thread reads requests from a descriptor of its own
    // Owner and permissions of the files; -1: of this process. A file's mode is 0666 & ~umask.
    std::int64_t uid = -1, gid = -1;
    std::uint32_t umask = 077;
    std::string fsname = "twofold";        // as df and /proc/mounts show it; no comma
    std::vector<std::string> mount_flags;  // noatime, noexec, ...: handed to mount(2) as they are
    // Called once, in a thread of the mount, as soon as the files can be used.
    std::function<void()> on_ready = [] {};
};

// Adds what stands after -o: a list with commas, of allow_other, ro, rw, [no_]writeback_cache,
// clone_fd, max_threads=N, uid=N, gid=N, umask=OCTAL, fsname=TEXT and the flags of mount(8) that
// keep a file system as harmless as it is (noatime, noexec, nosuid, nodev, sync, ...). Errc::usage
// names an option that is none of these.
Result<void> add_mount_options(std::string_view list, MountOptions& options);

// The absolute path of a directory that can be mounted on. Errc::not_found, Errc::invalid (not a
// directory, not empty), Errc::busy (something is mounted there already, alive or dead).
Result<std::string> check_mountpoint(const std::string& path);

// What a mount has to say after run().
struct MountReport {
    std::uint64_t writes_failed =
        0;  // WRITE requests answered with an error, past the end ones aside
    std::optional<Error> first_write_error;
    std::uint64_t writes_past_end = 0;
    bool detached_busy = false;  // stopped while files were open: it had to be detached lazily
};

// A set of disks in the file tree. Life of one, in a process that has daemonised already if it is
// to (detach.h), has blocked its signals (stop_signals.h) and has opened its disks:
//
//     TF_ASSIGN(auto mount, Mount::create(disks, options));
//     StopSignals signals([&] { mount->request_stop(); });
//     auto served = mount->run();         // until umount(8), `fusermount3 -u` or request_stop()
//     // `served` failed: something written before is perhaps not on the device. Close the disks.
class Mount {
public:
    // Mounts; requests wait until run(). Errc::invalid for two disks of one name, or a bad one;
    // errors of check_mountpoint; Errc::failed where this machine has no FUSE or does not let us.
    static Result<std::unique_ptr<Mount>> create(std::vector<ServedDisk> disks,
                                                 MountOptions options);
    // Unmounts, lazily, unless run() has returned.
    ~Mount();
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;

    // Serves requests in threads of its own until the file system is unmounted, then flushes every
    // writable device (Durability::synced). Failure: of a flush, or of the loop itself. Call once.
    Result<void> run();

    // Unmounts as umount(8) does, with the kernel's dirty pages written first, which ends run().
    // Where files are open still: writes the dirty pages, detaches the mount and ends run(); the
    // open files fail from then on. Returns at once; from any thread, not from a signal handler. A
    // second call changes nothing.
    void request_stop() noexcept;

    MountReport report() const;             // any time, any thread
    const std::string& mountpoint() const;  // absolute

private:
    struct State;
    explicit Mount(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace twofold::fs

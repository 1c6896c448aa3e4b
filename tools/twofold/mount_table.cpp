#include "tools/twofold/mount_table.h"

#include <mntent.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <boost/filesystem/operations.hpp>
#include <cstdio>
#include <memory>

#include "base/log.h"
#include "base/unique_fd.h"
#include "tools/twofold/context.h"
#include "tools/twofold/run_program.h"

namespace twofold::cli {

std::optional<MountedAt> mounted_at(const std::string& path) {
    const std::unique_ptr<FILE, FreeWith<endmntent>> table(::setmntent("/proc/self/mounts", "r"));
    if (!table) return std::nullopt;
    std::optional<MountedAt> found;  // the last one lies on top
    mntent entry{};
    std::array<char, 16384> buffer;
    while (::getmntent_r(table.get(), &entry, buffer.data(), static_cast<int>(buffer.size())))
        if (path == entry.mnt_dir) found = MountedAt{path, entry.mnt_fsname, entry.mnt_type};
    return found;
}

Result<std::string> canonical_mountpoint(const std::string& path) {
    const boost::filesystem::path absolute = absolute_path(path);
    boost::system::error_code error;
    const auto whole = boost::filesystem::canonical(absolute, error);
    if (!error) return whole.string();
    const auto parent = boost::filesystem::canonical(absolute.parent_path(), error);
    if (error) return fail_errno(error.value(), path);
    return (parent / absolute.filename()).string();
}

// By statfs, which the kernel always asks the daemon: stat may be answered from its cache, where a
// daemon that has just been killed still looks alive.
bool is_dead_mount(const std::string& path) {
    struct statfs found {};
    return ::statfs(path.c_str(), &found) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

Result<void> unmount(const std::string& path, Unmount how) {
    if (::geteuid() == 0) {
        const int flags = UMOUNT_NOFOLLOW | (how == Unmount::lazy ? MNT_DETACH : 0);
        if (::umount2(path.c_str(), flags) == 0) return {};
        if (errno == EBUSY)
            return fail(Errc::busy, "{}: in use: a file in it is open, or a loop device uses it",
                        path);
        return fail_errno(errno, "umount " + path);
    }
    auto done = run_program({"fusermount3", how == Unmount::lazy ? "-uz" : "-u", path});
    if (!done && done.error().what.find("busy") != std::string::npos)
        return fail(Errc::busy, "{}: in use: a file in it is open", path);
    if (!done) return fail(std::move(done).error());
    return {};
}

void clear_dead_mount(const std::string& path) {
    if (!is_dead_mount(path)) return;
    const auto found = mounted_at(path);
    if (!found || !found->is_twofold()) return;
    if (auto cleared = unmount(path, Unmount::lazy); !cleared)
        log::warning("{}: {}", path, cleared.error().line());
}

}  // namespace twofold::cli

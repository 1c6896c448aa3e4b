#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/filesystem.hpp>
#include <cerrno>

#include "base/unique_fd.h"
#include "fs/fuse/mount.h"

namespace twofold::fs {
namespace {

Failure lost_daemon(const std::string& path) {
    return fail(Error{Errc::busy,
                      "mount point " + path + ": the mount there lost its daemon",
                      "clear it: fusermount3 -u " + path,
                      0,
                      {}});
}

Result<void> check_not_mounted(int fd, const std::string& path) {
    struct statx found {};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &found) != 0)
        return errno == ENOTCONN ? lost_daemon(path) : fail_errno(errno, "mount point " + path);
    if ((found.stx_attributes_mask & found.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0) return {};
    return fail(Error{Errc::busy,
                      "mount point " + path + ": in use: something is mounted there",
                      "unmount it (fusermount3 -u " + path + "), or choose another directory",
                      0,
                      {}});
}

Result<void> check_empty(const std::string& path) {
    boost::system::error_code error;
    const bool empty = boost::filesystem::is_empty(path, error);
    if (error) return fail_errno(error.value(), "mount point " + path);
    if (empty) return {};
    return fail(Error{
        Errc::invalid, "mount point " + path + ": not empty", "choose an empty directory", 0, {}});
}

}  // namespace

Result<std::string> check_mountpoint(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd && errno == ENOTDIR)
        return fail(Errc::invalid, "mount point {}: not a directory", path);
    if (!fd && errno == ENOENT)
        return fail(Error{Errc::not_found,
                          "mount point " + path + ": does not exist",
                          "make it: mkdir " + path,
                          0,
                          {}});
    if (!fd && errno == ENOTCONN)
        return fail(Error{Errc::busy,
                          "mount point " + path + ": the mount there lost its daemon",
                          "clear it: fusermount3 -u " + path,
                          0,
                          {}});
    if (!fd) return fail_errno(errno, "mount point " + path);
    TF_TRY(check_not_mounted(fd.get(), path));
    TF_TRY(check_empty(path));
    boost::system::error_code error;
    const boost::filesystem::path absolute = boost::filesystem::canonical(path, error);
    if (error) return fail_errno(error.value(), "mount point " + path);
    return absolute.string();
}

}  // namespace twofold::fs

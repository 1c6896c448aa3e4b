#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace twofold::cli {

// What the kernel has mounted, and how to end it.
struct MountedAt {
    std::string path, source, type;
    bool is_twofold() const { return type == "fuse.twofold"; }
};

// The topmost mount at exactly this path.
std::optional<MountedAt> mounted_at(const std::string& path);
// Absolute and without symbolic links, also where the last part is a mount whose daemon is dead.
Result<std::string> canonical_mountpoint(const std::string& path);
bool is_dead_mount(const std::string& path);  // its daemon is gone: ENOTCONN

enum class Unmount { normal, lazy };
// As umount(8), by fusermount3 where we are not root and it is FUSE. Errc::busy where files in it
// are open.
Result<void> unmount(const std::string& path, Unmount how);

// A mount point of a daemon that was killed is cleared, so that mounting again needs no manual
// step.
void clear_dead_mount(const std::string& path);

}  // namespace twofold::cli

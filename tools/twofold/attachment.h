#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/twofold/runtime.h"

namespace twofold::cli {

// A file system inside a disk, mounted by `attach`. Written down before each step, so that `detach`
// can undo what was done whatever has died since.
struct Attachment {
    std::string disk, image;  // MOUNTPOINT/<disk>.img of the twofold mount
    std::string mountpoint;   // of the file system inside
    std::string loop;         // "/dev/loop3"; empty where fuse2fs does it
    // What the loop device was set up on, as losetup tells it by device and inode: a path is lost
    // with its mount.
    std::string backing;

    std::string to_json() const;
    static std::optional<Attachment> parse(std::string_view text);
};

// Attachment::backing of a loop device; empty if it has none.
std::string backing_of(const std::string& loop);

Result<void> save(const RuntimePlace& place, const Attachment& attachment);
Result<void> forget(const RuntimePlace& place, const Attachment& attachment);
std::vector<Attachment> attachments_of(const RuntimePlace& place);

// Undoes what attach did, in reverse: the file system, the loop device. What is gone already is no
// error. Errc::busy where files in it are open.
Result<void> undo(const RuntimePlace& place, const Attachment& attachment);

}  // namespace twofold::cli

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fs/disk/encrypted_disk.h"
#include "tools/twofold/session.h"

namespace twofold::cli {

// What a disk has to say while it is open; called from threads of the disk.
using DiskReport = std::function<void(const fs::Disk&, const fs::DiskEvent&)>;

// Opens a disk of the deployment as its writer (or read-only), under its lock. Errors name the
// disk; an image that is none is damage, since a disk of that name was noted.
Result<std::unique_ptr<fs::EncryptedDisk>> open_disk(Session& session, keyring::Keyring& keys,
                                                     const fs::Disk& disk, fs::OpenOptions options,
                                                     const DiskReport& report);

// For the events and messages of a disk.
fs::Event to_event(const fs::Disk& disk, const fs::DiskEvent& event);
std::string to_line(const fs::Disk& disk, const fs::DiskEvent& event);  // "disk data0: ..."

struct OpenDisk {
    fs::Disk disk;
    std::unique_ptr<fs::EncryptedDisk> device;
};

// All disks of a node.
Result<std::vector<OpenDisk>> open_node(Session& session, keyring::Keyring& keys,
                                        const std::string& node, const fs::OpenOptions& options,
                                        const DiskReport& report);

// Closes all of them, whatever happens to one; the first failure is returned.
Result<void> close_all(std::vector<OpenDisk>& disks);

}  // namespace twofold::cli

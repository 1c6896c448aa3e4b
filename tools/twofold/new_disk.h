#pragma once

#include <optional>
#include <string>

#include "tools/twofold/session.h"

namespace twofold::cli {

struct NewDisk {
    std::string name;
    std::string node;
    fs::Role role = fs::Role::data;
    std::uint64_t size = 0;             // bytes; taken from the image where there is one
    std::optional<std::string> import;  // a raw image's path
};

// Adds a disk to the deployment: image, note and deployment.json, or none of them. The caller holds
// no lock. Errors: Errc::exists, invalid (name, size), not_found (node, raw image), refused (by the
// profile), key_* (a new disk needs the key), busy, no_space.
Result<fs::Disk> add_disk(Session& session, const NewDisk& wanted);

}  // namespace twofold::cli

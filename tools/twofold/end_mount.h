#pragma once

#include <optional>
#include <string>

#include "tools/twofold/mount_table.h"
#include "tools/twofold/runtime.h"

namespace twofold::cli {

// The place of the daemon that mounted at this path, alive or not.
std::optional<RuntimePlace> place_of_mountpoint(const Context& context, const std::string& path);

// Unmounts a twofold mount and waits until its daemon has everything on disk and is gone.
// Errc::invalid: nothing of twofold is mounted there. Errc::busy: files in it are open. Otherwise
// what kept the daemon from writing everything.
Result<void> end_mount(const Context& context, const std::string& path);

}  // namespace twofold::cli

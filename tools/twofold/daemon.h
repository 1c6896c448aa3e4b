#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "fs/fuse/mount.h"
#include "fs/seal/seal.h"
#include "tools/twofold/context.h"

namespace twofold::cli {

struct ServeOptions {
    std::string store, node = "node0";
    fs::MountOptions mount;  // read_only decides for the disks as well
    fs::Libraries libraries = fs::Libraries::fastest;
    std::chrono::milliseconds poll_every{60'000};  // proof of key access; look for newer versions
    bool by_attach = false;                        // ended by `detach`
    bool anchor_every_sync = false;                // and not only each checkpoint
    bool log_to_file = true;
};

// Opens the disks of a node, mounts them and serves until the file system is unmounted or a signal
// comes; then everything is on disk. `ready` is called once, when the files can be used. Call it in
// the process that stays (after any fork), before threads are made.
Result<void> serve_node(const Context& context, const ServeOptions& options,
                        const std::function<void()>& ready);

// The same in a process of its own. Returns 0 as soon as the files can be used, or the exit code of
// what kept them from being, which was then told on standard error already.
int serve_detached(const Context& context, const ServeOptions& options);

}  // namespace twofold::cli

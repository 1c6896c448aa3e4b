#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hex.h"
#include "base/io/io.h"
#include "fs/control/control.h"
#include "tools/twofold/context.h"

namespace twofold::cli {

// Where a running mount of one node is reached: <runtime>/<deployment>/<node>, mode 0700.
//
//     lock          held by the daemon as long as it lives
//     control       its socket
//     mount.json    what is mounted where; left behind by a daemon that was killed
//     ended.json    how the last one ended: an EndRecord or an error
//     log           its diagnostics
//     disks/        mount point of what `attach` mounted by itself
//     attach-*.json one for each attached disk
class RuntimePlace {
public:
    RuntimePlace(const Context& context, const Uuid& deployment, const std::string& node)
        : path_(context.runtime_directory() + "/" + deployment.hex() + "/" + node) {}
    explicit RuntimePlace(std::string path) : path_(std::move(path)) {}

    const std::string& path() const { return path_; }
    std::string disks_path() const { return path_ + "/disks"; }
    std::string log_path() const { return path_ + "/log"; }
    fs::ControlClient control() const { return fs::ControlClient(path_); }

    // Errc::not_permitted where the directory belongs to another user.
    Result<std::unique_ptr<io::Directory>> make() const;
    Result<std::unique_ptr<io::Directory>> open() const;  // Errc::not_found

    bool daemon_is_running() const;
    // Waits until no daemon holds the lock. Errc::timed_out.
    Result<void> wait_until_gone(std::chrono::milliseconds timeout) const;

private:
    std::string path_;
};

struct MountRecord {
    std::string store, node, mountpoint;
    bool by_attach = false;  // detach ends it

    std::string to_json() const;
    static std::optional<MountRecord> parse(std::string_view text);
};

// Of a mount that ended well.
struct EndRecord {
    std::vector<std::string> warnings;  // a line each

    std::string to_json() const;
    static std::optional<EndRecord> parse(std::string_view text);  // nothing: it is an error's
};

inline constexpr const char* kRuntimeLock = "lock";
inline constexpr const char* kMountRecord = "mount.json";
inline constexpr const char* kEndRecord = "ended.json";
inline constexpr const char* kAttachPrefix = "attach-";
inline constexpr std::size_t kRecordMax = 64 * 1024;

std::optional<MountRecord> read_mount_record(const RuntimePlace& place);
// Every place below the runtime directory, of any deployment.
std::vector<RuntimePlace> runtime_places(const Context& context);

// If that node is mounted, waits until everything written so far is on disk; otherwise nothing. For
// commands that read images beside a daemon.
Result<void> commit_if_mounted(const Context& context, const Uuid& deployment,
                               const std::string& node);

}  // namespace twofold::cli

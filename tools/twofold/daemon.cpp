#include "tools/twofold/daemon.h"

#include <unistd.h>

#include <cstdio>

#include "fs/control/control.h"
#include "fs/fuse/detach.h"
#include "fs/fuse/stop_signals.h"
#include "tools/twofold/mount_table.h"
#include "tools/twofold/mounted_node.h"
#include "tools/twofold/runtime.h"

namespace twofold::cli {
namespace {

struct Place {
    std::unique_ptr<io::Directory> directory;
    std::unique_ptr<io::HeldLock> lock;  // as long as this daemon lives
};

Result<Place> take_place(const RuntimePlace& runtime, const std::string& node) {
    TF_ASSIGN(auto directory, runtime.make());
    auto lock = directory->lock(kRuntimeLock, false);
    if (!lock && lock.error().code == Errc::busy) {
        const auto record = read_mount_record(runtime);
        return fail(Error{Errc::busy,
                          fmt::format("node {}: mounted already{}", node,
                                      record ? " at " + record->mountpoint : ""),
                          record ? "unmount it first: twofold umount " + record->mountpoint : "",
                          0,
                          {}});
    }
    if (!lock) return fail(std::move(lock).error());
    // A daemon of this node that was killed may have left its mount elsewhere.
    if (const auto record = read_mount_record(runtime)) clear_dead_mount(record->mountpoint);
    TF_ASSIGN(const bool ended_before, directory->exists(kEndRecord));
    if (ended_before) TF_TRY(directory->unlink(kEndRecord));
    return Place{std::move(directory), std::move(*lock)};
}

// For `umount`, which learns here how it ended.
void leave_end_record(io::Directory& directory, const Result<void>& ended,
                      const std::vector<std::string>& warnings) {
    const std::string text =
        ended ? EndRecord{warnings}.to_json() : fs::error_to_json(ended.error());
    if (auto written = directory.replace(kEndRecord, text); !written)
        log::warning("{}", written.error().line());
    if (auto gone = directory.unlink(kMountRecord); !gone && gone.error().code != Errc::not_found)
        log::warning("{}", gone.error().line());
}

Result<void> serve_until_unmounted(MountedNode& node, const ServeOptions& options,
                                   io::Directory& runtime, const RuntimePlace& place,
                                   const std::function<void()>& ready) {
    std::vector<fs::ServedDisk> files;
    for (OpenDisk& open : node.disks()) files.push_back({open.disk.name, open.device.get()});
    fs::MountOptions mount_options = options.mount;
    mount_options.on_ready = [&] {
        node.is_mounted();
        ready();
    };
    TF_ASSIGN(const auto mount, fs::Mount::create(std::move(files), std::move(mount_options)));
    node.mounted_at(mount->mountpoint());
    TF_TRY(runtime.replace(kMountRecord, MountRecord{node.store_path(), options.node,
                                                     mount->mountpoint(), options.by_attach}
                                             .to_json()));
    TF_ASSIGN(auto own_directory, place.open());
    TF_ASSIGN(auto control, fs::ControlServer::open(std::move(own_directory),
                                                    node.handlers([&] { mount->request_stop(); })));
    node.release_store();
    const fs::StopSignals signals([&] { mount->request_stop(); });
    node.start_upkeep(options.poll_every);
    auto served = mount->run();
    node.stop_upkeep();
    control.reset();
    const fs::MountReport report = mount->report();
    if (served && report.first_write_error)
        served = fail(Error(*report.first_write_error).in("a write was lost"));
    return served;
}

}  // namespace

Result<void> serve_node(const Context& context, const ServeOptions& options,
                        const std::function<void()>& ready) {
    fs::StopSignals::block();
    TF_TRY(crypto::forbid_dumps());
    TF_TRY(crypto::start());
    TF_ASSIGN(auto session, Session::open(context, options.store));
    TF_TRY(session->deployment().node(options.node));
    if (auto known = canonical_mountpoint(options.mount.mountpoint)) clear_dead_mount(*known);
    if (!options.by_attach) TF_TRY(fs::check_mountpoint(options.mount.mountpoint));
    const RuntimePlace runtime(context, session->deployment().id, options.node);
    TF_ASSIGN(const Place place, take_place(runtime, options.node));
    if (options.by_attach) {
        clear_dead_mount(runtime.disks_path());
        TF_TRY(place.directory->ensure_directory("disks"));
    }
    if (options.log_to_file) TF_TRY(log::to_file(runtime.log_path(), context.log_level()));
    TF_ASSIGN(const auto node, MountedNode::open(std::move(session), options));

    auto ended = serve_until_unmounted(*node, options, *place.directory, runtime, ready);
    auto closed = node->close();
    if (ended) ended = std::move(closed);
    node->is_unmounted(ended);
    leave_end_record(*place.directory, ended, node->left_undone());
    return ended;
}

int serve_detached(const Context& context, const ServeOptions& options) {
    // What was open here (a pipe of a script, say) is not the daemon's to keep open.
    ::close_range(STDERR_FILENO + 1, ~0U, 0);
    return fs::run_detached([&](const std::function<void()>& ready) {
        const auto served = serve_node(context, options, ready);
        return served ? 0 : report(served.error());
    });
}

}  // namespace twofold::cli

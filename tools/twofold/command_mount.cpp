#include <unistd.h>

#include <cstdio>

#include "fs/fuse/detach.h"
#include "tools/twofold/command.h"
#include "tools/twofold/daemon.h"
#include "tools/twofold/duration.h"
#include "tools/twofold/options.h"

namespace twofold::cli {
namespace {

struct Options {
    ServeOptions serve;
    std::vector<std::string> fuse_options;
    std::string poll_every = "60s";
    bool foreground = false;
    bool independent = false;
};

Result<ServeOptions> to_serve(const Options& options) {
    ServeOptions serve = options.serve;
    for (const std::string& list : options.fuse_options)
        TF_TRY(fs::add_mount_options(list, serve.mount));
    TF_ASSIGN(serve.poll_every, parse_duration(options.poll_every));
    if (serve.poll_every < std::chrono::milliseconds(100))
        return fail(Errc::usage, "--poll-every {}: at least 100ms", options.poll_every);
    if (options.independent) serve.libraries = fs::Libraries::independent;
    serve.log_to_file = !options.foreground;
    serve.store = absolute_path(serve.store);
    return serve;
}

Result<void> mount(Context& context, const Options& options) {
    TF_ASSIGN(const ServeOptions serve, to_serve(options));
    if (options.foreground) return serve_node(context, serve, [] {});
    context.exit_status = serve_detached(context, serve);
    return {};
}

}  // namespace

void add_mount(CLI::App& program, Context& context) {
    auto& command = add_command(program, "mount", "Mount the disks of a deployment's node",
                                "twofold mount ./store ./disks && ls -l ./disks/data0.img");
    auto o = std::make_shared<Options>();
    command.add_option("STORE", o->serve.store, "directory of the deployment")->required();
    command.add_option("MOUNTPOINT", o->serve.mount.mountpoint, "an empty directory")->required();
    command.add_option("--node", o->serve.node, "the node whose disks to mount")
        ->capture_default_str();
    command.add_flag("--foreground", o->foreground, "stay; ^C unmounts");
    command.add_flag("--read-only", o->serve.mount.read_only, "refuse writes, change nothing");
    command.add_flag("--anchor-every-sync", o->serve.anchor_every_sync,
                     "how new a disk is, told at each sync: no rollback goes unnoticed");
    command.add_flag("--independent-libraries", o->independent,
                     "the two layers by libraries that share no code");
    command.add_option("-o", o->fuse_options, "allow_other, no_writeback_cache, uid=N, ...")
        ->type_name("FUSE-OPTIONS")
        ->allow_extra_args(false);
    command
        .add_option("--poll-every", o->poll_every,
                    "how often to prove access to the keys and look for new versions")
        ->capture_default_str();
    on_run(
        command, context, [o](Context& c) { return mount(c, *o); }, Crypto::later);
}

}  // namespace twofold::cli

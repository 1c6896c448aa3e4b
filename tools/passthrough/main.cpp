#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "fs/block/file_device.h"
#include "fs/fuse/detach.h"
#include "fs/fuse/mount.h"
#include "fs/fuse/stop_signals.h"

// Plain files behind the front end that serves twofold's disks, and nothing else: the yardstick.
// What a mount of twofold costs more than this is the price of encryption.
namespace twofold {
namespace {

constexpr const char* kExample = R"(Each FILE appears as MOUNTPOINT/<its name without suffix>.img.

Example:
  truncate -s 1G plain.raw && mkdir /tmp/m
  twofold-passthrough plain.raw /tmp/m
  mkfs.ext4 /tmp/m/plain.img
  fusermount3 -u /tmp/m
)";

struct Arguments {
    std::vector<std::string> files;
    bool foreground = false;
    std::vector<std::string> mount_options;
    fs::MountOptions mount;
};

std::string disk_name(const std::string& path) {
    const std::string file = path.substr(path.find_last_of('/') + 1);
    const std::size_t dot = file.find_last_of('.');
    return dot == std::string::npos || dot == 0 ? file : file.substr(0, dot);
}

Result<void> serve(const Arguments& arguments, const std::function<void()>& ready) {
    const auto access = arguments.mount.read_only ? io::Access::read_only : io::Access::read_write;
    std::vector<std::unique_ptr<fs::FileDevice>> devices;
    std::vector<fs::ServedDisk> disks;
    for (const std::string& path : arguments.files) {
        TF_ASSIGN(auto file,
                  io::open_posix_file(path, access, io::Create::no, io::Lock::exclusive));
        TF_ASSIGN(auto device, fs::FileDevice::open(std::move(file), access));
        disks.push_back({disk_name(path), device.get()});
        devices.push_back(std::move(device));
    }
    fs::MountOptions options = arguments.mount;
    options.fsname = "twofold-passthrough";
    options.on_ready = ready;
    TF_ASSIGN(const auto mount, fs::Mount::create(std::move(disks), std::move(options)));
    const fs::StopSignals signals([&] { mount->request_stop(); });
    return mount->run();
}

int serve_and_tell(const Arguments& arguments, const std::function<void()>& ready) {
    const auto served = serve(arguments, ready);
    if (served) return 0;
    std::fprintf(stderr, "twofold-passthrough: %s\n", served.error().line().c_str());
    return exit_code(served.error().code);
}

int run(int argc, char** argv) {
    Arguments arguments;
    CLI::App app{"Serves plain files through FUSE as twofold serves its disks."};
    app.footer(kExample);
    app.add_option("FILE", arguments.files, "plain files of whole blocks of 4096 bytes")
        ->required()
        ->expected(-2);
    app.add_flag("-f,--foreground", arguments.foreground, "stay in the foreground");
    app.add_flag("--read-only", arguments.mount.read_only, "no writes");
    app.add_option("-o", arguments.mount_options,
                   "mount options: allow_other, no_writeback_cache, max_threads=N, ...")
        ->expected(1)
        ->allow_extra_args(false);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : exit_code(Errc::usage);
    }
    arguments.mount.mountpoint = arguments.files.back();
    arguments.files.pop_back();
    for (const std::string& list : arguments.mount_options)
        if (const auto added = fs::add_mount_options(list, arguments.mount); !added) {
            std::fprintf(stderr, "twofold-passthrough: %s\n", added.error().line().c_str());
            return exit_code(added.error().code);
        }
    fs::StopSignals::block();
    if (arguments.foreground) return serve_and_tell(arguments, [] {});
    return fs::run_detached([&](const auto& ready) { return serve_and_tell(arguments, ready); });
}

}  // namespace
}  // namespace twofold

int main(int argc, char** argv) { return twofold::run(argc, argv); }

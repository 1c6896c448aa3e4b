#include <unistd.h>

#include <chrono>
#include <thread>

#include "tools/twofold/attachment.h"
#include "tools/twofold/command.h"
#include "tools/twofold/daemon.h"
#include "tools/twofold/end_mount.h"
#include "tools/twofold/options.h"
#include "tools/twofold/run_program.h"
#include "tools/twofold/session.h"

// `twofold attach`: straight to a mounted file system inside a disk. As root through a loop device,
// otherwise through fuse2fs.
namespace twofold::cli {
namespace {

constexpr std::chrono::milliseconds kBusyRetry{50};
constexpr int kBusyTries = 200;  // ten seconds

struct Options {
    std::string store, disk, mountpoint, mkfs;
    bool force = false;
};

struct Plan {
    fs::Disk disk;
    std::string store_path, mountpoint;
    RuntimePlace place;
};

// What a daemon that was killed left of the disk is undone: attach alone is enough afterwards.
Result<void> check_not_attached(const RuntimePlace& place, const std::string& disk) {
    for (const Attachment& other : attachments_of(place)) {
        if (other.disk != disk) continue;
        if (!is_dead_mount(other.image) && mounted_at(other.mountpoint))
            return fail(
                Error{Errc::busy,
                      fmt::format("disk {}: attached already at {}", disk, other.mountpoint),
                      "detach it first: twofold detach " + other.mountpoint,
                      0,
                      {}});
        TF_TRY(undo(place, other));
    }
    return {};
}

Result<Plan> make_plan(const Context& context, const Options& options) {
    TF_ASSIGN(const auto session, Session::open(context, options.store));
    TF_ASSIGN(const fs::Disk* disk, session->deployment().disk(options.disk));
    RuntimePlace place(context, session->deployment().id, disk->node);
    TF_TRY(check_not_attached(place, disk->name));
    TF_ASSIGN(std::string mountpoint, fs::check_mountpoint(options.mountpoint));
    return Plan{*disk, session->store().path(), std::move(mountpoint), std::move(place)};
}

// Where the disk's image is: in the mount that is there, or in one made for it.
Result<std::optional<std::string>> image_of(Context& context, const Plan& plan) {
    const std::string file = "/" + plan.disk.name + ".img";
    if (!plan.place.daemon_is_running()) {
        ServeOptions serve;
        serve.store = plan.store_path;
        serve.node = plan.disk.node;
        serve.mount.mountpoint = plan.place.disks_path();
        serve.by_attach = true;
        context.exit_status = serve_detached(context, serve);
        if (context.exit_status != 0) return std::optional<std::string>();
    }
    const auto record = read_mount_record(plan.place);
    if (!record)
        return fail(Errc::busy, "node {}: its daemon is starting or ending", plan.disk.node);
    std::string image = record->mountpoint + file;
    if (::access(image.c_str(), F_OK) != 0)
        return fail(
            Error{Errc::not_found,
                  fmt::format("disk {}: was added after the node was mounted", plan.disk.name),
                  fmt::format("mount the node again: twofold umount {}", record->mountpoint),
                  0,
                  {}});
    return std::optional(std::move(image));
}

std::string trimmed(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
}

// What blkid sees on it: a file system, a partition table, LUKS, ...; empty for none.
Result<std::string> signature_on(const std::string& device) {
    TF_ASSIGN(const std::string found,
              run_program({"wipefs", "--noheadings", "--output", "TYPE", device}));
    return trimmed(found.substr(0, found.find('\n')));
}

Result<void> make_file_system(const Options& options, const std::string& device,
                              const std::string& disk) {
    TF_ASSIGN(const std::string found, signature_on(device));
    if (!found.empty() && !options.force)
        return fail(Error{Errc::exists,
                          fmt::format("disk {}: holds a file system ({})", disk, found),
                          "to lose what is in it: --force; to use it: attach without --mkfs",
                          0,
                          {}});
    // Discarding a disk that is empty or to be lost anyway frees its blocks at once.
    TF_TRY(run_program(
        {"mkfs." + options.mkfs, "-q", options.mkfs.starts_with("ext") ? "-F" : "-f", device}));
    return {};
}

Result<void> attach_by_loop(const Options& options, const Plan& plan, Attachment& attachment) {
    TF_ASSIGN(const std::string loop,
              run_program({"losetup", "--find", "--show", attachment.image}));
    attachment.loop = trimmed(loop);
    attachment.backing = backing_of(attachment.loop);
    TF_TRY(save(plan.place, attachment));
    if (!options.mkfs.empty()) TF_TRY(make_file_system(options, attachment.loop, plan.disk.name));
    auto mounted = run_program({"mount", attachment.loop, attachment.mountpoint});
    if (!mounted) return fail(std::move(mounted).error().in("disk " + plan.disk.name));
    return {};
}

Result<void> attach_by_fuse2fs(const Options& options, const Plan& plan, Attachment& attachment) {
    if (!options.mkfs.empty()) {
        if (!options.mkfs.starts_with("ext"))
            return fail(Errc::unsupported, "--mkfs {}: without root only ext2, ext3 and ext4",
                        options.mkfs);
        TF_TRY(make_file_system(options, attachment.image, plan.disk.name));
    }
    TF_TRY(save(plan.place, attachment));
    auto mounted =
        run_program({"fuse2fs", "-o", "fakeroot", attachment.image, attachment.mountpoint});
    if (!mounted) return fail(std::move(mounted).error().in("disk " + plan.disk.name));
    return {};
}

// The mount that attach made ends with its last attachment. fuse2fs, and a loop device whose file
// system was just unmounted, may hold the image a moment longer.
Result<void> end_own_mount(const Context& context, const RuntimePlace& place) {
    const auto record = read_mount_record(place);
    if (!record || !record->by_attach || !attachments_of(place).empty()) return {};
    for (int i = 1;; ++i) {
        auto ended = end_mount(context, record->mountpoint);
        if (ended || ended.error().code != Errc::busy || i == kBusyTries) return ended;
        std::this_thread::sleep_for(kBusyRetry);
    }
}

Result<void> attach(Context& context, const Options& options) {
    TF_ASSIGN(const Plan plan, make_plan(context, options));
    TF_ASSIGN(const auto image, image_of(context, plan));
    if (!image) return {};  // the daemon has said why
    Attachment attachment{plan.disk.name, *image, plan.mountpoint, "", ""};
    auto done = ::geteuid() == 0 ? attach_by_loop(options, plan, attachment)
                                 : attach_by_fuse2fs(options, plan, attachment);
    if (done) return {};
    for (const Attachment& half : attachments_of(plan.place))
        if (half.disk == plan.disk.name)
            if (auto undone = undo(plan.place, half); !undone)
                log::warning("{}", undone.error().line());
    if (auto ended = end_own_mount(context, plan.place); !ended)
        log::warning("{}", ended.error().line());
    return done;
}

Result<void> detach(const Context& context, const std::string& where) {
    TF_ASSIGN(const std::string path, canonical_mountpoint(where));
    for (const RuntimePlace& place : runtime_places(context)) {
        for (const Attachment& attachment : attachments_of(place)) {
            if (attachment.mountpoint != path) continue;
            TF_TRY(undo(place, attachment));
            return end_own_mount(context, place);
        }
    }
    return fail(Errc::invalid, "{}: not attached by twofold", path);
}

}  // namespace

void add_attach(CLI::App& program, Context& context) {
    auto& command =
        add_command(program, "attach", "Mount the file system inside a disk, the store included",
                    "twofold attach ./store data0 ./files --mkfs ext4");
    auto o = std::make_shared<Options>();
    command.add_option("STORE", o->store, "directory of the deployment")->required();
    command.add_option("DISK", o->disk, "name of the disk")->required();
    command.add_option("MOUNTPOINT", o->mountpoint, "an empty directory")->required();
    command.add_option("--mkfs", o->mkfs, "make this file system first, on an empty disk")
        ->check(CLI::IsMember({"ext2", "ext3", "ext4", "xfs", "btrfs"}));
    command.add_flag("--force", o->force, "with --mkfs: even where there is one");
    on_run(
        command, context, [o](Context& c) { return attach(c, *o); }, Crypto::later);
}

void add_detach(CLI::App& program, Context& context) {
    auto& command =
        add_command(program, "detach", "Undo what attach did", "twofold detach ./files");
    auto mountpoint = std::make_shared<std::string>();
    command.add_option("MOUNTPOINT", *mountpoint, "where `attach` mounted")->required();
    on_run(
        command, context, [mountpoint](Context& c) { return detach(c, *mountpoint); },
        Crypto::later);
}

}  // namespace twofold::cli

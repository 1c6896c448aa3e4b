#include "fs/disk/header_backup.h"
#include "fs/disk/layout.h"
#include "tools/twofold/command.h"
#include "tools/twofold/lost_map.h"
#include "tools/twofold/options.h"
#include "tools/twofold/session.h"

// `twofold header`: the header of a disk as a file of its own.
namespace twofold::cli {
namespace {

struct Options {
    std::string store, disk, file;
    bool force = false;
};

// A disk of the deployment, its image and the keys.
struct Opened {
    std::unique_ptr<Session> session;
    const fs::Disk* disk = nullptr;
    const fs::TrustedDisk* trusted = nullptr;
    std::unique_ptr<keyring::Keyring> keyring;
    std::unique_ptr<io::File> image;

    static Result<Opened> open(const Context& context, const Options& options, io::Access access,
                               io::Lock lock) {
        Opened out;
        TF_ASSIGN(out.session, Session::open(context, options.store));
        TF_ASSIGN(out.disk, out.session->deployment().disk(options.disk));
        TF_ASSIGN(out.trusted, out.session->note().disk(options.disk));
        TF_ASSIGN(out.keyring, out.session->open_keyring());
        auto image = out.session->store().image(*out.disk, access, lock);
        if (!image && image.error().code == Errc::busy)
            return fail(Error{Errc::busy,
                              fmt::format("disk {}: in use", options.disk),
                              "if it is mounted: twofold umount MOUNTPOINT",
                              0,
                              {}});
        if (!image) return fail(std::move(image).error());
        out.image = std::move(*image);
        return out;
    }
};

Failure of_disk(const Options& options, Error error) {
    return fail(std::move(error).in("disk " + options.disk));
}

// Beside a mount, too: what a rotation is just writing is not verified, and then not taken.
Result<void> backup(const Context& context, const Options& options) {
    TF_ASSIGN(auto place, directory_and_name(options.file));
    auto& [directory, name] = place;
    TF_ASSIGN(const bool exists, directory->exists(name));
    if (exists) return fail(Errc::exists, "{}: exists", options.file);
    TF_ASSIGN(const Opened opened,
              Opened::open(context, options, io::Access::read_only, io::Lock::none));
    const auto bytes = fs::back_up_header(*opened.image, *opened.keyring, opened.trusted->note,
                                          fs::Limits::production());
    if (!bytes) return of_disk(options, bytes.error());
    TF_TRY(directory->replace(name, Bytes(*bytes)));
    TF_ASSIGN(const auto written, directory->read(name, fs::kHeaderSize));
    if (written != *bytes) return fail(Errc::io, "{}: reads back differently", options.file);
    opened.session->record({"header-backed-up", {{"disk", options.disk}}});
    say("Header of disk {} written to {}.", options.disk, options.file);
    say("Keep it as you keep keys: with it, a key that wraps this disk's data key today opens the "
        "disk also after that key was rotated away. It opens the disk as long as the disk uses the "
        "same data key and one of the keys in it can be used.");
    return {};
}

Result<void> restore(const Context& context, const Options& options) {
    TF_ASSIGN(auto place, directory_and_name(options.file));
    // One byte more than a backup has, so that a longer file is told from one.
    TF_ASSIGN(const auto bytes, place.first->read(place.second, fs::kHeaderSize + 1));
    TF_ASSIGN(const Opened opened,
              Opened::open(context, options, io::Access::read_write, io::Lock::exclusive));
    const auto restored = fs::restore_header(
        *opened.image, bytes, *opened.keyring, opened.trusted->note, fs::Limits::production(),
        options.force ? fs::SoundHeader::overwrite : fs::SoundHeader::keep);
    if (!restored) return of_disk(options, restored.error());
    opened.session->record(
        {"header-restored", {{"disk", options.disk}, {"generation", restored->generation}}});
    say("Header of disk {} restored, both copies, generation {}.", options.disk,
        restored->generation);
    say("Its envelopes are those of the backup: if the key was rotated since, rotate once more.");
    return {};
}

void add_backup(CLI::App& family, Context& context) {
    auto& command = add_command(family, "backup", "Write a disk's header to a file of 64 KiB",
                                "twofold header backup ./store data0 data0.header");
    auto o = std::make_shared<Options>();
    command.add_option("STORE", o->store, "directory of the deployment")->required();
    command.add_option("DISK", o->disk, "name of the disk")->required();
    command.add_option("FILE", o->file, "file to make; must not exist")->required();
    on_run(command, context, [o](Context& c) { return backup(c, *o); });
}

void add_restore(CLI::App& family, Context& context) {
    auto& command =
        add_command(family, "restore", "Put a header from a backup into a disk whose own is lost",
                    "twofold header restore ./store data0 data0.header");
    auto o = std::make_shared<Options>();
    command.add_option("STORE", o->store, "directory of the deployment")->required();
    command.add_option("DISK", o->disk, "name of the disk")->required();
    command.add_option("FILE", o->file, "file that header backup made")->required();
    command.add_flag("--force", o->force, "Also where the disk's own header opens");
    on_run(command, context, [o](Context& c) { return restore(c, *o); });
}

}  // namespace

void add_header(CLI::App& program, Context& context) {
    auto& family = add_family(program, "header", "Back up and restore the header of a disk",
                              "twofold header backup ./store data0 data0.header");
    add_backup(family, context);
    add_restore(family, context);
}

}  // namespace twofold::cli

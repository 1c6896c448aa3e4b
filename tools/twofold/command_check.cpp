#include <algorithm>
#include <thread>

#include "fs/disk/check.h"
#include "fs/disk/inspect.h"
#include "fs/disk/outer_check.h"
#include "fs/disk/repair.h"
#include "tools/twofold/anchors.h"
#include "tools/twofold/check_report.h"
#include "tools/twofold/command.h"
#include "tools/twofold/disk_facts.h"
#include "tools/twofold/lost_map.h"
#include "tools/twofold/options.h"
#include "tools/twofold/progress.h"
#include "tools/twofold/session.h"

namespace twofold::cli {
namespace {

struct Options {
    std::string store, disk, map;
    std::optional<int> layer;
    bool repair = false, accept_loss = false, force = false;
};

Result<void> check_usage(const Options& options) {
    const auto usage = [](const std::string& text) {
        return fail(Error{Errc::usage, "check: " + text, "see: twofold check --help", 0, {}});
    };
    if (options.layer && *options.layer != 1)
        return usage("--layer: only layer 1 can be checked without the other one's key");
    if (options.layer && options.repair) return usage("--repair needs every layer's key");
    if (options.accept_loss && !options.repair) return usage("--accept-loss goes with --repair");
    if (!options.map.empty() && options.disk.empty()) return usage("--map needs a DISK");
    return {};
}

bool is_key_trouble(Errc code) { return exit_code(code) == exit_code(Errc::key_unavailable); }

// What a key that can't be used keeps from being checked, and what not.
Error explained(Error error, const fs::KeysetNote& keyset, const Options& options) {
    const bool both = keyset.layer1 != fs::Suite::none && keyset.layer2 != fs::Suite::none;
    if (!is_key_trouble(error.code) || !both || options.layer) return error;
    error.advice += fmt::format("{}with layer 1's key alone: twofold check {} {} --layer 1",
                                error.advice.empty() ? "" : "; ", options.store,
                                options.disk.empty() ? "DISK" : options.disk);
    return error;
}

// One disk: repair first, where it was asked for, and then a check that tells what is left.
struct DiskCheck {
    Session& session;
    keyring::Keyring& keyring;
    const Options& options;
    const fs::Disk& disk;
    CheckedDisk& out;

    Result<void> run() {
        TF_ASSIGN(const fs::TrustedDisk* trusted, session.note().disk(disk.name));
        const auto access = options.repair ? io::Access::read_write : io::Access::read_only;
        auto opened = session.store().image(disk, access, io::Lock::exclusive);
        if (!opened && opened.error().code == Errc::busy)
            return fail(Error{Errc::busy,
                              "in use: it is mounted, or another command works on it",
                              "if it is mounted: twofold umount MOUNTPOINT",
                              0,
                              {}});
        if (!opened) return fail(std::move(opened).error());
        io::File& file = **opened;
        if (options.repair) TF_TRY(repair(file, trusted->note));
        return check(file, trusted->note);
    }

    Result<void> repair(io::File& file, const fs::DiskNote& note) {
        TF_ASSIGN(out.repair,
                  fs::repair_disk(file, keyring, note, session.random(), session.clock(),
                                  fs::Limits::production(),
                                  options.accept_loss ? fs::Loss::accept : fs::Loss::refuse));
        for (const fs::RepairStep& step : out.repair->steps)
            session.record({step.kind == fs::RepairStep::Kind::restored ? "disk-repaired"
                                                                        : "disk-loss-accepted",
                            {{"disk", disk.name}, {"what", fs::sanitised(step.text, 1024)}}});
        return {};
    }

    Result<void> check(io::File& file, const fs::DiskNote& note) {
        // On a disk with layer 1 alone, its key is every key.
        const bool outer_only =
            options.layer && newest_keyset(session.note(), disk.name).layer2 != fs::Suite::none;
        out.scope = outer_only ? "layer 1" : "everything";
        const SystemClock clock;
        Progress progress(clock, "checking " + disk.name, disk.size);
        fs::CheckOptions how;
        how.threads = std::thread::hardware_concurrency();
        TF_ASSIGN(how.anchor, anchor_place(session, disk.node, disk.name));
        how.progress = [&](std::uint64_t done, std::uint64_t) { progress.at(done); };
        const auto start = clock.monotonic();
        TF_ASSIGN(out.report, outer_only ? fs::check_outer_layer(file, keyring, note, how)
                                         : fs::check_disk(file, keyring, note, session.random(),
                                                          session.clock(), how));
        out.took = clock.monotonic() - start;
        session.record({"disk-checked",
                        {{"disk", disk.name},
                         {"scope", out.scope},
                         {"found", out.report->found},
                         {"blocksLost", out.report->blocks_lost}}});
        return {};
    }
};

CheckedDisk check_one(Session& session, keyring::Keyring& keyring, const Options& options,
                      const fs::Disk& disk) {
    CheckedDisk out;
    out.disk = disk.name;
    auto done = DiskCheck{session, keyring, options, disk, out}.run();
    if (done) return out;
    out.report.reset();
    out.error =
        explained(std::move(done).error(), newest_keyset(session.note(), disk.name), options);
    return out;
}

Result<void> write_map(LostMapFile& file, const CheckedDisk& checked, const fs::Disk& disk) {
    if (!checked.report) return {};
    if (!checked.report->lost_is_whole)
        return fail(Errc::too_big, "map of disk {}: more than {} runs of lost blocks", disk.name,
                    fs::CheckReport::kLostRunsMax);
    return file.write(lost_map(*checked.report, disk.name, disk.size));
}

// Damage before whatever kept us from looking at another disk.
Result<void> verdict(const std::vector<CheckedDisk>& all, const std::vector<std::string>& keyring) {
    for (const CheckedDisk& checked : all)
        if (checked.report && !checked.sound()) {
            const fs::CheckFinding& first = checked.report->findings.front();
            return fail(Errc::damaged, "disk {}: {}: {}", checked.disk, first.where,
                        fs::sanitised(first.what));
        }
    if (!keyring.empty()) return fail(Errc::damaged, "keyring: {}", keyring.front());
    for (const CheckedDisk& checked : all)
        if (checked.error) return fail(Error(*checked.error).in("disk " + checked.disk));
    return {};
}

Result<void> check(const Context& context, const Options& options) {
    TF_TRY(check_usage(options));
    TF_ASSIGN(const auto session, Session::open(context, options.store));
    std::vector<const fs::Disk*> disks;
    if (!options.disk.empty()) {
        TF_ASSIGN(const fs::Disk* disk, session->deployment().disk(options.disk));
        disks.push_back(disk);
    } else {
        for (const fs::Disk& disk : session->deployment().disks) disks.push_back(&disk);
    }
    std::optional<LostMapFile> map;
    if (!options.map.empty()) {
        TF_ASSIGN(map, LostMapFile::prepare(options.map, options.force));
    }
    TF_ASSIGN(const auto keyring, session->open_keyring());
    const std::vector<std::string> findings = keyring->findings();
    // No damage: a rotation that was killed leaves this, and all that counts is sound.
    const std::vector<std::string> left_overs = keyring->left_overs();
    std::vector<CheckedDisk> all;
    for (const fs::Disk* disk : disks) {
        all.push_back(check_one(*session, *keyring, options, *disk));
        if (!context.json) print_text(all.back());
        if (map) TF_TRY(write_map(*map, all.back(), *disk));
    }
    if (context.json) print(to_json_text(all, left_overs, findings));
    if (!context.json) {
        for (const std::string& finding : findings) say("keyring: {}", finding);
        for (const std::string& left : left_overs)
            say("note: {}; the next `twofold rotate` does it", left);
        if (all.size() > 1) print_summary(all);
    }
    return verdict(all, findings);
}

}  // namespace

void add_check(CLI::App& program, Context& context) {
    auto& command =
        add_command(program, "check", "Verify every header, log, map page and block; repair",
                    "twofold check ./store\n"
                    "  twofold check ./store data0 --json --map data0.map\n"
                    "  twofold check ./store data0 --repair\n"
                    "  twofold check ./store data0 --layer 1");
    auto o = std::make_shared<Options>();
    command.add_option("STORE", o->store, "directory of the deployment")->required();
    command.add_option("DISK", o->disk, "name of the disk; else all");
    command.add_flag("--repair", o->repair,
                     "Restore damaged metadata from its other copy, or from what it was made of; "
                     "invents nothing");
    command.add_flag("--accept-loss", o->accept_loss,
                     "With --repair: go on without synced history or map pages that are lost");
    command
        .add_option("--map", o->map,
                    "Write the lost blocks to a map file as ddrescue does, in bytes of the disk")
        ->type_name("FILE");
    command.add_flag("--force", o->force, "Let --map replace a file that is no map");
    command
        .add_option("--layer", o->layer, "1: ask for layer 1's key alone, and check what that can")
        ->type_name("1");
    on_run(command, context, [o](Context& c) { return check(c, *o); });
}

}  // namespace twofold::cli

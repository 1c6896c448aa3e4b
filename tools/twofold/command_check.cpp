#include <nlohmann/json.hpp>
#include <thread>

#include "base/json.h"
#include "fs/disk/check.h"
#include "fs/disk/inspect.h"
#include "tools/twofold/command.h"
#include "tools/twofold/options.h"
#include "tools/twofold/progress.h"
#include "tools/twofold/session.h"

namespace twofold::cli {
namespace {

using nlohmann::json;

struct Options {
    std::string store, disk;
};

// What came of one disk.
struct Checked {
    std::string disk;
    fs::CheckReport report;
};

Result<Checked> check_one(Session& session, keyring::Keyring& keyring, const fs::Disk& disk) {
    TF_ASSIGN(const fs::TrustedDisk* trusted, session.note().disk(disk.name));
    auto file = session.store().image(disk, io::Access::read_only, io::Lock::exclusive);
    if (!file && file.error().code == Errc::busy)
        return fail(Errc::busy, "disk {}: in use: it is mounted, or another command works on it",
                    disk.name);
    if (!file) return fail(std::move(file).error());
    const SystemClock clock;
    Progress progress(clock, "checking " + disk.name, disk.size);
    fs::CheckOptions options;
    options.threads = std::thread::hardware_concurrency();
    options.progress = [&](std::uint64_t done, std::uint64_t) { progress.at(done); };
    TF_ASSIGN(auto report, fs::check_disk(**file, keyring, trusted->note, session.random(),
                                          session.clock(), options));
    return Checked{disk.name, std::move(report)};
}

json json_of(const fs::CheckFinding& finding) {
    json out{{"where", finding.where},
             {"kind", name_of(finding.code)},
             {"what", fs::sanitised(finding.what)}};
    if (finding.blocks)
        out["blocks"] = {{"first", finding.blocks->first.value()},
                         {"count", finding.blocks->count}};
    return out;
}

json json_of(const Checked& checked) {
    const fs::CheckReport& r = checked.report;
    json out{{"disk", checked.disk},
             {"sound", r.sound()},
             {"complete", r.complete},
             {"clean", r.clean},
             {"found", r.found},
             {"findings", json::array()},
             {"notes", r.notes},
             {"blocks", r.blocks},
             {"blocksWithData", r.blocks_with_data},
             {"blocksLost", r.blocks_lost},
             {"leaves", r.leaves},
             {"nodes", r.nodes},
             {"logEpochs", r.log_epochs}};
    for (const fs::CheckFinding& finding : r.findings) out["findings"].push_back(json_of(finding));
    return out;
}

void print_text(const Checked& checked) {
    const fs::CheckReport& r = checked.report;
    if (r.sound())
        say("disk {}: sound: header, superblocks, log, {} pages of the map; {} blocks, {} with "
            "data, "
            "every tag verified",
            checked.disk, r.leaves + r.nodes, r.blocks, r.blocks_with_data);
    else
        say("disk {}: {} found wrong, {} blocks lost{}", checked.disk, r.found, r.blocks_lost,
            r.complete ? "" : "; could not be checked further");
    for (const fs::CheckFinding& finding : r.findings)
        say("  {}: {}: {}", finding.where, name_of(finding.code), fs::sanitised(finding.what));
    if (r.found > r.findings.size()) say("  and {} more", r.found - r.findings.size());
    for (const std::string& note : r.notes) say("  note: {}", note);
}

Result<void> verdict(const std::vector<Checked>& all, const std::vector<std::string>& keyring) {
    for (const Checked& checked : all)
        if (!checked.report.sound()) {
            const fs::CheckFinding& first = checked.report.findings.front();
            return fail(Errc::damaged, "disk {}: {}: {}", checked.disk, first.where,
                        fs::sanitised(first.what));
        }
    if (!keyring.empty()) return fail(Errc::damaged, "keyring: {}", keyring.front());
    return {};
}

Result<void> check(const Context& context, const Options& options) {
    TF_ASSIGN(const auto session, Session::open(context, options.store));
    std::vector<const fs::Disk*> disks;
    if (!options.disk.empty()) {
        TF_ASSIGN(const fs::Disk* disk, session->deployment().disk(options.disk));
        disks.push_back(disk);
    } else {
        for (const fs::Disk& disk : session->deployment().disks) disks.push_back(&disk);
    }
    TF_ASSIGN(const auto keyring, session->open_keyring());
    const std::vector<std::string> findings = keyring->findings();
    std::vector<Checked> all;
    json out{{"disks", json::array()}, {"keyring", findings}};
    for (const fs::Disk* disk : disks) {
        TF_ASSIGN(auto checked, check_one(*session, *keyring, *disk));
        context.json ? out["disks"].push_back(json_of(checked)) : print_text(checked);
        all.push_back(std::move(checked));
    }
    if (context.json) print(to_pretty_text(out) + "\n");
    if (!context.json)
        for (const std::string& finding : findings) say("keyring: {}", finding);
    return verdict(all, findings);
}

}  // namespace

void add_check(CLI::App& program, Context& context) {
    auto& command = add_command(program, "check", "Verify every header, log, map page and block",
                                "twofold check ./store\n"
                                "  twofold check ./store data0 --json");
    auto o = std::make_shared<Options>();
    command.add_option("STORE", o->store, "directory of the deployment")->required();
    command.add_option("DISK", o->disk, "name of the disk; else all");
    on_run(command, context, [o](Context& c) { return check(c, *o); });
}

}  // namespace twofold::cli

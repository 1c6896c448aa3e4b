#include "tools/twofold/check_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "fs/disk/inspect.h"
#include "tools/twofold/output.h"

namespace twofold::cli {
namespace {

using nlohmann::json;

std::string_view name_of(fs::Cure cure) {
    switch (cure) {
        case fs::Cure::none:
            return "none";
        case fs::Cure::repair:
            return "repair";
        case fs::Cure::header_backup:
            return "header-backup";
        case fs::Cure::adopt:
            return "adopt";
        case fs::Cure::accept_loss:
            return "accept-loss";
        case fs::Cure::writing:
            return "writing";
    }
    return "none";
}

double seconds_of(const CheckedDisk& checked) {
    return std::chrono::duration<double>(checked.took).count();
}

std::uint64_t rate_of(const CheckedDisk& checked) {
    const double seconds = seconds_of(checked);
    return seconds > 0 ? static_cast<std::uint64_t>(
                             static_cast<double>(checked.report->bytes_verified) / seconds)
                       : 0;
}

json json_of(const fs::CheckFinding& finding) {
    json out{{"where", finding.where},
             {"kind", twofold::name_of(finding.code)},
             {"what", fs::sanitised(finding.what)},
             {"cure", name_of(finding.cure)}};
    if (finding.blocks)
        out["blocks"] = {{"first", finding.blocks->first.value()},
                         {"count", finding.blocks->count}};
    if (finding.sealed) {
        out["slot"] = finding.sealed->slot.value();
        out["offset"] = finding.sealed->offset;
        out["keyset"] = finding.sealed->keyset;
        if (finding.sealed->layer) out["layer"] = static_cast<int>(*finding.sealed->layer);
    }
    return out;
}

json json_of(const fs::RepairReport& repair) {
    json out = json::array();
    for (const fs::RepairStep& step : repair.steps)
        out.push_back(
            {{"kind", step.kind == fs::RepairStep::Kind::restored ? "restored" : "loss-accepted"},
             {"what", step.text}});
    return out;
}

json json_of(const CheckedDisk& checked) {
    json out{{"disk", checked.disk}, {"scope", checked.scope}, {"sound", checked.sound()}};
    if (checked.repair) out["repairs"] = json_of(*checked.repair);
    if (checked.error) {
        out["error"] = {{"kind", twofold::name_of(checked.error->code)},
                        {"what", fs::sanitised(checked.error->line())}};
        return out;
    }
    const fs::CheckReport& r = *checked.report;
    out.update({{"complete", r.complete},
                {"clean", r.clean},
                {"freshness", name_of(r.freshness)},
                {"found", r.found},
                {"findings", json::array()},
                {"notes", r.notes},
                {"unproved", r.unproved},
                {"restorable", r.restorable},
                {"tagsVerified", r.tags_verified},
                {"blocks", r.blocks},
                {"blocksWithData", r.blocks_with_data},
                {"blocksLost", r.blocks_lost},
                {"lost", json::array()},
                {"bytesVerified", r.bytes_verified},
                {"seconds", seconds_of(checked)},
                {"bytesPerSecond", rate_of(checked)},
                {"leaves", r.leaves},
                {"nodes", r.nodes},
                {"logEpochs", r.log_epochs}});
    for (const fs::CheckFinding& finding : r.findings) out["findings"].push_back(json_of(finding));
    r.lost.each([&](fs::BlockRange range) {
        out["lost"].push_back({{"first", range.first.value()}, {"count", range.count}});
    });
    return out;
}

std::string advice(fs::Cure cure) {
    switch (cure) {
        case fs::Cure::none:
        case fs::Cure::adopt:  // the finding says how
        case fs::Cure::writing:
            return {};
        case fs::Cure::repair:
            return " (--repair restores it)";
        case fs::Cure::header_backup:
            return " (if there is a backup: twofold header restore)";
        case fs::Cure::accept_loss:
            return " (--repair --accept-loss goes on without)";
    }
    return {};
}

void print_verdict(const CheckedDisk& checked) {
    const fs::CheckReport& r = *checked.report;
    const std::string speed =
        r.bytes_verified == 0
            ? std::string()
            : fmt::format("; {} verified in {:.1f} s, {}/s", human_size(r.bytes_verified),
                          seconds_of(checked), human_size(rate_of(checked)));
    if (!r.sound())
        say("disk {}: {} found wrong, {} blocks lost{}{}", checked.disk, r.found, r.blocks_lost,
            r.complete ? "" : "; could not be checked further", speed);
    else if (!r.unproved.empty())
        say("disk {}: nothing wrong as far as {} can tell{}", checked.disk, checked.scope, speed);
    else
        say("disk {}: sound: header, superblocks, log, {} pages of the map, every tag; {} blocks, "
            "{} with data{}{}",
            checked.disk, r.leaves + r.nodes, r.blocks, r.blocks_with_data, speed,
            r.freshness == fs::Freshness::as_anchored ? "; as new as its anchor says" : "");
}

}  // namespace

void print_text(const CheckedDisk& checked) {
    if (checked.repair)
        for (const fs::RepairStep& step : checked.repair->steps)
            say("disk {}: {}", checked.disk, fs::sanitised(step.text, 1024));
    if (checked.repair && checked.repair->steps.empty())
        say("disk {}: nothing was repaired", checked.disk);
    if (checked.error) {
        say("disk {}: not checked: {}", checked.disk, fs::sanitised(checked.error->line(), 1024));
        return;
    }
    print_verdict(checked);
    const fs::CheckReport& r = *checked.report;
    for (const fs::CheckFinding& finding : r.findings)
        say("  {}: {}: {}{}", finding.where, twofold::name_of(finding.code),
            fs::sanitised(finding.what, 1024), advice(finding.cure));
    if (r.found > r.findings.size()) say("  and {} more", r.found - r.findings.size());
    for (const std::string& note : r.notes) say("  note: {}", note);
    for (const std::string& unproved : r.unproved) say("  not proved: {}", unproved);
    if (std::ranges::any_of(r.findings, [](const auto& f) { return f.cure == fs::Cure::writing; }))
        say("  lost blocks read as I/O errors until they are written anew");
}

void print_summary(const std::vector<CheckedDisk>& all) {
    const auto sound = std::ranges::count_if(all, &CheckedDisk::sound);
    const auto failed =
        std::ranges::count_if(all, [](const auto& one) { return one.error.has_value(); });
    std::uint64_t lost = 0;
    for (const CheckedDisk& checked : all)
        if (checked.report) lost += checked.report->blocks_lost;
    say("{} disks: {} sound, {} damaged, {} not checked; {} blocks lost", all.size(), sound,
        std::ssize(all) - sound - failed, failed, lost);
}

std::string to_json_text(const std::vector<CheckedDisk>& all,
                         const std::vector<std::string>& left_overs,
                         const std::vector<std::string>& keyring) {
    json out{{"disks", json::array()}, {"keyring", keyring}, {"notes", left_overs}};
    for (const CheckedDisk& checked : all) out["disks"].push_back(json_of(checked));
    return to_pretty_text(out) + "\n";
}

}  // namespace twofold::cli

#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "fs/disk/repair.h"

namespace twofold::cli {

// What came of checking one disk.
struct CheckedDisk {
    std::string disk;
    std::string scope;                       // "everything", "layer 1"
    std::optional<fs::RepairReport> repair;  // where it was asked for
    std::optional<fs::CheckReport> report;
    std::chrono::nanoseconds took{0};
    std::optional<Error> error;  // then there is no report: what kept us from looking

    bool sound() const { return report && report->sound(); }
};

void print_text(const CheckedDisk& checked);
// Of all disks, in one line.
void print_summary(const std::vector<CheckedDisk>& all);
// One document; `keyring`: what was found in the keyring's records.
std::string to_json_text(const std::vector<CheckedDisk>& all,
                         const std::vector<std::string>& left_overs,
                         const std::vector<std::string>& keyring);

}  // namespace twofold::cli

#pragma once

#include <string>
#include <vector>

#include "fs/disk/rule.h"

namespace twofold {

// A search of the power-cut simulator: in a workload of tests/powercut by name, from a seed on; or
// in a script of ours, on a disk of so many blocks, slots of pool and pages of log.
struct Hunt {
    std::string name;
    std::string where;  // "mixed", or "8,8,16"
    std::string what;   // a seed, or "write 0 4096; sync; ..."
};
// So many states are enough for whatever a hunt finds.
constexpr int kHuntStates = 1500;
const std::vector<Hunt>& hunts();

// One rule, broken on purpose.
struct Mutant {
    fs::Rule rule;
    std::string name;       // what it does wrong, a sentence
    std::string caught_by;  // a test, as --gtest_filter takes it
    std::string found_in;   // a hunt; empty: no crash state tells (README)
};
// One for each rule.
const std::vector<Mutant>& mutants();

}  // namespace twofold

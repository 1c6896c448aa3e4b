#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/powercut/scenario.h"
#include "tests/powercut/workload.h"

namespace twofold::powercut {

// Something that the disk promises and that did not hold.
struct Violation {
    std::string what;  // the block, what was found, what would be legal
    Scenario scenario;
};

struct Tally {
    std::uint64_t states = 0;     // opened and judged
    std::uint64_t distinct = 0;   // contents of an image, together with what may be found of it
    std::uint64_t recrashed = 0;  // of these, after a crash of the recovery or of what followed
    std::uint64_t third = 0;      // and once more
    std::uint64_t kills = 0;      // in which the cache survived
    std::uint64_t read_only = 0;
    std::uint64_t crash_points = 0, scripts = 0, nonces = 0;

    Tally& operator+=(const Tally& other);
};

struct Plan {
    const Workload* workload = nullptr;
    Level level = Level::tg;
    std::uint64_t seed = 1;            // of the first script; the next ones count up
    std::uint64_t states = 10'000;     // until so many distinct ones
    std::uint64_t per_script = 1'500;  // about so many of each script
    Enumerator::Effort effort;
};

struct Outcome {
    Tally tally;
    std::optional<Violation> violation;  // the first one: there it ends
};

// Runs scripts of the workload, cuts power and kills at every operation, and judges what each
// leaves.
Outcome explore(const Plan& plan);
// The scripts' part alone of one seed.
Outcome explore(const Play& play, const Plan& plan);

}  // namespace twofold::powercut

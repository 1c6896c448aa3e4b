#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "tests/powercut/choices.h"
#include "tests/powercut/script.h"
#include "tests/powercut/user.h"

namespace twofold::powercut {

// A life of a disk: from what a crash of the life before left, over a mount, to what its user did
// with it. (The first one starts from a disk as it was made.)
struct Life {
    enum class After { power_cut, kill };
    // How the life before ended.
    After after = After::power_cut;
    Moment moment;
    Picks picks;  // of a power cut
    // How this one began, and went on.
    bool read_only = false;
    bool twice = false;  // mounted once more, to find the same
    Counters counters;   // before its mount
    Script script;
};

// All that it takes to see something happen again, bit for bit.
struct Scenario {
    std::string workload;  // where it was found
    DiskShape shape;
    Layers layers;
    Level level = Level::tg;
    std::uint64_t seed = 0;  // of the disk's making
    Counters counters;       // before the first mount
    Script script;           // of the first life
    std::vector<Life> lives;

    // A file of lines, for people and for replay.
    std::string text() const;
    static Result<Scenario> parse(std::istream& in);
};

// Plays it. The error is the promise that was broken; none: all was well.
Result<void> replay(const Scenario& scenario);

}  // namespace twofold::powercut

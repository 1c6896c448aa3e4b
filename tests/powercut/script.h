#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace twofold::powercut {

// One thing that the user of a disk does; a line of a script: "write 4096 512", or, for what
// happens while something else is under way, "during sync: write 4096 512".
struct Action {
    enum class Kind : std::uint8_t {
        write,    // a: offset, b: length; bytes
        zero,     // the same
        read,     // the same
        sync,     // fsync
        soft,     // commits without a sync
        pass,     // a: milliseconds go by
        tick,     // what is due by the clock is done
        kill,     // the process dies, and is started again
        remount,  // a clean unmount, and a mount
        rewrap,   // a: layer
    };
    enum class When : std::uint8_t {
        now,
        sync,    // in the middle of the next fdatasync
        page,    // before the next write to the log
        tree,    // before the next write of a checkpoint
        header,  // before the next write to the header
        read,    // between looking a block up and reading its slot, in the next `read`
    };
    Kind kind = Kind::sync;
    std::uint64_t a = 0, b = 0;
    When when = When::now;

    bool operator==(const Action&) const = default;
    std::string text() const;
    static Result<Action> parse(const std::string& line);  // Errc::invalid
};
using Script = std::vector<Action>;

}  // namespace twofold::powercut

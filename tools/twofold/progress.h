#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/clock.h"

namespace twofold::cli {

// A bar on standard error while something long is done: how much, how fast, how long still. Draws
// nothing where standard error is no terminal.
class Progress {
public:
    Progress(const Clock& clock, std::string what, std::uint64_t total);
    ~Progress();  // clears the line
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void at(std::uint64_t done);  // bytes so far; draws at most ten times a second

private:
    void draw(std::uint64_t done, std::chrono::nanoseconds now);

    const Clock& clock_;
    std::string what_;
    std::uint64_t total_;
    bool shown_;
    std::chrono::nanoseconds start_, drawn_{};
};

}  // namespace twofold::cli

#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace twofold {

// Whole seconds since 1970, UTC: the IntDate of vaults.
using UnixSeconds = std::int64_t;

// Where time comes from; a reference to one is handed in, so that tests move it. Thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    virtual UnixSeconds now() const = 0;
    // Never goes back; counts from an arbitrary start.
    virtual std::chrono::nanoseconds monotonic() const = 0;
};

class SystemClock final : public Clock {
public:
    UnixSeconds now() const override;
    std::chrono::nanoseconds monotonic() const override;
};

// "2026-11-22T16:18:26Z"; times outside the years 1 to 9999 as the first or last second of these.
std::string iso8601(UnixSeconds time);

}  // namespace twofold

#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace twofold::cloud {

// The cloud's clock: the machine's, moved by the file `clock` in the cloud directory:
//
//     {"offsetSeconds": 7862400}    ahead (or behind) by so much
//     {"frozenAt": 1795363200}      standing still
//
// Every comparison of dates in a vault and every deadline of a consumer goes through it, so that 90
// days pass in a test at once. Reads the file at each look. Thread-safe.
class CloudClock final : public Clock {
public:
    explicit CloudClock(std::string cloud_directory) : directory_(std::move(cloud_directory)) {}

    // Errc::damaged where the file says something else: a vault then answers 500 rather than let a
    // broken clock decide that a key has not expired.
    Result<UnixSeconds> look() const;

    // For timers: as look(), or by the last rule that could be read. While the cloud directory is
    // away, too: an outage must not move the clock, by which its own length is measured.
    UnixSeconds now() const override;
    std::chrono::nanoseconds monotonic() const override { return system_.monotonic(); }

private:
    struct Rule {
        bool frozen = false;
        UnixSeconds seconds = 0;  // the offset, or the time it stands at
    };
    Result<std::optional<Rule>> read_rule() const;  // nothing where there is no cloud directory
    UnixSeconds apply(const Rule& rule) const;

    std::string directory_;
    SystemClock system_;
    mutable std::mutex mutex_;
    mutable Rule last_;  // guarded by mutex_
};

}  // namespace twofold::cloud

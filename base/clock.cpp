#include "base/clock.h"

#include <fmt/chrono.h>

#include <algorithm>

namespace twofold {
namespace {

// The years 1 to 9999: what the format can say, and fmt::gmtime throws for times far outside.
constexpr UnixSeconds kFirst = -62135596800, kLast = 253402300799;

}  // namespace

UnixSeconds SystemClock::now() const {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::chrono::nanoseconds SystemClock::monotonic() const {
    return std::chrono::steady_clock::now().time_since_epoch();
}

std::string iso8601(UnixSeconds time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                       fmt::gmtime(static_cast<std::time_t>(std::clamp(time, kFirst, kLast))));
}

}  // namespace twofold

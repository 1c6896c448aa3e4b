#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace twofold::cli {

// A date as an option gives it: 2027-01-31, 2027-01-31T12:00:00Z (UTC), or seconds since 1970.
// Errc::usage.
Result<UnixSeconds> parse_time(const std::string& text);

}  // namespace twofold::cli

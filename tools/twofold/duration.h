#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"

namespace twofold::cli {

// "60s", "500ms", "5m", "1h"; a bare number is seconds. Errc::usage otherwise.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace twofold::cli

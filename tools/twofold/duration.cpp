#include "tools/twofold/duration.h"

#include <charconv>

namespace twofold::cli {

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
    constexpr std::int64_t kMax = 366LL * 24 * 3600 * 1000;  // a year
    std::int64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
    const std::int64_t factor = unit == "ms"                  ? 1
                                : unit.empty() || unit == "s" ? 1000
                                : unit == "m"                 ? 60'000
                                : unit == "h"                 ? 3'600'000
                                                              : 0;
    if (error != std::errc() || factor == 0 || value < 0 || value > kMax / factor)
        return fail(Errc::usage, "duration '{}': not like 500ms, 60s, 5m or 1h", text);
    return std::chrono::milliseconds(value * factor);
}

}  // namespace twofold::cli

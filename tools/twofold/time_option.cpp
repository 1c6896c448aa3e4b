#include "tools/twofold/time_option.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>

namespace twofold::cli {
namespace {

// All of `text`, which is digits alone, or nothing.
std::optional<std::int64_t> digits(std::string_view text) {
    if (text.empty() || text.size() > 12 ||
        !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
        return {};
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::optional<UnixSeconds> parse_date(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return {};
    const auto year = digits(text.substr(0, 4));
    const auto month = digits(text.substr(5, 2));
    const auto day = digits(text.substr(8, 2));
    if (!year || !month || !day) return {};
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return {};
    return std::chrono::sys_seconds(std::chrono::sys_days(date)).time_since_epoch().count();
}

std::optional<UnixSeconds> parse_time_of_day(std::string_view text) {
    if (text.size() != 9 || text[2] != ':' || text[5] != ':' || text[8] != 'Z') return {};
    const auto hour = digits(text.substr(0, 2));
    const auto minute = digits(text.substr(3, 2));
    const auto second = digits(text.substr(6, 2));
    if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) return {};
    return *hour * 3600 + *minute * 60 + *second;
}

}  // namespace

Result<UnixSeconds> parse_time(const std::string& text) {
    if (const auto seconds = digits(text)) return *seconds;
    const auto date = parse_date(std::string_view(text).substr(0, 10));
    if (date && text.size() == 10) return *date;
    if (date && text[10] == 'T')
        if (const auto time = parse_time_of_day(std::string_view(text).substr(11)))
            return *date + *time;
    return fail(Errc::usage, "date \"{}\": write 2027-01-31 or 2027-01-31T12:00:00Z", text);
}

}  // namespace twofold::cli

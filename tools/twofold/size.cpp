#include "tools/twofold/size.h"

#include <charconv>
#include <cmath>
#include <string>

namespace twofold::cli {

Result<std::uint64_t> parse_size(std::string_view text) {
    const auto malformed = [&] {
        return fail(Errc::usage, "size '{}': not a number of bytes, or one with K, M, G or T",
                    text);
    };
    constexpr double kMax = 1ULL << 62;
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
    if (error != std::errc() || !(value >= 0)) return malformed();
    std::string_view unit(rest, static_cast<std::size_t>(end - rest));
    if (unit.ends_with("iB")) unit.remove_suffix(2);
    double factor = 1;
    if (!unit.empty()) {
        constexpr std::string_view kUnits = "KMGT";
        const auto place = kUnits.find(unit.front() == 'k' ? 'K' : unit.front());
        if (unit.size() != 1 || place == std::string_view::npos) return malformed();
        factor = std::ldexp(1.0, 10 * (static_cast<int>(place) + 1));
    }
    const double bytes = value * factor;
    if (!(bytes <= kMax) || bytes != std::floor(bytes)) return malformed();
    return static_cast<std::uint64_t>(bytes);
}

}  // namespace twofold::cli

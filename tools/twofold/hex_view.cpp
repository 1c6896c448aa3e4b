#include "tools/twofold/hex_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace twofold::cli {

namespace {

constexpr std::size_t kLine = 16;

}  // namespace

std::string hex_dump(Bytes bytes, std::uint64_t offset) {
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += kLine) {
        const Bytes line = bytes.subspan(at, std::min(kLine, bytes.size() - at));
        out += fmt::format("{:08x}: ", offset + at);
        for (std::size_t i = 0; i < kLine; ++i) {
            out += i < line.size() ? fmt::format("{:02x}", line[i]) : "  ";
            if (i % 2 == 1) out += ' ';
        }
        out += ' ';
        for (const std::byte b : line) {
            const char c = static_cast<char>(b);
            out += c >= 0x20 && c < 0x7f ? c : '.';
        }
        out += '\n';
    }
    return out;
}

double entropy(Bytes bytes) {
    if (bytes.empty()) return 0;
    std::array<std::size_t, 256> counts{};
    for (const std::byte b : bytes) ++counts[std::to_integer<std::size_t>(b)];
    double bits = 0;
    for (const std::size_t count : counts) {
        if (count == 0) continue;
        const double share = static_cast<double>(count) / static_cast<double>(bytes.size());
        bits -= share * std::log2(share);
    }
    return std::max(bits, 0.0);
}

}  // namespace twofold::cli

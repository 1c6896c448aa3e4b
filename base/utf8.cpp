#include "base/utf8.h"

#include <cstdint>

namespace twofold {
namespace {

// RFC 3629, section 4: by the first byte, how many follow, and what the second may be.
struct Sequence {
    std::size_t follow;
    unsigned char least, most;
};

constexpr Sequence sequence_of(unsigned char first) {
    if (first >= 0xc2 && first <= 0xdf) return {1, 0x80, 0xbf};
    if (first == 0xe0) return {2, 0xa0, 0xbf};
    if (first == 0xed) return {2, 0x80, 0x9f};
    if (first >= 0xe1 && first <= 0xef) return {2, 0x80, 0xbf};
    if (first == 0xf0) return {3, 0x90, 0xbf};
    if (first >= 0xf1 && first <= 0xf3) return {3, 0x80, 0xbf};
    if (first == 0xf4) return {3, 0x80, 0x8f};
    return {0, 0, 0};
}

}  // namespace

bool is_utf8(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    for (std::size_t i = 0; i < text.size();) {
        if (at(i) < 0x80) {
            ++i;
            continue;
        }
        const Sequence sequence = sequence_of(at(i));
        if (sequence.follow == 0 || text.size() - i <= sequence.follow) return false;
        if (at(i + 1) < sequence.least || at(i + 1) > sequence.most) return false;
        for (std::size_t j = 2; j <= sequence.follow; ++j)
            if (at(i + j) < 0x80 || at(i + j) > 0xbf) return false;
        i += sequence.follow + 1;
    }
    return true;
}

}  // namespace twofold

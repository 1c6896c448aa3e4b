#pragma once

#include <algorithm>

#include "fs/disk/map_pages.h"
#include "tests/support/fixed_keys.h"

namespace twofold::fuzz {

// Takes an input apart from the front. What is not there reads as zero, so that every input means
// something.
class Input {
public:
    explicit Input(Bytes bytes) : rest_(bytes) {}
    bool empty() const { return rest_.empty(); }
    Bytes rest() const { return rest_; }

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }
    Bytes bytes(std::size_t count) {
        const Bytes out = rest_.first(std::min(count, rest_.size()));
        rest_ = rest_.subspan(out.size());
        return out;
    }
    // The next bytes as a page, zeros behind them.
    fs::PageBytes page() {
        fs::PageBytes out{};
        std::ranges::copy(bytes(out.size()), out.begin());
        return out;
    }

private:
    std::uint64_t number(std::size_t size) {
        std::uint64_t value = 0;
        std::size_t at = 0;
        for (const std::byte b : bytes(size))
            value |= std::to_integer<std::uint64_t>(b) << (8 * at++);
        return value;
    }
    Bytes rest_;
};

// Fixed keys and names, which whoever makes a check value right knows.
inline crypto::SecretBytes fixed_key() {
    auto key = must(crypto::SecretBytes::zeroed(32));
    std::ranges::fill(key.reveal_mutable(), std::byte{7});
    return key;
}
inline const crypto::Blake2b& fixed_mac() {
    static const auto* const mac =
        new crypto::Blake2b(must(crypto::Blake2b::create(fixed_key(), "twofold1.fuzz")));
    return *mac;
}
inline Uuid fixed_disk() { return must(Uuid::parse("00112233445566778899aabbccddeeff")); }
constexpr fs::Shape kShape{.pool_slots = 4, .log_pages = 4, .segments_max = 2048};
inline fs::Layout fixed_layout() {
    return must(fs::Layout::create(70, kShape, fs::Limits::tiny()));
}

// MAC of a page that holds it at `at`: over the page with that field zero.
inline void set_page_mac(fs::PageBytes& page, std::size_t at, std::size_t size,
                         const crypto::Blake2b& mac) {
    const MutableBytes field = MutableBytes(page).subspan(at, size);
    std::ranges::fill(field, std::byte{0});
    std::array<std::byte, 32> out{};
    mac.mac(Bytes(page), MutableBytes(out).first(size));
    std::ranges::copy(Bytes(out).first(size), field.begin());
}

}  // namespace twofold::fuzz

#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace twofold {

std::string to_hex(Bytes bytes);  // lower case
// Errc::invalid unless `text` is an even number of hex digits.
Result<std::vector<std::byte>> from_hex(std::string_view text);

// Sixteen random bytes that name a disk, a deployment, a DEK. Public, compared freely.
struct Uuid {
    std::array<std::byte, 16> bytes{};

    bool operator==(const Uuid&) const = default;
    auto operator<=>(const Uuid&) const = default;
    bool is_zero() const { return all_zero(bytes); }
    std::string hex() const { return to_hex(bytes); }  // 32 digits
    static Result<Uuid> parse(std::string_view hex);   // Errc::invalid
    static Uuid from(Bytes sixteen);                   // TF_CHECKs the size
};

}  // namespace twofold

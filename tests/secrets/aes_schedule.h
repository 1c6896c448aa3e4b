#pragma once

#include <array>

#include "base/bytes.h"

namespace twofold {

// The round keys of AES-256 as FIPS 197 says, computed here and not asked of the library whose
// memory is searched for them.
struct AesSchedule {
    static constexpr std::size_t kRounds = 15;
    using RoundKey = std::array<std::byte, 16>;
    std::array<RoundKey, kRounds> encrypting;  // section 5.2; the first two are the key itself
    std::array<RoundKey, kRounds> decrypting;  // section 5.3.5, equivalent inverse cipher: through
                                               // InvMixColumns but for the first and last

    static AesSchedule of(Bytes key);  // of 32 bytes
};

}  // namespace twofold

#pragma once

#include <string>

#include "base/bytes.h"

namespace twofold::cli {

// Lines as xxd prints them: "00001000: 5477 6f66 ...  Twof...", `offset` being the first byte's.
std::string hex_dump(Bytes bytes, std::uint64_t offset);

// Bits a byte, 0 to 8, by the frequency of each byte value; 4096 random bytes have about 7.95.
double entropy(Bytes bytes);

}  // namespace twofold::cli

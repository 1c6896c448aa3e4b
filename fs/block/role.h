#pragma once

#include <cstdint>

namespace twofold::fs {

// What a disk is for; it decides which layers the disk gets. The numbers are the format's.
enum class Role : std::uint8_t { os = 1, data = 2, temp = 3 };

}  // namespace twofold::fs

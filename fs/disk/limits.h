#pragma once

#include <cstdint>

namespace twofold::fs {

// Bounds of an image's geometry. Production's are the format's (section 3); tests make tiny disks.
struct Limits {
    std::uint64_t blocks_min = 256, blocks_max = std::uint64_t{1} << 32;
    std::uint32_t pool_min = 1, pool_max = 65536;  // slots, R
    std::uint32_t log_min = 64, log_max = 65536;   // pages, L
    std::uint32_t segments_max = 1 << 20;          // max_segments
    static Limits production() { return {}; }
    static Limits tiny() { return {1, 1 << 20, 1, 65536, 4, 65536, 1 << 20}; }
};

}  // namespace twofold::fs

#pragma once

#include <cstdint>

namespace twofold::fs {

// Generations, epochs, sequences and mount counters only grow, by one. None gets here in the life of
// a disk; one that claims to be beyond is refused, so that no sum of two wraps.
constexpr std::uint64_t kCounterMax = std::uint64_t{1} << 62;

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

#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

namespace twofold {

// Seeds of a random test: `count` of them from `first` on. TWOFOLD_SEED=n runs that one alone (as a
// failure prints it), TWOFOLD_SEEDS=n runs so many times as many.
inline std::vector<std::uint64_t> seeds(std::uint64_t first, int count) {
    if (const char* one = std::getenv("TWOFOLD_SEED")) return {std::strtoull(one, nullptr, 10)};
    std::uint64_t many = static_cast<std::uint64_t>(count);
    if (const char* times = std::getenv("TWOFOLD_SEEDS")) many *= std::strtoull(times, nullptr, 10);
    std::vector<std::uint64_t> all(many);
    for (std::uint64_t i = 0; i < many; ++i) all[i] = first + i;
    return all;
}

}  // namespace twofold

#include <algorithm>
#include <array>

#include "tests/fuzz/target.h"

namespace twofold::fuzz {
namespace {

constexpr std::size_t kPage = 4096 + 16;

constexpr std::array kTargets{
    Target{"static_sector", "sector 0 of a header", kPage, fuzz_static_sector},
    Target{"envelope", "an envelope sector and the wrapped key in it", kPage, fuzz_envelope},
    Target{"superblock", "a superblock", kPage, fuzz_superblock},
    Target{"log_page", "a page of the commit log", kPage, fuzz_log_page},
    Target{"map_page", "a leaf, a node, the tables", kPage, fuzz_map_page},
    Target{"anchor", "the record that tells how new a disk is", 1024, fuzz_anchor},
    Target{"key_id", "key identifiers and vault URIs", 1024, fuzz_key_id},
    Target{"control", "requests to a running mount, and its answers", 4096, fuzz_control},
    Target{"image", "a whole small image with patches", 2048, fuzz_image},
    Target{"faults", "uses of a disk with a fault below or no memory", 256, fuzz_faults},
    Target{"power_cuts", "uses of a disk and power cuts in them", 128, fuzz_power_cuts},
};

}  // namespace

std::span<const Target> targets() { return kTargets; }

const Target* find_target(std::string_view name) {
    const auto found = std::ranges::find(kTargets, name, &Target::name);
    return found == kTargets.end() ? nullptr : &*found;
}

}  // namespace twofold::fuzz

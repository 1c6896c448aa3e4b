#pragma once

#include <ostream>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace twofold::fuzz {

// What is fed with bytes that nobody vouches for. Each returns whatever the bytes are; what it must
// not do (crash, hang, read past an end, break a promise) ends the program. libFuzzer drives them
// in the preset `fuzz` (scripts/fuzz), fuzz_replay_test with the inputs in fixtures/corpora.
struct Target {
    std::string_view name;
    std::string_view about;
    std::size_t size_max;  // of an input, in bytes
    void (*run)(Bytes input);
};
std::span<const Target> targets();
const Target* find_target(std::string_view name);  // null: there is none

// For messages of a test.
inline void PrintTo(const Target& target, std::ostream* out) { *out << target.name; }

void fuzz_static_sector(Bytes input);
void fuzz_envelope(Bytes input);
void fuzz_superblock(Bytes input);
void fuzz_log_page(Bytes input);
void fuzz_map_page(Bytes input);
void fuzz_anchor(Bytes input);
void fuzz_key_id(Bytes input);
void fuzz_control(Bytes input);
void fuzz_image(Bytes input);
void fuzz_faults(Bytes input);
void fuzz_power_cuts(Bytes input);

}  // namespace twofold::fuzz

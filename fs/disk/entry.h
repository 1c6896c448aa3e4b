#pragma once

#include <array>
#include <span>

#include "fs/disk/layout.h"
#include "fs/seal/seal.h"

namespace twofold::fs {

constexpr std::uint32_t kKeysetMax = 4095;  // ids are 1 to 4095

// What the map says of one block (format, section 4): which slot it owns and how that is sealed.
struct Entry {
    Slot slot;          // 48 bits
    bool data = false;  // else ZERO: all below is zero
    std::uint32_t keyset = 0;
    crypto::Nonce nonce{};
    std::array<std::byte, 16> tag1{};  // of layer 1; zero for a suite without one
    std::array<std::byte, 16> tag2{};  // of layer 2, encrypted by layer 1 where there is one

    bool operator==(const Entry&) const = default;

    static Entry zero_at(Slot slot) { return Entry{.slot = slot}; }
    static Entry sealed_at(Slot slot, const SealInfo& info);
    SealInfo seal_info(BlockIndex block) const;  // TF_CHECKs data

    void encode(std::span<std::byte, kEntrySize> out) const;
    // Of authenticated bytes. Errc::corrupt: unknown flags, keyset 0 with DATA, a ZERO entry with
    // more than a slot. Slots are bounded by the caller, who knows the disk.
    static Result<Entry> parse(std::span<const std::byte, kEntrySize> bytes);
};

}  // namespace twofold::fs

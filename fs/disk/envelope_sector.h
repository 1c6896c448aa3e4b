#pragma once

#include <optional>

#include "fs/disk/layout.h"
#include "fs/disk/map_pages.h"
#include "keyring/crypto/key_source.h"

namespace twofold::fs {

// Which of the eight envelope sectors of a copy: two banks of two slots for each layer.
struct EnvelopePlace {
    crypto::Layer layer = crypto::Layer::one;
    std::uint8_t bank = 0, slot = 0;  // 0 or 1
    bool operator==(const EnvelopePlace&) const = default;
    std::uint32_t sector() const {  // 1 to 8
        return 1 + 4 * (static_cast<std::uint32_t>(layer) - 1) + 2u * bank + slot;
    }
    static EnvelopePlace at(std::uint32_t sector);
    std::uint64_t offset(HeaderCopy copy) const {
        return header_offset(copy) + sector() * kSectorSize;
    }
};

// One wrapped DEK in a header copy (format, section 4).
struct EnvelopeSector {
    crypto::Layer layer = crypto::Layer::one;
    Uuid disk;
    crypto::Envelope envelope;

    // `envelope_key`: that layer's, 32 bytes. Errc::too_big for the record.
    Result<PageBytes> encode(Bytes envelope_key) const;
    // Nothing for an empty slot (all zero). Errc::damaged: neither empty nor sound. Not authentic
    // yet: the key for that comes out of the envelope.
    static Result<std::optional<EnvelopeSector>> parse(
        std::span<const std::byte, kSectorSize> sector);
    // Errc::unauthentic.
    static Result<void> verify(std::span<const std::byte, kSectorSize> sector, Bytes envelope_key);
};

}  // namespace twofold::fs

#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/hex.h"
#include "fs/block/role.h"
#include "fs/disk/disk_note.h"
#include "fs/disk/entry.h"
#include "fs/disk/layout.h"
#include "fs/disk/map_pages.h"
#include "keyring/crypto/key_source.h"

namespace twofold::fs {

using Commitment = std::array<std::byte, 32>;
using DiskSalt = std::array<std::byte, 32>;

// One of four records in the static sector: a set of layers, algorithms and key generations.
struct KeysetRecord {
    enum class State : std::uint8_t { none = 0, active = 1, retiring = 2, dead = 3 };
    static constexpr std::size_t kSize = 512;

    // What the record says of one layer.
    struct LayerKey {
        Suite suite = Suite::none;  // none: the layer is absent, and all below is zero
        crypto::DekName dek{{}, 0};
        Commitment commitment{};
        std::uint8_t bank = 0;  // which two envelope sectors; 0 or 1
        bool operator==(const LayerKey&) const = default;
    };

    State state = State::none;
    std::uint32_t id = 0;            // 1 to 4095
    std::array<LayerKey, 2> layers;  // [0]: layer 1
    crypto::Nonce nonce{};           // of the wrapped volume secret
    std::array<std::byte, 64> wrapped_secret{};

    bool operator==(const KeysetRecord&) const = default;
    bool live() const { return state == State::active || state == State::retiring; }
    const LayerKey& layer(crypto::Layer which) const {
        return layers[which == crypto::Layer::one ? 0 : 1];
    }
    LayerKey& layer(crypto::Layer which) { return layers[which == crypto::Layer::one ? 0 : 1]; }
    bool has(crypto::Layer which) const { return layer(which).suite != Suite::none; }
    int layer_count() const {
        return (has(crypto::Layer::one) ? 1 : 0) + (has(crypto::Layer::two) ? 1 : 0);
    }
    std::uint8_t layer_bits() const;  // bit 0: layer 1, bit 1: layer 2
    KeysetNote note() const;
};

// Which suites may stand together (format, section 5): one or two authenticated layers, or XTS
// around an authenticated one. Errc::unsupported.
Result<void> check_suites(Suite layer1, Suite layer2);

// Sector 0 of a header copy: what names the disk, its layers and its shape (format, section 4).
struct StaticSector {
    static constexpr std::size_t kKeysets = 4;
    enum Policy : std::uint32_t {
        layer2_required = 1,
        discard_reaches_store = 2,
        zeros_stored = 4
    };

    std::uint64_t generation = 0;
    Uuid disk;
    Uuid deployment;
    DiskSalt salt{};
    Shape shape;
    std::uint32_t policy = 0;  // bits of Policy
    Role role = Role::data;
    std::string label;  // UTF-8, at most 64 bytes
    std::array<KeysetRecord, kKeysets> keysets;

    bool operator==(const StaticSector&) const = default;

    const KeysetRecord& active() const;    // TF_CHECKs that there is one: parse() made sure
    const KeysetRecord* retiring() const;  // null if none
    std::vector<const KeysetRecord*> live() const;  // ACTIVE first
    DiskNote note() const;

    // Computes the MAC of one layer of one live keyset over bytes 0 to 3935. On disk: ACTIVE 1,
    // ACTIVE 2, RETIRING 1, RETIRING 2; that of a layer that is not there is zero.
    using MacOf = std::function<crypto::Digest(const KeysetRecord&, crypto::Layer, Bytes)>;

    Result<PageBytes> encode(const MacOf& mac_of) const;

    // Reads what it takes to find the keys; nothing is authentic yet. Errc::not_an_image (magic),
    // unsupported (version, block size, segment shape, suites), damaged (SHA-256), unauthentic
    // (SHA-256 right, keyset records that no writer makes).
    static Result<StaticSector> parse(std::span<const std::byte, kSectorSize> sector);
    // What the fields say whatever the check values are, for inspection: nothing is verified but
    // magic and version. Errc::not_an_image, unsupported.
    static Result<StaticSector> peek(std::span<const std::byte, kSectorSize> sector);
    // After parse(): every MAC must be right and every absent one zero (Errc::unauthentic), then
    // every field possible (Errc::corrupt, or unsupported for policy bits and roles of a later
    // version).
    static Result<void> verify(std::span<const std::byte, kSectorSize> sector, const MacOf& mac_of,
                               const Limits& limits);
    // The same with the MACs of one layer alone, for who has no other key.
    static Result<void> verify_layer(std::span<const std::byte, kSectorSize> sector,
                                     crypto::Layer layer, const MacOf& mac_of,
                                     const Limits& limits);
};

std::string_view name_of(KeysetRecord::State state);  // "ACTIVE"
std::string_view name_of(Suite suite);                // "XChaCha20-Poly1305"

}  // namespace twofold::fs

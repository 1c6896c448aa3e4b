#pragma once

#include <vector>

#include "fs/disk/static_sector.h"
#include "fs/seal/seal.h"
#include "keyring/crypto/aead.h"
#include "keyring/crypto/kdf.h"
#include "keyring/crypto/secret.h"

// Everything that is derived from the DEKs of a disk (format, section 5). All derivations are HKDF
// with SHA-256 (RFC 5869); metadata is authenticated with keyed BLAKE2b (RFC 7693).
namespace twofold::fs {

// X of the format: disk, keyset, layers and suites, inside every derivation.
struct KeysetContext {
    Uuid disk;
    std::uint32_t keyset = 0;
    std::uint8_t layers = 0;  // bit 0: layer 1, bit 1: layer 2
    Suite suite1 = Suite::none, suite2 = Suite::none;

    static constexpr std::size_t kSize = 23;
    static KeysetContext of(const KeysetRecord& record, const Uuid& disk);
    std::array<std::byte, kSize> encode() const;
};

// PRK_i = HKDF-Extract(salt = disk salt, DEK_i).
Result<crypto::SecretBytes> extract_layer_key(const DiskSalt& salt, Bytes dek);
Result<crypto::SecretBytes> derive_data_key(Bytes prk, crypto::Layer layer, const KeysetContext& x);
Result<crypto::SecretBytes> derive_header_key(Bytes prk, crypto::Layer layer,
                                              const KeysetContext& x);
Result<crypto::SecretBytes> derive_wrap_key(Bytes prk, crypto::Layer layer, const KeysetContext& x);
Result<crypto::SecretBytes> derive_envelope_key(Bytes prk, crypto::Layer layer, const Uuid& disk);
Result<Commitment> derive_commitment(Bytes prk, crypto::Layer layer, const KeysetContext& x);

// The volume secret, sealed under the wrap keys of the layers that are there, layer 2 first. An
// absent layer's key is empty. Unused bytes of the result are zero.
Result<std::array<std::byte, 64>> wrap_volume_secret(Bytes secret, Bytes wrap1, Bytes wrap2,
                                                     crypto::NonceView nonce,
                                                     const KeysetContext& x);
// Errc::unauthentic.
Result<crypto::SecretBytes> unwrap_volume_secret(std::span<const std::byte, 64> wrapped,
                                                 Bytes wrap1, Bytes wrap2, crypto::NonceView nonce,
                                                 const KeysetContext& x);

// Expand(Extract(disk salt, VS), "twofold/1/" name || 0 || disk id, 32); names: log, node, root,
// pool, super, anchor, nonce.
Result<crypto::SecretBytes> derive_volume_key(const DiskSalt& salt, Bytes volume_secret,
                                              std::string_view name, const Uuid& disk);

// The keyed hashes that hang on the volume secret. Thread-safe.
struct VolumeMacs {
    crypto::Blake2b log, node, root, pool, super, anchor, nonce;
    static Result<VolumeMacs> derive(const DiskSalt& salt, Bytes volume_secret, const Uuid& disk);
};

// What stays in memory of one live keyset: its seals, and the keys of its header MACs and
// envelopes.
struct KeysetKeys {
    std::uint32_t keyset = 0;
    SealStack stack;
    std::array<crypto::SecretBytes, 2> header_keys;  // [0]: layer 1; empty for an absent layer
    std::array<crypto::SecretBytes, 2> envelope_keys;

    // The DEKs of the layers that are there, in their order of layers; not kept. Errc::unsupported.
    static Result<KeysetKeys> derive(const KeysetRecord& record, const Uuid& disk,
                                     const std::array<crypto::SecretBytes, 2>& prks,
                                     Libraries libraries);
};

// MACs of the static sector by these keysets, which are borrowed; as StaticSector::encode and
// verify want it.
StaticSector::MacOf header_mac_of(std::span<const KeysetKeys> keysets);

// All keys of an open disk, in the locked arena; destroying it wipes them. Immutable and
// thread-safe.
class DiskKeys {
public:
    DiskKeys(std::vector<KeysetKeys> keysets, VolumeMacs macs)
        : keysets_(std::move(keysets)), macs_(std::move(macs)) {}

    const SealStack& active() const { return keysets_.front().stack; }
    // Null where no live keyset has that id.
    const SealStack* find(std::uint32_t keyset) const;
    const VolumeMacs& macs() const { return macs_; }
    Bytes envelope_key(
        crypto::Layer layer) const;          // of the ACTIVE keyset; empty for an absent layer
    StaticSector::MacOf header_mac() const;  // borrows from this

private:
    std::vector<KeysetKeys> keysets_;  // ACTIVE first
    VolumeMacs macs_;
};

}  // namespace twofold::fs

#pragma once

#include <array>
#include <string_view>

#include "keyring/crypto/secret.h"

namespace twofold::crypto {

using Digest = std::array<std::byte, 32>;

Digest sha256(Bytes data);
Digest sha256(std::span<const Bytes> parts);
Digest hmac_sha256(Bytes key, Bytes data);  // RFC 2104

// HKDF with SHA-256, RFC 5869. `info` and `salt` are public. `size` is 1 to 8160 bytes.
Result<SecretBytes> hkdf_extract(Bytes salt, Bytes input_key);  // 32 bytes
Result<SecretBytes> hkdf_expand(Bytes pseudo_random_key, Bytes info, std::size_t size);

// Keyed BLAKE2b (RFC 7693) with a personal string, salt zero; out.size() is BLAKE2b's own digest
// length parameter (16 to 64), not a cut.
class Blake2b {
public:
    static constexpr std::size_t kSizeMin = 16;  // of the digest, in bytes
    static constexpr std::size_t kSizeMax = 64;
    // `key` of 32 bytes; `personal` of at most 16, padded with zeros.
    static Result<Blake2b> create(SecretBytes key, std::string_view personal);
    // Over all parts, one after another. Thread-safe.
    void mac(std::span<const Bytes> parts, MutableBytes out) const;
    void mac(Bytes data, MutableBytes out) const { mac(std::span<const Bytes>(&data, 1), out); }
    // In constant time.
    bool verify(std::span<const Bytes> parts, Bytes expected) const;
    bool verify(Bytes data, Bytes expected) const {
        return verify(std::span<const Bytes>(&data, 1), expected);
    }

private:
    Blake2b(SecretBytes key, std::array<std::byte, 16> personal)
        : key_(std::move(key)), personal_(personal) {}
    SecretBytes key_;
    std::array<std::byte, 16> personal_;
};

}  // namespace twofold::crypto

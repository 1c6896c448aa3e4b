#pragma once

#include <array>
#include <memory>

#include "keyring/crypto/secret.h"

namespace twofold::crypto {

constexpr std::size_t kNonceSize = 24;
constexpr std::size_t kTagSize = 16;
using Nonce = std::array<std::byte, kNonceSize>;
using NonceView = std::span<const std::byte, kNonceSize>;
using TagView = std::span<const std::byte, kTagSize>;
using MutableTag = std::span<std::byte, kTagSize>;

// An authenticated cipher under one key, with 24-byte nonces and 16-byte tags kept apart from the
// ciphertext, which is as long as the plaintext. Key set-up happens once; contexts and subkeys are
// kept per thread. All calls may run at the same time. `in` and `out` are the same span or do not
// overlap.
class Aead {
public:
    virtual ~Aead() = default;
    virtual Result<void> seal(NonceView nonce, Bytes associated, Bytes in, MutableBytes out,
                              MutableTag tag) const = 0;
    // Errc::unauthentic: the tag does not fit; `out` is then all zero.
    virtual Result<void> open(NonceView nonce, Bytes associated, Bytes in, TagView tag,
                              MutableBytes out) const = 0;
};

// Each takes a key of 32 bytes.
// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) by libsodium alone.
Result<std::unique_ptr<Aead>> make_xchacha20_poly1305_sodium(SecretBytes key);
// The same bytes: HChaCha20 by libsodium, ChaCha20-Poly1305 (RFC 8439) by OpenSSL.
Result<std::unique_ptr<Aead>> make_xchacha20_poly1305_openssl(SecretBytes key);
// XAES-256-GCM (C2SP) by OpenSSL.
Result<std::unique_ptr<Aead>> make_xaes_256_gcm(SecretBytes key);

// AES-256-XTS (IEEE 1619) by OpenSSL; one data unit of 16 bytes to 16 MiB a call; no
// authentication. Thread-safe, contexts kept per thread.
class Xts {
public:
    virtual ~Xts() = default;
    using Tweak = std::span<const std::byte, 16>;
    virtual Result<void> encrypt(Tweak tweak, Bytes in, MutableBytes out) const = 0;
    virtual Result<void> decrypt(Tweak tweak, Bytes in, MutableBytes out) const = 0;
};
// `keys` of 64 bytes, data key then tweak key; Errc::invalid where the halves are equal.
Result<std::unique_ptr<Xts>> make_aes_256_xts(SecretBytes keys);

}  // namespace twofold::crypto

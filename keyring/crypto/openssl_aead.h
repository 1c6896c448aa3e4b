#pragma once

#include <optional>

#include "keyring/crypto/aead.h"
#include "keyring/crypto/openssl.h"

namespace twofold::crypto {

// One context of AES-GCM or ChaCha20-Poly1305 with nonces of 96 bits and tags of 128, under one key
// at a time. Not for use by two threads at once. The key is set up once for many calls.
class AeadContext {
public:
    // Errc::invalid where `key` is not as long as the cipher's.
    static Result<AeadContext> create(const EVP_CIPHER* cipher, Bytes key);
    // What the old key left is overwritten.
    Result<void> rekey(Bytes key);

    // Errc::invalid for a nonce that is not 12 bytes. `in` and `out`, equally long, are the same
    // span or do not overlap.
    Result<void> seal(Bytes nonce, Bytes associated, Bytes in, MutableBytes out, MutableTag tag);
    // Errc::unauthentic: `out` is all zero.
    Result<void> open(Bytes nonce, Bytes associated, Bytes in, TagView tag, MutableBytes out);

private:
    explicit AeadContext(CipherContext context) : context_(std::move(context)) {}
    bool update(Bytes associated, Bytes in, MutableBytes out);
    CipherContext context_;
};

}  // namespace twofold::crypto

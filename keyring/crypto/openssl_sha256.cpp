// SHA-256 and HMAC by OpenSSL, which uses the processor's own instructions for it: libsodium's is
// in plain C, and opening a disk hashes some 50 KiB of header. OpenSSL 3 would rather have us call
// EVP; but its contexts are allocated, out of the arena, and a hash that can fail helps nobody.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "keyring/crypto/kdf.h"

namespace twofold::crypto {

namespace {

// The state holds what went in, so it is wiped.
class Sha256 {
public:
    Sha256() { TF_CHECK(SHA256_Init(&state_) == 1); }
    ~Sha256() { wipe({reinterpret_cast<std::byte*>(&state_), sizeof state_}); }
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;

    Sha256& add(Bytes part) {
        TF_CHECK(SHA256_Update(&state_, part.data(), part.size()) == 1);
        return *this;
    }
    Digest finish() {
        Digest digest;
        TF_CHECK(SHA256_Final(uc(MutableBytes(digest)), &state_) == 1);
        return digest;
    }

private:
    SHA256_CTX state_;
};

// A key as HMAC mixes it in; wiped.
class PaddedKey {
public:
    explicit PaddedKey(Bytes key) {
        if (key.size() > block_.size()) {
            Digest digest = Sha256().add(key).finish();
            std::memcpy(block_.data(), digest.data(), digest.size());
            wipe(digest);
        } else if (!key.empty()) {
            std::memcpy(block_.data(), key.data(), key.size());
        }
    }
    ~PaddedKey() { wipe(block_); }
    PaddedKey(const PaddedKey&) = delete;
    PaddedKey& operator=(const PaddedKey&) = delete;

    Bytes with(std::byte pad) {
        for (std::byte& b : block_) b ^= pad ^ last_;
        last_ = pad;
        return block_;
    }

private:
    std::array<std::byte, SHA256_CBLOCK> block_{};
    std::byte last_{0};
};

}  // namespace

Digest sha256(Bytes data) { return Sha256().add(data).finish(); }

Digest sha256(std::span<const Bytes> parts) {
    Sha256 hash;
    for (const Bytes part : parts) hash.add(part);
    return hash.finish();
}

// RFC 2104: H(K xor opad, H(K xor ipad, data)).
Digest hmac_sha256(Bytes key, Bytes data) {
    PaddedKey padded(key);
    const Digest inside = Sha256().add(padded.with(std::byte{0x36})).add(data).finish();
    return Sha256().add(padded.with(std::byte{0x5c})).add(inside).finish();
}

}  // namespace twofold::crypto

#include "keyring/crypto/aead.h"
#include "keyring/crypto/sodium_bytes.h"

namespace twofold::crypto {

namespace {

// libsodium keeps no state between calls: subkeys and keystream are on the stack, which it wipes.
class SodiumXchacha20Poly1305 final : public Aead {
public:
    explicit SodiumXchacha20Poly1305(SecretBytes key) : key_(std::move(key)) {}

    Result<void> seal(NonceView nonce, Bytes associated, Bytes in, MutableBytes out,
                      MutableTag tag) const override {
        TF_CHECK(in.size() == out.size());
        unsigned long long tag_size = 0;
        unsigned char none = 0;
        unsigned char* const to = out.empty() ? &none : uc(out);
        if (crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
                to, uc(MutableBytes(tag)), &tag_size, not_null(in), in.size(), not_null(associated),
                associated.size(), nullptr, uc(Bytes(nonce)), uc(key_.reveal())) != 0 ||
            tag_size != kTagSize) {
            wipe(out);
            return fail(Errc::failed, "XChaCha20-Poly1305: failed in libsodium");
        }
        return {};
    }

    Result<void> open(NonceView nonce, Bytes associated, Bytes in, TagView tag,
                      MutableBytes out) const override {
        TF_CHECK(in.size() == out.size());
        if (crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
                uc(out), nullptr, not_null(in), in.size(), uc(Bytes(tag)), not_null(associated),
                associated.size(), uc(Bytes(nonce)), uc(key_.reveal())) != 0) {
            wipe(out);
            return fail(Errc::unauthentic, "tag does not fit");
        }
        return {};
    }

private:
    SecretBytes key_;
};

}  // namespace

Result<std::unique_ptr<Aead>> make_xchacha20_poly1305_sodium(SecretBytes key) {
    static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == kNonceSize);
    static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == kTagSize);
    if (key.size() != crypto_aead_xchacha20poly1305_ietf_KEYBYTES)
        return fail(Errc::invalid, "XChaCha20-Poly1305: key of {} bytes", key.size());
    return std::make_unique<SodiumXchacha20Poly1305>(std::move(key));
}

}  // namespace twofold::crypto

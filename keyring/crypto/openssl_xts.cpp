#include "keyring/crypto/openssl_xts.h"

#include <climits>

#include "keyring/crypto/aead.h"
#include "keyring/crypto/per_thread.h"

namespace twofold::crypto {

namespace {

class AesXts final : public Xts {
public:
    AesXts(const EVP_CIPHER* cipher, SecretBytes keys) : cipher_(cipher), keys_(std::move(keys)) {}

    Result<void> encrypt(Tweak tweak, Bytes in, MutableBytes out) const override {
        return crypt(encrypting_, 1, tweak, in, out);
    }

    Result<void> decrypt(Tweak tweak, Bytes in, MutableBytes out) const override {
        return crypt(decrypting_, 0, tweak, in, out);
    }

private:
    using Contexts = PerThread<CipherContext>;  // the two directions have two key schedules

    Result<void> crypt(const Contexts& contexts, int direction, Tweak tweak, Bytes in,
                       MutableBytes out) const {
        TF_CHECK(in.size() == out.size());
        if (in.size() < 16 || in.size() > INT_MAX)
            return fail(Errc::invalid, "AES-XTS: data unit of {} bytes", in.size());
        return contexts.with([&] { return make_context(direction); },
                             [&](CipherContext& context) -> Result<void> {
                                 int done = 0;
                                 if (EVP_CipherInit_ex2(context.get(), nullptr, nullptr,
                                                        uc(Bytes(tweak)), -1, nullptr) != 1 ||
                                     EVP_CipherUpdate(context.get(), uc(out), &done, uc(in),
                                                      static_cast<int>(in.size())) != 1 ||
                                     static_cast<std::size_t>(done) != in.size()) {
                                     wipe(out);
                                     return openssl_failure("AES-XTS");
                                 }
                                 return {};
                             });
    }

    Result<CipherContext> make_context(int direction) const {
        CipherContext context(EVP_CIPHER_CTX_new());
        if (context == nullptr || EVP_CipherInit_ex2(context.get(), cipher_, uc(keys_.reveal()),
                                                     nullptr, direction, nullptr) != 1)
            return openssl_failure("AES-XTS context");
        return context;
    }

    const EVP_CIPHER* cipher_;
    SecretBytes keys_;
    Contexts encrypting_;
    Contexts decrypting_;
};

}  // namespace

Result<std::unique_ptr<Xts>> make_xts(const EVP_CIPHER* cipher, SecretBytes keys) {
    const auto size = static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher));
    if (keys.size() != size)
        return fail(Errc::invalid, "AES-XTS: keys of {} bytes where {} belong", keys.size(), size);
    // With equal keys a chosen ciphertext tells the tweaks (Rogaway, XEX; FIPS 140-3 IG C.I).
    // OpenSSL refuses them for encryption only.
    if (equal_in_constant_time(keys.reveal().first(size / 2), keys.reveal().last(size / 2)))
        return fail(Errc::invalid, "AES-XTS: data key and tweak key are equal");
    return std::make_unique<AesXts>(cipher, std::move(keys));
}

Result<std::unique_ptr<Xts>> make_aes_256_xts(SecretBytes keys) {
    return make_xts(ciphers().aes_256_xts, std::move(keys));
}

}  // namespace twofold::crypto

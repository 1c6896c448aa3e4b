#include "keyring/crypto/openssl_aead.h"

#include <openssl/core_names.h>
#include <openssl/err.h>

#include <climits>

namespace twofold::crypto {

namespace {

constexpr std::size_t kShortNonceSize = 12;

Result<void> check(Bytes nonce, Bytes associated, Bytes in, MutableBytes out) {
    TF_CHECK(in.size() == out.size());
    if (nonce.size() != kShortNonceSize)
        return fail(Errc::invalid, "nonce: {} bytes where 12 belong", nonce.size());
    if (in.size() > INT_MAX || associated.size() > INT_MAX)
        return fail(Errc::invalid, "message: too long for one call");
    return {};
}

}  // namespace

Result<AeadContext> AeadContext::create(const EVP_CIPHER* cipher, Bytes key) {
    CipherContext context(EVP_CIPHER_CTX_new());
    if (context == nullptr ||
        EVP_CipherInit_ex2(context.get(), cipher, nullptr, nullptr, 1, nullptr) != 1)
        return openssl_failure("AEAD context");
    AeadContext made(std::move(context));
    TF_TRY(made.rekey(key));
    return made;
}

Result<void> AeadContext::rekey(Bytes key) {
    if (key.size() != static_cast<std::size_t>(EVP_CIPHER_CTX_get_key_length(context_.get())))
        return fail(Errc::invalid, "AEAD key: {} bytes", key.size());
    // GCM and ChaCha20-Poly1305 have one key schedule for both directions.
    if (EVP_CipherInit_ex2(context_.get(), nullptr, uc(key), nullptr, 1, nullptr) != 1)
        return openssl_failure("AEAD key");
    return {};
}

Result<void> AeadContext::seal(Bytes nonce, Bytes associated, Bytes in, MutableBytes out,
                               MutableTag tag) {
    TF_TRY(check(nonce, associated, in, out));
    int none = 0;
    if (EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, uc(nonce), 1, nullptr) != 1 ||
        !update(associated, in, out) ||
        EVP_CipherFinal_ex(context_.get(), uc(MutableBytes(tag)), &none) != 1 || none != 0 ||
        EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize, tag.data()) != 1) {
        wipe(out);
        return openssl_failure("AEAD seal");
    }
    return {};
}

Result<void> AeadContext::open(Bytes nonce, Bytes associated, Bytes in, TagView tag,
                               MutableBytes out) {
    TF_TRY(check(nonce, associated, in, out));
    std::array<unsigned char, kTagSize> expected;
    std::memcpy(expected.data(), tag.data(), kTagSize);
    if (EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, uc(nonce), 0, nullptr) != 1 ||
        EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, expected.data()) !=
            1 ||
        !update(associated, in, out)) {
        wipe(out);
        return openssl_failure("AEAD open");
    }
    int none = 0;
    if (EVP_CipherFinal_ex(context_.get(), expected.data(), &none) != 1 || none != 0) {
        wipe(out);  // the plaintext is there before OpenSSL compares the tag
        ERR_clear_error();
        return fail(Errc::unauthentic, "tag does not fit");
    }
    return {};
}

bool AeadContext::update(Bytes associated, Bytes in, MutableBytes out) {
    EVP_CIPHER_CTX* const context = context_.get();
    int done = 0;
    if (!associated.empty() && EVP_CipherUpdate(context, nullptr, &done, uc(associated),
                                                static_cast<int>(associated.size())) != 1)
        return false;
    if (in.empty()) return true;
    return EVP_CipherUpdate(context, uc(out), &done, uc(in), static_cast<int>(in.size())) == 1 &&
           static_cast<std::size_t>(done) == in.size();
}

}  // namespace twofold::crypto

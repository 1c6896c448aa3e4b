#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "keyring/crypto/openssl.h"
#include "keyring/crypto/rsa.h"

namespace twofold::crypto {

struct Rsa::Key {
    Pkey pkey;
    bool has_private = false;
};

namespace {

bool offered(int bits) { return bits == 2048 || bits == 3072 || bits == 4096; }

Failure not_offered(int bits) {
    return fail(Errc::unsupported, "RSA key: {} bits; only 2048, 3072 and 4096 are offered", bits);
}

// RSAES-OAEP with SHA-256 for the digest and for MGF1, empty label; `init` says the direction.
template <class Init>
Result<PkeyContext> oaep_256(EVP_PKEY* key, Init init) {
    PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (context == nullptr || init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md_name(context.get(), "SHA256", nullptr) != 1 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md_name(context.get(), "SHA256", nullptr) != 1)
        return openssl_failure("RSA-OAEP-256");
    return context;
}

Result<std::vector<std::byte>> number(EVP_PKEY* key, const char* name) {
    BIGNUM* raw = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return openssl_failure("RSA key");
    const BigNumber n(raw);
    std::vector<std::byte> bytes(static_cast<std::size_t>(BN_num_bytes(n.get())));
    BN_bn2bin(n.get(), uc(MutableBytes(bytes)));
    return bytes;
}

}  // namespace

Result<Rsa> Rsa::generate(int bits) {
    if (!offered(bits)) return not_offered(bits);
    Pkey pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits)));
    if (pkey == nullptr) return openssl_failure("RSA key: generation");
    return Rsa(std::make_unique<Key>(std::move(pkey), true));
}

Result<Rsa> Rsa::from_private_der(Bytes der) {
    const unsigned char* at = uc(der);
    const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
    if (info == nullptr || at != uc(der) + der.size())
        return openssl_failure("RSA key: not PKCS #8", Errc::invalid);
    Pkey pkey(EVP_PKCS82PKEY_ex(info.get(), nullptr, nullptr));
    if (pkey == nullptr) return openssl_failure("RSA key: not PKCS #8", Errc::invalid);
    if (EVP_PKEY_is_a(pkey.get(), "RSA") != 1)
        return fail(Errc::invalid, "RSA key: of another kind");
    if (!offered(EVP_PKEY_get_bits(pkey.get()))) return not_offered(EVP_PKEY_get_bits(pkey.get()));
    return Rsa(std::make_unique<Key>(std::move(pkey), true));
}

Result<SecretBytes> Rsa::private_der() const {
    if (!has_private()) return fail(Errc::invalid, "RSA key: no private half");
    const Pkcs8 info(EVP_PKEY2PKCS8(key_->pkey.get()));
    const int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr) : 0;
    if (size <= 0) return openssl_failure("RSA key: PKCS #8");
    TF_ASSIGN(SecretBytes der, SecretBytes::zeroed(static_cast<std::size_t>(size)));
    unsigned char* at = uc(der.reveal_mutable());
    if (i2d_PKCS8_PRIV_KEY_INFO(info.get(), &at) != size)
        return openssl_failure("RSA key: PKCS #8");
    return der;
}

Result<Rsa> Rsa::from_public(Bytes modulus, Bytes exponent) {
    constexpr std::size_t kSizeMax = 4096 / 8;
    if (modulus.empty() || modulus.size() > kSizeMax || exponent.empty() || exponent.size() > 8)
        return fail(Errc::invalid, "RSA key: modulus of {} and exponent of {} bytes",
                    modulus.size(), exponent.size());
    const BigNumber n(BN_bin2bn(uc(modulus), static_cast<int>(modulus.size()), nullptr));
    const BigNumber e(BN_bin2bn(uc(exponent), static_cast<int>(exponent.size()), nullptr));
    if (n == nullptr || e == nullptr) return openssl_failure("RSA key");
    if (!offered(BN_num_bits(n.get()))) return not_offered(BN_num_bits(n.get()));
    if (!BN_is_odd(n.get()) || !BN_is_odd(e.get()) || BN_num_bits(e.get()) < 2)
        return fail(Errc::invalid, "RSA key: impossible modulus or exponent");

    const ParamBuilder builder(OSSL_PARAM_BLD_new());
    if (builder == nullptr ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
        return openssl_failure("RSA key");
    const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
    const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    EVP_PKEY* raw = nullptr;
    if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &raw, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
        return openssl_failure("RSA key");
    return Rsa(std::make_unique<Key>(Pkey(raw), false));
}

Result<std::vector<std::byte>> Rsa::oaep_256_encrypt(Bytes plain) const {
    TF_ASSIGN(const PkeyContext context, oaep_256(key_->pkey.get(), EVP_PKEY_encrypt_init));
    const auto modulus_size = static_cast<std::size_t>(EVP_PKEY_get_size(key_->pkey.get()));
    if (plain.size() + 2 * 32 + 2 > modulus_size)
        return fail(Errc::invalid, "RSA-OAEP-256: {} bytes are too many", plain.size());
    std::vector<std::byte> wrapped(modulus_size);
    std::size_t size = wrapped.size();
    // An empty message is one too, but OpenSSL wants a pointer.
    const unsigned char* const in = plain.empty() ? uc(Bytes(wrapped)) : uc(plain);
    if (EVP_PKEY_encrypt(context.get(), uc(MutableBytes(wrapped)), &size, in, plain.size()) != 1 ||
        size != wrapped.size())
        return openssl_failure("RSA-OAEP-256");
    return wrapped;
}

Result<SecretBytes> Rsa::oaep_256_decrypt(Bytes wrapped) const {
    if (!has_private()) return fail(Errc::invalid, "RSA key: no private half");
    TF_ASSIGN(const PkeyContext context, oaep_256(key_->pkey.get(), EVP_PKEY_decrypt_init));
    std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(key_->pkey.get()));
    TF_ASSIGN(SecretBytes plain, SecretBytes::zeroed(size));
    if (wrapped.size() != size || EVP_PKEY_decrypt(context.get(), uc(plain.reveal_mutable()), &size,
                                                   uc(wrapped), wrapped.size()) != 1)
        return openssl_failure("RSA-OAEP-256: the wrapped bytes do not open", Errc::wrong_key);
    return SecretBytes::copy_of(plain.reveal().first(size));
}

int Rsa::bits() const { return EVP_PKEY_get_bits(key_->pkey.get()); }
bool Rsa::has_private() const { return key_->has_private; }
Result<std::vector<std::byte>> Rsa::modulus() const {
    return number(key_->pkey.get(), OSSL_PKEY_PARAM_RSA_N);
}
Result<std::vector<std::byte>> Rsa::exponent() const {
    return number(key_->pkey.get(), OSSL_PKEY_PARAM_RSA_E);
}

Rsa::Rsa(std::unique_ptr<Key> key) : key_(std::move(key)) {}
Rsa::Rsa(Rsa&&) noexcept = default;
Rsa& Rsa::operator=(Rsa&&) noexcept = default;
Rsa::~Rsa() = default;

}  // namespace twofold::crypto

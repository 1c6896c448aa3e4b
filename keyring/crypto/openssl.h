#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"

namespace twofold::crypto {

// What the files of this module that use OpenSSL share.

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeWith<EVP_CIPHER_CTX_free>>;
using Pkey = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;
using BigNumber = std::unique_ptr<BIGNUM, FreeWith<BN_clear_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, FreeWith<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, FreeWith<OSSL_PARAM_free>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, FreeWith<PKCS8_PRIV_KEY_INFO_free>>;

// From here on OpenSSL's allocations come from the arena, which is mapped.
Result<void> start_openssl();

// By the name that OpenSSL's default provider gives it; never freed. Errc::unsupported where this
// OpenSSL lacks it.
Result<const EVP_CIPHER*> fetch_cipher(const char* name);

// What twofold itself uses, looked up by start_openssl().
struct Ciphers {
    const EVP_CIPHER* aes_256_ecb = nullptr;
    const EVP_CIPHER* aes_256_gcm = nullptr;
    const EVP_CIPHER* aes_256_xts = nullptr;
    const EVP_CIPHER* chacha20_poly1305 = nullptr;
};
const Ciphers& ciphers();

// Empties OpenSSL's queue of errors. Errc::out_of_memory if the arena was full meanwhile, else
// `otherwise` with `what` as the whole message.
[[nodiscard]] Failure openssl_failure(const char* what, Errc otherwise = Errc::failed);

}  // namespace twofold::crypto

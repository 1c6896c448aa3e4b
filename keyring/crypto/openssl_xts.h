#pragma once

#include "keyring/crypto/aead.h"
#include "keyring/crypto/openssl.h"

namespace twofold::crypto {

// XTS by any of OpenSSL's ciphers of that mode; published vectors are of AES-128 too. Errc::invalid
// where `keys` are not as long as the cipher's, or its halves are equal.
Result<std::unique_ptr<Xts>> make_xts(const EVP_CIPHER* cipher, SecretBytes keys);

}  // namespace twofold::crypto

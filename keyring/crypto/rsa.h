#pragma once

#include <memory>
#include <string>
#include <vector>

#include "keyring/crypto/secret.h"

namespace twofold::crypto {

// An RSA key pair, or its public half. OAEP means RSAES-OAEP (RFC 8017) with SHA-256 for both the
// digest and MGF1 and an empty label, Key Vault's RSA-OAEP-256. Thread-safe.
class Rsa {
public:
    static Result<Rsa> generate(int bits);  // 2048, 3072, 4096; exponent 65537
    // PKCS #8 DER in and out, for sealing on disk.
    static Result<Rsa> from_private_der(Bytes der);
    Result<SecretBytes> private_der() const;
    static Result<Rsa> from_public(Bytes modulus, Bytes exponent);  // big-endian

    int bits() const;
    bool has_private() const;
    Result<std::vector<std::byte>> modulus() const;  // big-endian, no leading zeros
    Result<std::vector<std::byte>> exponent() const;

    Result<std::vector<std::byte>> oaep_256_encrypt(Bytes plain) const;
    // Errc::wrong_key with one constant message, whatever was wrong.
    Result<SecretBytes> oaep_256_decrypt(Bytes wrapped) const;

    Rsa(Rsa&&) noexcept;
    Rsa& operator=(Rsa&&) noexcept;
    ~Rsa();

private:
    struct Key;
    explicit Rsa(std::unique_ptr<Key> key);
    std::unique_ptr<Key> key_;
};

}  // namespace twofold::crypto

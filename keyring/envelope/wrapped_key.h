#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "keyring/crypto/key_source.h"
#include "keyring/envelope/key_id.h"

namespace twofold::keyring {

// RSAES-OAEP with SHA-256, RFC 8017; Key Vault's name for it in every record and request. Records
// with another algorithm are refused before any vault is asked: PKCS #1 v1.5 would make the reader
// a padding oracle against the key-encryption key, since a record is read before anything vouches
// for it.
inline constexpr std::string_view kWrapAlgorithm = "RSA-OAEP-256";

// A wrapped DEK: which key-encryption key opens it and how to tell that it did. One text (JSON)
// serves the store's keyring file and the envelope of every disk of the deployment. Holds no
// secret.
struct WrappedKey {
    static constexpr std::size_t kKeyCheckSize = 16;
    using KeyCheck = std::array<std::byte, kKeyCheckSize>;

    std::uint64_t generation = 1;  // one more at each rewrap
    crypto::Layer layer = crypto::Layer::one;
    crypto::DekName dek;
    KeyId kid;                       // full: the version that wrapped
    std::vector<std::byte> wrapped;  // 256, 384 or 512 bytes: the size of the modulus
    KeyCheck key_check{};            // the deployment commitment's first 16 bytes
    UnixSeconds created = 0;         // the vault's clock
    KeyId reference;                 // as configured when it was written: versionless or full
    std::string identity;            // object id that asked

    // At most crypto::Envelope::kRecordSizeMax bytes for every value that parse() accepts.
    std::string to_json() const;
    // Zero bytes may follow the text (an envelope is padded). Errc::damaged: anything but exactly
    // these members, of these types and sizes; Errc::unsupported: another format number or
    // algorithm.
    static Result<WrappedKey> parse(Bytes record);
};

}  // namespace twofold::keyring

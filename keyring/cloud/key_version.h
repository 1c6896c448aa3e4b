#pragma once

#include <string>
#include <vector>

#include "keyring/cloud/object_version.h"

namespace twofold::cloud {

// One version of a key as it lies in a vault. `sealed` is the private key, PKCS #8 DER; wrapping is
// allowed from nbf on and refused from exp on.
struct KeyVersion : ObjectVersion {
    static constexpr Kind kKind = Kind::key;
    std::string kty = "RSA";
    std::vector<std::byte> n, e;  // big-endian
    std::vector<std::string> key_ops;

    int bits() const { return static_cast<int>(n.size() * 8); }

    static constexpr std::size_t kFileMax = 65536;
    // Errc::damaged, beginning with `where`.
    static Result<KeyVersion> parse(std::string_view text, std::string_view where);
    std::string to_text() const;
    // What sealing binds the private key to: vault, name, version, modulus.
    std::string associated_data(const std::string& vault) const;
};

using KeyBundle = Bundle<KeyVersion>;

// The operations an RSA key may allow, in the order a new key lists them.
const std::vector<std::string>& all_key_ops();
// Canonical spelling, in that order. Errc::usage names the first unknown one.
Result<std::vector<std::string>> canonical_key_ops(const std::vector<std::string>& names);

}  // namespace twofold::cloud

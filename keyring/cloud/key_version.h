#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "keyring/cloud/sealing.h"

namespace twofold::cloud {

using Tags = std::map<std::string, std::string>;

// One version of a key as it lies in a vault: a file of JSON, the private part sealed.
struct KeyVersion {
    std::string name;            // of the key, as first written
    std::string version;         // 32 hex digits
    std::uint32_t sequence = 1;  // "latest" is the highest
    std::string kty = "RSA";
    std::vector<std::byte> n, e;  // big-endian
    std::vector<std::string> key_ops;
    bool enabled = true;
    std::optional<UnixSeconds> nbf, exp;  // allowed from nbf on, refused from exp on
    UnixSeconds created = 0, updated = 0;
    Tags tags;
    Sealed sealed;         // PKCS #8 DER
    std::string document;  // the file as it was read: members we do not know stay in it

    int bits() const { return static_cast<int>(n.size() * 8); }

    static constexpr std::size_t kFileMax = 65536;
    // Errc::damaged, beginning with `where`.
    static Result<KeyVersion> parse(std::string_view text, std::string_view where);
    std::string to_text() const;
};

// The operations an RSA key may allow, in the order a new key lists them.
const std::vector<std::string>& all_key_ops();
// Canonical spelling, in that order. Errc::usage names the first unknown one.
Result<std::vector<std::string>> canonical_key_ops(const std::vector<std::string>& names);

// A key version as the vault shows it, which is without its private part; deleted keys say when.
struct KeyBundle {
    KeyVersion version;  // `sealed` and `document` are empty
    std::string host;    // the authority that the client used
    std::string recovery_level;
    int recoverable_days = 0;
    std::optional<UnixSeconds> deleted, scheduled_purge;

    std::string base_id() const { return "https://" + host + "/keys/" + version.name; }
    std::string kid() const { return base_id() + "/" + version.version; }
};

}  // namespace twofold::cloud

#pragma once

#include <string>

#include "keyring/cloud/object_version.h"

namespace twofold::cloud {

// One version of a secret as it lies in a vault. `sealed` is the value; nbf and exp are shown and
// block nothing.
struct SecretVersion : ObjectVersion {
    static constexpr Kind kKind = Kind::secret;
    static constexpr std::size_t kValueMax = 25 * 1024;  // bytes
    static constexpr std::size_t kContentTypeMax = 255;  // bytes
    std::string content_type;                            // "text/plain"; what the value is, or ""

    static constexpr std::size_t kFileMax = 128 * 1024;
    // Errc::damaged, beginning with `where`.
    static Result<SecretVersion> parse(std::string_view text, std::string_view where);
    std::string to_text() const;
    // What sealing binds the value to: vault, name, version.
    std::string associated_data(const std::string& vault) const;
};

using SecretBundle = Bundle<SecretVersion>;

}  // namespace twofold::cloud

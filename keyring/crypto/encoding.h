#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"

namespace twofold::crypto {

// RFC 4648 base64url without padding, as in JWKs and Key Vault.
std::string to_base64url(Bytes bytes);
Result<std::vector<std::byte>> from_base64url(std::string_view text);  // Errc::invalid

}  // namespace twofold::crypto

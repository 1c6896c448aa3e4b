#pragma once

#include <string>

#include "keyring/crypto/random.h"
#include "keyring/envelope/key_id.h"

namespace twofold::cli {

// A vault with one key and an identity that may use it, made in the cloud directory for a
// deployment whose owner named none: `create --profile plain` alone is enough to begin.
struct OwnKey {
    keyring::KeyId reference;  // versionless
    std::string identity;      // object id
};
Result<OwnKey> make_own_key(const std::string& cloud_directory, crypto::RandomSource& random);

}  // namespace twofold::cli

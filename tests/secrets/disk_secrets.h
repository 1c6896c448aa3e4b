#pragma once

#include <array>
#include <functional>
#include <string>

#include "base/io/io.h"
#include "fs/disk/limits.h"
#include "keyring/crypto/secret.h"

namespace twofold {

using TellSecret = std::function<void(const std::string& name, Bytes secret)>;

// Tells everything secret that the format derives from the DEKs of a disk's layers (empty where a
// layer is absent): the keys of its live keysets, the volume secret and what hangs on it, AES round
// keys, and what the data keys became for the epoch in which the first block was sealed. Nothing of
// the image is verified.
Result<void> tell_disk_secrets(const std::string& name, io::File& image, const fs::Limits& limits,
                               const std::array<crypto::SecretBytes, 2>& deks,
                               const TellSecret& tell);

}  // namespace twofold

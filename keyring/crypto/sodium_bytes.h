#pragma once

#include <sodium.h>

#include "base/bytes.h"

namespace twofold::crypto {

// For libsodium, which declares pointers to empty messages non-null too.
inline const unsigned char* not_null(Bytes bytes) {
    static constexpr unsigned char kNone = 0;
    return bytes.empty() ? &kNone : uc(bytes);
}

}  // namespace twofold::crypto

#pragma once

#include "base/bytes.h"
#include "base/hex.h"

namespace twofold::crypto {

// Where salts, ids and nonce prefixes come from; a reference is handed in so that a seed can
// replay a run. Key material never comes from here but from SecretBytes::random. Thread-safe.
class RandomSource {
public:
    virtual ~RandomSource() = default;
    virtual Result<void> fill(MutableBytes out) = 0;
    Result<Uuid> uuid();  // non-zero
};

class KernelRandom final : public RandomSource {  // getrandom(2)
public:
    Result<void> fill(MutableBytes out) override;
};

}  // namespace twofold::crypto

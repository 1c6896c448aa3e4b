#pragma once

#include <array>
#include <vector>

#include "base/hex.h"
#include "fs/seal/seal.h"

namespace twofold::fs {

// What is known of a disk outside its image: which disk of that name it is, and the layers and
// commitments of every keyset that may be in use. Taken down when the disk is made; an image that
// says otherwise is `substituted`.
struct KeysetNote {
    std::uint32_t keyset = 0;
    Suite layer1 = Suite::none, layer2 = Suite::none;
    Uuid dek1, dek2;  // zero for an absent layer
    std::array<std::byte, 32> commitment1{}, commitment2{};
    bool operator==(const KeysetNote&) const = default;
};
struct DiskNote {
    Uuid deployment;
    Uuid disk;
    std::vector<KeysetNote> keysets;
    bool operator==(const DiskNote&) const = default;
};

}  // namespace twofold::fs

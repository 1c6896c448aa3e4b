#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fs/disk/encrypted_disk.h"
#include "fs/disk/unverified_map.h"

namespace twofold::cli {

// How one block lies in the image.
struct BlockPlace {
    fs::BlockIndex block;
    fs::BlockView view;            // what is not known of it is zero
    std::optional<Error> problem;  // why it, or a layer of it, could not be opened
};

// The same bytes as three people see them. `bytes` is empty where nobody here can see so far.
struct LayerView {
    int layer = 0;       // 0 the slot, 1 layer 1 removed, 2 the plaintext
    std::string viewer;  // "a thief of the disk"
    std::vector<std::byte> bytes;
    double entropy = 0;  // of the whole blocks around them, bits a byte
};

struct RangeView {
    std::uint64_t offset = 0, length = 0;
    std::vector<BlockPlace> blocks;
    std::vector<LayerView> views;  // those there are, in the order of layers
};

// Looks at one block: with keys, or as a thief does.
using Look = std::function<Result<BlockPlace>(fs::BlockIndex)>;
Look look_with_keys(fs::EncryptedDisk& disk);
Look look_as_thief(io::File& file, const fs::Layout& layout, fs::UnverifiedMap& map);

// `suites`: of the ACTIVE keyset, layer 1 and 2; `opened`: whether `look` has keys. The caller has
// made sure that the range is inside the disk and of bearable length.
Result<RangeView> view_range(const Look& look, std::uint64_t offset, std::uint64_t length,
                             const std::array<fs::Suite, 2>& suites, bool opened);

}  // namespace twofold::cli

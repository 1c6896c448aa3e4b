#pragma once

#include <memory>
#include <string>

#include "fs/disk/encrypted_disk.h"
#include "fs/disk/layout.h"
#include "tests/powercut/trace.h"
#include "tests/support/fixed_keys.h"
#include "tests/support/test_disks.h"

namespace twofold::powercut {

// A disk that is mounted, and what it borrows.
struct Mount {
    explicit Mount(std::uint64_t random_seed) : random(random_seed) {}
    SeededRandom random;
    FixedClock clock;
    std::unique_ptr<fs::EncryptedDisk> disk;
};

// What is left when the disk's machine loses power: a new disk as it was made, its keys, and what
// is known of it outside the image.
class Machine {
public:
    Machine(const DiskShape& shape, const Layers& layers, std::uint64_t seed);

    const Overlay& made() const { return made_; }
    Bytes first_anchor() const { return first_anchor_; }
    const fs::Layout& layout() const { return layout_; }
    std::uint64_t blocks() const { return layout_.block_count(); }
    const DiskShape& shape() const { return shape_; }
    const Layers& layers() const { return layers_; }
    InsecureTestKeys& keys() { return keys_; }
    // Mounts the image that the recording shows. Each mount of a run wants random bytes of its own.
    Result<std::unique_ptr<Mount>> mount(Recording& recording, bool read_only,
                                         std::uint64_t random_seed);
    // S1: in each header copy that is not damaged every layer has a live envelope that unwraps.
    // Only after somebody asked for it: there is nothing to see while no header is written.
    void watch_envelopes() { watch_envelopes_ = true; }
    Result<void> check_envelopes(const Overlay& image);
    // Sectors that recovery reads together: see Enumerator.
    std::uint32_t group_of(std::uint64_t offset) const;

private:
    DiskShape shape_;
    Layers layers_;
    InsecureTestKeys keys_;
    Overlay made_;
    std::vector<std::byte> first_anchor_;
    fs::DiskNote note_;
    fs::OpenOptions options_;
    fs::Layout layout_;
    bool watch_envelopes_ = false;
};

}  // namespace twofold::powercut

#pragma once

#include <atomic>

#include "base/clock.h"
#include "base/io/io.h"
#include "fs/disk/disk_keys.h"
#include "fs/disk/encrypted_disk.h"
#include "fs/disk/health.h"
#include "fs/disk/layout.h"
#include "keyring/crypto/random.h"

namespace twofold::fs {

struct Counters {
    std::atomic<std::uint64_t> syncs{0}, commits{0}, soft_commits{0}, checkpoints{0};
    std::atomic<std::uint64_t> blocks_read{0}, blocks_written{0};
};

// What every part of an open disk works with. All of it outlives the parts.
struct EngineContext {
    io::File& file;
    const Layout layout;
    const Uuid disk;
    const DiskKeys& keys;
    const std::uint32_t policy;  // StaticSector::Policy
    crypto::RandomSource& random;
    const Clock& clock;
    const OpenOptions& options;
    Health& health;
    Counters& counters;

    bool discard_reaches_store() const {
        return (policy & StaticSector::discard_reaches_store) != 0;
    }
    bool zeros_stored() const { return (policy & StaticSector::zeros_stored) != 0; }
};

}  // namespace twofold::fs

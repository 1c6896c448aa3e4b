#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/io/io.h"
#include "fs/block/block_device.h"
#include "fs/disk/disk_note.h"
#include "fs/disk/limits.h"
#include "keyring/crypto/key_source.h"
#include "keyring/crypto/random.h"

namespace twofold::fs {

// One thing that is wrong with an image.
struct CheckFinding {
    Errc code = Errc::damaged;
    std::string where;                  // "header copy A", "superblock at 96 KiB", "block 3"
    std::string what;                   // one line
    std::optional<BlockIndex> block{};  // whose contents are lost
};

struct CheckReport {
    std::vector<CheckFinding> findings;  // at most kFindingsMax; `found` counts on
    std::uint64_t found = 0;
    bool complete = false;           // false: what was found first kept us from looking further
    bool clean = false;              // was unmounted cleanly
    std::vector<std::string> notes;  // no damage: what a crash leaves behind
    std::uint64_t blocks = 0, blocks_with_data = 0, blocks_lost = 0;
    std::uint64_t leaves = 0, nodes = 0;  // written ones, read and verified
    std::uint64_t log_epochs = 0;         // behind the checkpoint

    static constexpr std::size_t kFindingsMax = 1000;
    bool sound() const { return found == 0; }
};

// Bytes of blocks whose tags were verified, of those there are.
using CheckProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Verifies everything that an image holds, and writes nothing: header copies, envelopes,
// superblocks, tables, log, each page of the map, that no slot is owned twice and none is missing
// (the bijection), and every tag of every block by all layers. The caller holds the file's lock.
// What is wrong with the image is a finding; an Error is what kept us from looking: key_*,
// vault_unreachable, io.
Result<CheckReport> check_disk(io::File& file, crypto::KeySource& keys, const DiskNote& expected,
                               crypto::RandomSource& random, const Clock& clock,
                               const Limits& limits, const CheckProgress& progress);

}  // namespace twofold::fs

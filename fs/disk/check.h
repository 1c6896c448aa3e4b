#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/io/io.h"
#include "fs/block/block_device.h"
#include "fs/disk/anchor_place.h"
#include "fs/disk/block_ranges.h"
#include "fs/disk/disk_note.h"
#include "fs/disk/layout.h"
#include "fs/disk/limits.h"
#include "keyring/crypto/key_source.h"
#include "keyring/crypto/random.h"

namespace twofold::fs {

// What can be done about a finding.
enum class Cure {
    none,           // nothing here: a backup of the disk
    repair,         // repair_disk() restores it: from a copy, or from what it was made of
    header_backup,  // restore_header(), if there is a backup
    adopt,          // the owner may take the disk as it is, with a new anchor
    accept_loss,    // repair_disk() goes on without it, where the owner says so
    writing         // the blocks are whole again once they are written anew
};

// One thing that is wrong with an image.
struct CheckFinding {
    Errc code = Errc::damaged;
    std::string where;  // "header copy A", "superblock at 96 KiB", "blocks 12-80"
    std::string what;   // one line
    Cure cure = Cure::none;
    std::optional<BlockRange> blocks{};  // whose contents are lost
    // How the first of these blocks is sealed, where its tag is what is wrong.
    struct Sealed {
        Slot slot;
        bool in_a_row = true;                  // the others' slots follow, one by one
        std::uint64_t offset = 0;              // of the slot, in the image
        std::optional<crypto::Layer> layer{};  // whose tag; nothing: the slot can't be read
        std::uint32_t keyset = 0;
    };
    std::optional<Sealed> sealed{};
};

// Whether the image is as new as its anchor says that it must be.
enum class Freshness {
    not_compared,  // no anchor was asked, or the image was not readable so far
    as_anchored,
    not_as_anchored,  // a finding says how
    no_anchor,        // none is known: a finding, as the disk is not mounted without
    unknown           // the anchor can't be had now: a note says why
};
std::string_view name_of(Freshness freshness);  // "as-anchored"

struct CheckReport {
    std::vector<CheckFinding> findings;  // at most kFindingsMax; `found` counts on
    std::uint64_t found = 0;
    bool complete = false;       // false: what was found first kept us from looking further
    bool tags_verified = false;  // of every block that has one; false: none was looked at
    bool clean = false;          // was unmounted cleanly
    Freshness freshness = Freshness::not_compared;
    std::vector<std::string> notes;     // no damage: what a crash leaves behind
    std::vector<std::string> unproved;  // by who has not every key
    // What repair_disk() would write, findings and what a crash left.
    std::uint64_t restorable = 0;
    std::uint64_t blocks = 0, blocks_with_data = 0, blocks_lost = 0;
    std::uint64_t bytes_verified = 0;     // under tags
    std::uint64_t leaves = 0, nodes = 0;  // written ones, read and verified
    std::uint64_t log_epochs = 0;         // behind the checkpoint
    // Every lost block, unless that are too many runs to keep.
    BlockRanges lost;
    bool lost_is_whole = true;

    static constexpr std::size_t kFindingsMax = 1000;
    static constexpr std::size_t kLostRunsMax = std::size_t{1} << 20;
    bool sound() const { return found == 0; }

    void find(CheckFinding finding);
    void find(std::string where, const Error& error, Cure cure);
    // The same, for blocks whose contents are gone.
    void lose(std::string where, const Error& error, Cure cure, BlockRange blocks);
    void lose(CheckFinding finding);  // finding.blocks is there
};

// Bytes of blocks whose tags were verified, of those there are. Called by the thread that checks.
using CheckProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

struct CheckOptions {
    Limits limits = Limits::production();
    // That read blocks and open them; 0: the caller's thread alone. Memory: about 1 MiB each, one
    // bit a slot and 80 bytes for each block of two segments.
    unsigned threads = 0;
    AnchorPlace anchor{};  // read, never written
    CheckProgress progress = [](std::uint64_t, std::uint64_t) {};
};

// Verifies everything that an image holds, and writes nothing: header copies, envelopes,
// superblocks, tables, log, each page of the map, that no slot is owned twice and none is missing
// (the bijection), and every tag of every block by all layers. Goes on behind a page that it could
// rebuild in memory, and behind lost history, as repair_disk() would. The caller holds the file's
// lock. What is wrong with the image is a finding, blocks that can't be read too; an Error is what
// kept us from looking: key_*, vault_unreachable, io.
Result<CheckReport> check_disk(io::File& file, crypto::KeySource& keys, const DiskNote& expected,
                               crypto::RandomSource& random, const Clock& clock,
                               const CheckOptions& options);

}  // namespace twofold::fs

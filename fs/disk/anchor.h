#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fs/disk/anchor_store.h"
#include "fs/disk/disk_note.h"
#include "fs/disk/superblock.h"

namespace twofold::fs {

// What names an anchor. None of it is in the record, all of it is under the record's MAC: the
// record of one disk, put in the place of another one's, is refused.
struct AnchorName {
    Uuid deployment;
    std::string node, disk;  // at most 255 bytes each
};

// How new a disk is, kept outside the store (format, section 9). Always a lower bound: the image is
// in this state or a later one of the same lineage. Made from what is durable in the image, never
// ahead of it.
struct Anchor {
    enum class State : std::uint32_t {
        clean = 1,  // unmounted: the image is in this very state
        open = 2,   // being written to
    };
    static constexpr std::size_t kKeysets = 4;
    static constexpr std::size_t kSize = 592;  // bytes of a record

    State state = State::clean;
    Uuid disk;
    std::uint64_t mount_counter = 0;
    std::uint64_t superblock_generation = 0;
    std::uint64_t acknowledged_epoch = 0;
    std::uint64_t min_header_generation = 0;
    LogSalt log_salt{};
    LogSalt next_salt{};  // OPEN: of the mount that is about to begin, zero if none is
    Root root{};
    std::int64_t wall_clock = 0;      // the superblock's; informational
    std::vector<KeysetNote> keysets;  // that may be in use: 1 to kKeysets

    bool operator==(const Anchor&) const = default;

    // The state that `superblock` and the log behind it up to `acknowledged` make.
    static Anchor of(const Superblock& superblock, std::uint64_t acknowledged, State state,
                     std::vector<KeysetNote> keysets);

    std::vector<std::byte> encode(const AnchorName& name, const crypto::Blake2b& anchor_mac) const;
    // Nothing is authentic yet: the MAC's key hangs on the volume secret, and the keysets are
    // needed before there is one. Errc::damaged, unsupported (version).
    static Result<Anchor> parse(Bytes record);
    // After parse(). Errc::unauthentic: changed, or of another disk, node or deployment.
    static Result<void> verify(Bytes record, const AnchorName& name,
                               const crypto::Blake2b& anchor_mac);

    // The three comparisons of opening, in their order. Each error shows both sides.
    // Before a key is used: what of `noted` this anchor knows too. Errc::substituted.
    Result<DiskNote> narrow(const DiskNote& noted) const;
    // Step 3. Errc::rolled_back: older; forked: not older, but of another lineage.
    Result<void> compare(const Superblock& superblock, std::uint64_t header_generation) const;
    // After step 8. `log_pages`: how many follow the superblock. Errc::rolled_back, forked.
    Result<void> compare_log(const Superblock& superblock, std::uint64_t applied_epoch,
                             std::uint64_t log_pages) const;
};

// An anchor as it was found in its place: its bytes and what they say.
struct StoredAnchor {
    std::vector<std::byte> record;
    Anchor anchor;

    // Nothing where none was ever saved. Errors of AnchorStore::load and Anchor::parse.
    static Result<std::optional<StoredAnchor>> load(AnchorStore& store);
};

}  // namespace twofold::fs

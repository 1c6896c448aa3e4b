#pragma once

#include "fs/disk/layout.h"
#include "fs/disk/map_pages.h"
#include "keyring/crypto/kdf.h"

namespace twofold::fs {

using LogSalt = std::array<std::byte, 16>;
using ChainValue = crypto::Digest;

// The state of the disk at a checkpoint (format, section 4).
struct Superblock {
    enum class State : std::uint32_t { clean = 1, open = 2 };

    std::uint64_t generation = 0;
    Uuid disk;
    std::uint64_t block_count = 0;  // N
    std::uint64_t segment_count = 0;
    std::uint64_t mount_counter = 0;
    std::uint64_t settled_epoch = 0;  // E
    State state = State::clean;
    std::uint32_t segment_table_copy = 0;
    std::uint32_t pool_table_copy = 0;
    std::uint64_t min_header_generation = 0;
    LogSalt log_salt{};
    std::uint64_t log_start = 0;  // sequence
    ChainValue chain{};           // of the page before the log start
    Root root{};
    PoolMac pool_mac{};
    std::uint32_t migrate_from = 0, migrate_to = 0;  // keysets; 0 while nothing migrates
    std::uint64_t migrate_next = 0;
    std::int64_t wall_clock = 0;  // informational; UTC seconds since 1970

    bool operator==(const Superblock&) const = default;

    PageBytes encode(const crypto::Blake2b& super_mac) const;
    // Errc::unauthentic: magic, version or check value are not those of this disk (a torn sector
    // looks the same). Errc::corrupt: authentic with a field that can't be.
    static Result<Superblock> parse(std::span<const std::byte, kSectorSize> sector,
                                    const Uuid& disk, const Shape& shape, const Limits& limits,
                                    const crypto::Blake2b& super_mac);
    // Decodes without a key, for inspection: nothing is verified but magic and version.
    // Errc::damaged.
    static Result<Superblock> peek(std::span<const std::byte, kSectorSize> sector);
};

}  // namespace twofold::fs

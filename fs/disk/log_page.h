#pragma once

#include <variant>
#include <vector>

#include "fs/disk/entry.h"
#include "fs/disk/superblock.h"

namespace twofold::fs {

// A new entry of one block ...
struct BlockRecord {
    BlockIndex block;
    Entry entry;
    bool operator==(const BlockRecord&) const = default;
};
// ... or a run of blocks made ZERO, each in the slot it owns.
struct ZeroRecord {
    BlockRange range;  // count at least 1
    bool operator==(const ZeroRecord&) const = default;
};
using LogRecord = std::variant<BlockRecord, ZeroRecord>;

// One sector of the commit log (format, section 4).
struct LogPage {
    static constexpr std::uint16_t kFirst = 1, kCommit = 2, kAck = 4;

    std::uint16_t flags = 0;
    std::uint64_t sequence = 0;
    std::uint64_t epoch = 0;          // of an ACK page: the one it acknowledges
    std::uint64_t acknowledged = 0;   // highest epoch known acknowledged
    std::uint32_t epoch_records = 0;  // on the COMMIT page; else zero
    LogSalt salt{};
    std::uint64_t mount_counter = 0;
    ChainValue chain{};              // MAC of the page before, or the superblock's chain value
    std::vector<LogRecord> records;  // at most kLogRecords

    bool first() const { return (flags & kFirst) != 0; }
    bool commit() const { return (flags & kCommit) != 0; }
    bool ack() const { return (flags & kAck) != 0; }
    bool operator==(const LogPage&) const = default;

    struct Encoded {
        PageBytes bytes;
        ChainValue mac;  // the next page's chain
    };
    Encoded encode(const crypto::Blake2b& log_mac) const;

    struct Parsed;
    // Errc::unauthentic: not a page of this disk (never written, torn, foreign). Errc::corrupt:
    // authentic with a field that can't be. Blocks and slots are bounded by the caller, who knows
    // the disk.
    static Result<Parsed> parse(std::span<const std::byte, kSectorSize> sector,
                                const crypto::Blake2b& log_mac);
    // Without a key: nothing is verified but magic and version, records come as far as they can be
    // read. Errc::damaged.
    static Result<LogPage> peek(std::span<const std::byte, kSectorSize> sector);
};

struct LogPage::Parsed {
    LogPage page;
    ChainValue mac;  // of this page
};

}  // namespace twofold::fs

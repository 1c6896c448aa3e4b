#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/io/io.h"
#include "fs/disk/envelope_sector.h"
#include "fs/disk/limits.h"
#include "fs/disk/static_sector.h"
#include "fs/disk/superblock.h"

// What an image says of itself to whoever has the file and no key: the thief's view. Nothing here
// is authentic; check values (SHA-256) are looked at, MACs can't be. Decodes what it can of a
// damaged image, and never fails for damage.
namespace twofold::fs {

struct EnvelopeReport {
    EnvelopePlace place;
    std::optional<EnvelopeSector> sector;  // of a live one
    std::string problem;                   // empty where there is none
    bool empty() const { return !sector && problem.empty(); }
};

struct HeaderReport {
    HeaderCopy copy = HeaderCopy::a;
    std::string problem;                // empty: the check value is right
    std::optional<StaticSector> facts;  // of a damaged copy too, where it has magic and version
    std::array<EnvelopeReport, kEnvelopes> envelopes;
};

struct SuperblockReport {
    std::uint64_t offset = 0;
    std::string problem;  // "empty", "damaged: ..."
    std::optional<Superblock> superblock;
};

struct LogReport {
    std::uint64_t pages = 0;    // in the ring
    std::uint64_t written = 0;  // that look like log pages
    std::uint64_t current = 0;  // of these, at or behind the log start, of this mount
    std::uint64_t highest_epoch = 0, acknowledged = 0;  // of the current ones
};

struct MapReport {
    std::uint64_t segments = 0, nodes_written = 0, leaves_written = 0;
};

struct ImageReport {
    std::uint64_t file_size = 0;
    std::array<HeaderReport, 2> headers;
    std::array<SuperblockReport, 4> superblocks;  // even a, even b, odd a, odd b
    std::optional<Layout> layout;                 // by the facts and superblock below
    LogReport log;
    MapReport map;

    // The newer copy whose check value is right; else whatever could be decoded.
    const StaticSector* facts() const;
    // Of the ACTIVE keyset, layer 1 and 2; none and none where the facts name no such keyset.
    std::array<Suite, 2> suites() const;
    // The highest generation that names this disk; any disk, where the facts are of a damaged copy.
    const Superblock* superblock() const;
};

// Errc::io, and Errc::not_an_image where neither copy has a header's magic.
Result<ImageReport> inspect_image(io::File& file, const Limits& limits = Limits::production());

// Text from an image for a terminal or a log: printable ASCII, the rest as '?', at most `size_max`.
std::string sanitised(std::string_view text, std::size_t size_max = 256);

}  // namespace twofold::fs

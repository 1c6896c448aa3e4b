#pragma once

#include <array>
#include <map>
#include <optional>

#include "base/io/io.h"
#include "fs/disk/backlog.h"
#include "fs/disk/log_page.h"
#include "fs/disk/map_pages.h"
#include "fs/disk/superblock.h"

namespace twofold::fs {

// The map as it lies in the file, for who has no key to verify it with: it is authenticated, not
// encrypted [D-3], so anybody can find a block's slot. What it says may be forged. The checkpoint's
// tree, and over it the pages that follow in the log. Not thread-safe.
class UnverifiedMap {
public:
    // Which pages to read: all that look like one of the map in this place; or only those whose
    // generation and MAC, though nobody can verify it, are what their parents name.
    enum class Pages { any, named_by_their_parents };

    UnverifiedMap(io::File& file, const Layout& layout, const Superblock& superblock,
                  Pages pages = Pages::any)
        : file_(file), layout_(layout), superblock_(superblock), pages_(pages) {}

    // Where block `block` lies; nothing where the map can't be read. Errc::io.
    Result<std::optional<Entry>> entry(BlockIndex block);
    // The first block at or after `from` that has data, as far as the map can be read.
    Result<std::optional<BlockIndex>> next_data(BlockIndex from);

    using References = std::array<Reference, kSegmentLeaves>;
    // Nothing where it was never written, or is no node.
    Result<std::optional<References>> node(Segment segment);

private:
    using Entries = std::array<std::optional<Entry>, kLeafEntries>;
    Result<std::optional<Entries>> leaf(LeafIndex index);
    Result<void> read_log();
    void keep(const LogRecord& record);
    std::optional<Entry> logged(BlockIndex block, const std::optional<Entry>& before) const;
    bool is_page(const PageBytes& page, std::uint8_t level, std::uint64_t index,
                 const Reference& reference) const;

    io::File& file_;
    const Layout layout_;
    const Superblock superblock_;
    const Pages pages_;
    bool log_read_ = false;
    Backlog newer_;  // what the log says
    std::optional<std::pair<LeafIndex, std::optional<Entries>>> last_leaf_;
    std::optional<std::pair<Segment, std::optional<References>>> last_node_;
};

}  // namespace twofold::fs

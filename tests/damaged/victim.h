#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fs/disk/check.h"
#include "fs/disk/header.h"
#include "fs/disk/layout.h"
#include "fs/disk/repair.h"
#include "fs/disk/superblock.h"
#include "tests/support/test_disks.h"

namespace twofold::damage {

// What became of a disk whose image was changed behind its back. Everything but `wrong` keeps the
// promise of the format (G3, D4); each test says which of them, how often.
struct Outcome {
    enum class Kind {
        same,     // opens, and every block reads as it did
        lost,     // opens; some blocks are EIO, every other one reads as it did
        window,   // opens as it was before the last commits, none of which the image calls synced:
                  // what only an anchor can tell from a crash
        refused,  // does not open
        wrong     // anything else: other contents, or older than what was called synced
    };
    Kind kind = Kind::same;
    Errc code = Errc::failed;  // of `refused`
    bool reported = false;     // told at open
    std::string detail;        // the error's line, or what is wrong

    // "same", "same, reported", "refused: damaged"
    std::string name() const;
    bool operator==(const Outcome& other) const {
        return kind == other.kind && reported == other.reported &&
               (kind != Kind::refused || code == other.code);
    }
};

// How often each outcome was seen; printed by a test, and asserted exactly.
using Counts = std::map<std::string, std::uint64_t>;
std::string to_string(const Counts& counts);

// A small disk with a history, left as a clean unmount or a killed daemon leaves it, whose image a
// test then damages.
class Victim {
public:
    enum class Left { clean, killed };
    explicit Victim(Left left, DiskShape shape = {8, 4, 6, 1}, std::uint64_t seed = 1);

    // Opens read-only by the product's own front door and reads every block.
    Outcome open();
    // The same by its parts, under keys that were opened once: some ten times as fast. For damage
    // outside the headers; the tests compare it with open() time and again.
    Outcome look();
    // The header alone, which decides all by itself what its copies are worth: opened and compared
    // with the undamaged one.
    Outcome open_header();
    // A writable open of what open() refuses: refused alike, and not a byte written.
    Outcome open_writable();
    fs::CheckReport check();
    fs::RepairReport repair();

    void flip(std::uint64_t offset, int bit) { disk.image.flip_bit(offset, bit); }
    const fs::Layout& layout() const { return *layout_; }
    const fs::Superblock& superblock() const { return superblock_; }  // the newest
    const fs::Header::Opened& header() const { return *header_; }
    // Offset of a table, node or leaf as the newest superblock has it; the other copy is older.
    std::uint64_t live_segment_table() const;
    std::uint64_t live_pool_table() const;
    std::uint64_t live_node() const;
    std::uint64_t live_leaf() const;

    TestDisk disk;
    // What the blocks held after each commit, oldest first. From `acknowledged` on the image calls
    // nothing synced, so that any of them may come back; none that is older.
    std::vector<std::vector<std::uint8_t>> history;
    std::size_t acknowledged = 0;
    std::vector<MemoryImage> past;  // the image at earlier times, oldest first

private:
    using Blocks = std::vector<std::optional<std::uint8_t>>;  // nothing: EIO
    void live(DiskShape shape, Left left);
    void note_state();
    Outcome judge(const Blocks& blocks, bool reported) const;
    Outcome open_disk(bool read_only);

    std::vector<std::uint8_t> now_;
    std::optional<fs::Header::Opened> header_;
    std::optional<fs::Layout> layout_;
    fs::Superblock superblock_;
    fs::Reference node_, leaf_;
};

}  // namespace twofold::damage

#include "tests/damaged/victim.h"

#include <fmt/format.h>

#include <algorithm>

#include "fs/disk/recovery.h"
#include "fs/disk/superblock_store.h"
#include "tests/damaged/unwritable.h"

namespace twofold::damage {

using fs::BlockIndex;
using fs::kBlockSize;
using fs::LeafIndex;
using fs::Segment;

std::string Outcome::name() const {
    const char* const told = reported ? ", reported" : "";
    switch (kind) {
        case Kind::same:
            return fmt::format("same{}", told);
        case Kind::lost:
            return fmt::format("blocks lost{}", told);
        case Kind::window:
            return fmt::format("in the window{}", told);
        case Kind::refused:
            return fmt::format("refused: {}", name_of(code));
        case Kind::wrong:
            return "WRONG";
    }
    return "";
}

std::string to_string(const Counts& counts) {
    std::string out;
    for (const auto& [name, count] : counts)
        out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", name, count);
    return out;
}

Victim::Victim(Left left, DiskShape shape, std::uint64_t seed)
    : disk(shape, two_layers(), seed), now_(shape.blocks) {
    live(shape, left);
    const auto file = disk.image.open();
    header_ = must(
        fs::Header::open(*file, disk.keys, disk.note, disk.options.limits, fs::Libraries::fastest));
    const fs::StaticSector& facts = header_->header->facts();
    superblock_ = must(fs::read_newest_superblock(*file, facts.disk, facts.shape,
                                                  disk.options.limits, header_->keys.macs().super));
    layout_ = must(fs::Layout::create(superblock_.block_count, facts.shape, disk.options.limits));
    std::vector<std::byte> table(facts.shape.segment_table_size());
    disk.image.read(live_segment_table(), table);
    node_ = must(fs::SegmentTable::parse(table, *layout_, superblock_.root, facts.disk,
                                         header_->keys.macs().root))
                .reference(Segment{0});
    fs::PageBytes page;
    disk.image.read(live_node(), page);
    leaf_ = must(fs::Node::parse(page, Segment{0}, node_, facts.disk, header_->keys.macs().node))
                .reference(0);
}

// Three mounts. The last leaves a tree in both copies of everything, a log of synced epochs that
// later pages call so, one synced epoch that no page tells of yet, and a soft one.
void Victim::live(DiskShape shape, Left left) {
    const auto put = [&](std::uint64_t block, std::uint8_t fill) {
        must(disk.write(block, fill));
        now_[block] = fill;
    };
    const auto discard = [&](std::uint64_t block) {
        must(disk.zero(block));
        now_[block] = 0;
    };
    for (std::uint8_t mount = 1; mount <= 2; ++mount) {
        disk.open();
        for (std::uint64_t b = 0; b < std::min<std::uint64_t>(4, shape.blocks); ++b)
            put(b, static_cast<std::uint8_t>(16 * mount + b));
        must(disk.sync());
        disk.close();
        past.push_back(disk.image);
    }
    disk.open();
    note_state();
    put(1, 0x41);
    must(disk.sync());
    note_state();
    put(2, 0x42);
    discard(0);
    must(disk.sync());
    note_state();
    put(3, 0x43);
    must(disk.soft_commit());
    history.push_back(now_);
    if (left == Left::clean) {
        disk.close();
        history.erase(history.begin(), history.end() - 1);
        acknowledged = 0;
    } else {
        acknowledged = history.size() - 2;  // the last page says so of the epoch before its own
        disk.kill();
    }
}

void Victim::note_state() {
    history.push_back(now_);
    past.push_back(disk.image);
}

std::uint64_t Victim::live_segment_table() const {
    return layout_->segment_table_offset(superblock_.segment_table_copy);
}
std::uint64_t Victim::live_pool_table() const {
    return layout_->pool_table_offset(superblock_.pool_table_copy);
}
std::uint64_t Victim::live_node() const { return layout_->node_offset(Segment{0}, node_.copy); }
std::uint64_t Victim::live_leaf() const { return layout_->leaf_offset(LeafIndex{0}, leaf_.copy); }

Outcome Victim::judge(const Blocks& blocks, bool reported) const {
    const bool lost = !std::ranges::all_of(blocks, &Blocks::value_type::has_value);
    for (std::size_t i = history.size(); i-- > 0;) {
        bool fits = blocks.size() == history[i].size();
        for (std::size_t b = 0; fits && b < blocks.size(); ++b)
            fits = !blocks[b] || *blocks[b] == history[i][b];
        if (!fits) continue;
        if (i < acknowledged) break;
        const auto kind = i + 1 < history.size() ? Outcome::Kind::window
                          : lost                 ? Outcome::Kind::lost
                                                 : Outcome::Kind::same;
        return {kind, Errc::failed, reported, lost ? "and blocks are lost" : ""};
    }
    std::string found = "blocks:";
    for (const auto& block : blocks) found += block ? fmt::format(" {:02x}", *block) : " EIO";
    return {Outcome::Kind::wrong, Errc::failed, reported, found};
}

namespace {

Outcome refused(const Error& error) {
    return {Outcome::Kind::refused, error.code, false, error.line()};
}

// The byte that fills a block, or 0xee for a mixture, which no state of ours has.
std::uint8_t fill_of(Bytes block) {
    const bool whole = std::memcmp(block.data(), block.data() + 1, block.size() - 1) == 0;
    return whole ? static_cast<std::uint8_t>(block[0]) : 0xee;
}

}  // namespace

Outcome Victim::open_disk(bool read_only) {
    disk.events.clear();
    disk.options.read_only = read_only;
    disk.wrap = unwritable;
    if (auto opened = disk.try_open(); !opened) return refused(opened.error());
    const bool reported = !disk.events.empty();
    Blocks blocks;
    std::vector<std::byte> bytes(kBlockSize);
    for (std::uint64_t b = 0; b < now_.size(); ++b) {
        auto read = disk.disk->read(fs::ByteOffset{b * kBlockSize}, bytes);
        if (read)
            blocks.emplace_back(fill_of(bytes));
        else if (read.error().code == Errc::unauthentic || read.error().code == Errc::corrupt)
            blocks.emplace_back(std::nullopt);
        else
            return {Outcome::Kind::wrong, read.error().code, reported, read.error().line()};
    }
    disk.kill();
    return judge(blocks, reported);
}

Outcome Victim::open() { return open_disk(true); }

Outcome Victim::open_writable() { return open_disk(false); }

Outcome Victim::look() {
    const auto file = unwritable(disk.image.open());
    const fs::StaticSector& facts = header_->header->facts();
    const fs::DiskKeys& keys = header_->keys;
    const auto superblock = fs::read_newest_superblock(*file, facts.disk, facts.shape,
                                                       disk.options.limits, keys.macs().super);
    if (!superblock) return refused(superblock.error());
    const auto layout =
        fs::Layout::create(superblock->block_count, facts.shape, disk.options.limits);
    if (!layout) return refused(layout.error());
    fs::Health health([](const Error&) {});
    fs::Counters counters;
    fs::EngineContext context{*file,       *layout,    facts.disk,   keys,   facts.policy,
                              disk.random, disk.clock, disk.options, health, counters};
    const auto recovered = fs::recover(context, *superblock);
    if (!recovered) return refused(recovered.error());
    Blocks blocks(layout->block_count());
    std::vector<std::byte> unit(fs::kSealedSize);
    for (std::uint64_t b = 0; b < blocks.size(); ++b) {
        fs::Entry entry;
        const fs::Known known = recovered->backlog.find(BlockIndex{b});
        if (known.entry) {
            entry = *known.entry;
        } else if (!known.zeroed) {
            const auto mapped = recovered->map->entry(BlockIndex{b});
            if (!mapped) continue;  // EIO
            entry = *mapped;
        }
        if (!entry.data) {
            blocks[b] = 0;
            continue;
        }
        must(file->read(layout->slot_offset(entry.slot), MutableBytes(unit).first(kBlockSize)));
        const fs::SealStack* const seals = keys.find(entry.keyset);
        if (seals && seals->open(entry.seal_info(BlockIndex{b}), unit))
            blocks[b] = fill_of(Bytes(unit).first(kBlockSize));
    }
    return judge(blocks, recovered->dropped.has_value());
}

Outcome Victim::open_header() {
    const auto file = unwritable(disk.image.open());
    const auto opened =
        fs::Header::open(*file, disk.keys, disk.note, disk.options.limits, fs::Libraries::fastest);
    if (!opened) return refused(opened.error());
    const bool reported = !opened->header->damage().empty();
    if (opened->header->facts() != header_->header->facts())
        return {Outcome::Kind::wrong, Errc::failed, reported, "another header"};
    // The volume secret opened to the same: what it authenticates, it authenticates alike.
    std::array<std::byte, 32> one{}, other{};
    opened->keys.macs().super.mac(disk.note.disk.bytes, one);
    header_->keys.macs().super.mac(disk.note.disk.bytes, other);
    if (one != other) return {Outcome::Kind::wrong, Errc::failed, reported, "other keys"};
    return {Outcome::Kind::same, Errc::failed, reported, ""};
}

fs::CheckReport Victim::check() {
    const auto file = unwritable(disk.image.open());
    return must(fs::check_disk(*file, disk.keys, disk.note, disk.random, disk.clock,
                               {.limits = disk.options.limits}));
}

fs::RepairReport Victim::repair() {
    const auto file = disk.image.open();
    return must(fs::repair_disk(*file, disk.keys, disk.note, disk.random, disk.clock,
                                disk.options.limits, fs::Loss::refuse));
}

}  // namespace twofold::damage

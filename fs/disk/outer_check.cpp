#include "fs/disk/outer_check.h"

#include <algorithm>
#include <cstring>

#include "fs/disk/block_scan.h"
#include "fs/disk/check_findings.h"
#include "fs/disk/examination.h"
#include "fs/disk/header.h"
#include "fs/disk/unverified_map.h"

namespace twofold::fs {

namespace {

class OuterChecker {
public:
    OuterChecker(io::File& file, const CheckOptions& options) : file_(file), options_(options) {}

    Result<CheckReport> run(crypto::KeySource& keys, const DiskNote& expected) {
        const auto looked = look(keys, expected);
        if (!looked && !is_of_the_image(looked.error().code)) return fail(looked.error());
        if (!looked) report_.find("image", looked.error(), Cure::none);
        report_.complete = looked.has_value();
        return std::move(report_);
    }

private:
    Result<void> look(crypto::KeySource& keys, const DiskNote& expected) {
        TF_TRY(file_.sync());
        TF_TRY(file_.drop_cache());
        TF_ASSIGN(header_,
                  Header::open_layer(file_, keys, expected, options_.limits, crypto::Layer::one));
        for (const HeaderDamage& damage : header_.damage) report_.find(finding_of(damage));
        TF_TRY(look_at_superblocks());
        TF_TRY(look_at_pool());
        tell_what_is_unproved();
        return check_contents();
    }

    Result<void> look_at_superblocks();
    Result<void> look_at_pool();
    void tell_what_is_unproved();
    Result<void> check_contents();
    using Batch = std::vector<BlockScan::Sealed>;
    Result<Batch> gather(UnverifiedMap& map, Segment segment);
    void lose_unmapped(BlockRange blocks);
    Result<void> open(const BlockScan::Sealed& sealed, MutableBytes unit) const;

    io::File& file_;
    const CheckOptions& options_;
    CheckReport report_;
    Header::OneLayer header_;
    Superblock superblock_;
    std::optional<Layout> layout_;
    std::vector<bool> owned_;  // by slot
    bool map_is_whole_ = true;
};

// The newest that names this disk and a possible size; of a torn one its twin decides.
Result<void> OuterChecker::look_at_superblocks() {
    std::optional<std::uint64_t> newest;
    std::array<std::array<PageBytes, 2>, 2> sectors{};
    for (const std::uint64_t parity : {0u, 1u})
        for (const std::uint32_t replica : {0u, 1u}) {
            PageBytes& sector = sectors[parity][replica];
            TF_TRY(file_.read(superblock_offset(parity, replica), MutableBytes(sector)));
            const auto peeked = Superblock::peek(sector);
            if (!peeked || peeked->disk != header_.facts.disk || peeked->generation % 2 != parity ||
                (newest && peeked->generation <= *newest))
                continue;
            auto layout = Layout::create(peeked->block_count, header_.facts.shape, options_.limits);
            if (!layout) continue;
            newest = peeked->generation;
            superblock_ = *peeked;
            layout_ = std::move(*layout);
        }
    if (!newest) return fail(Errc::damaged, "no superblock is left that has the form of one");
    report_.clean = superblock_.state == Superblock::State::clean;
    report_.blocks = superblock_.block_count;
    const auto& pair = sectors[*newest % 2];
    if (pair[0] != pair[1]) {
        const std::string where =
            fmt::format("superblock at {} KiB", superblock_offset(*newest, 0) / 1024);
        if (report_.clean)
            report_.find({Errc::damaged, where, "differs from its twin", Cure::repair});
        else
            report_.notes.push_back(where + ": differs from its twin, as a power cut may leave it");
    }
    TF_ASSIGN(const std::uint64_t size, file_.size());
    if (size < layout_->file_size())
        return fail(Errc::damaged, "disk image: {} bytes, cut short: it had {}", size,
                    layout_->file_size());
    return {};
}

Result<void> OuterChecker::look_at_pool() {
    owned_.assign(layout_->slot_count(), false);
    std::vector<std::byte> bytes(layout_->shape().pool_table_size());
    TF_TRY(file_.read(layout_->pool_table_offset(superblock_.pool_table_copy & 1),
                      MutableBytes(bytes)));
    Reader r(bytes);
    std::optional<std::uint64_t> before;
    for (std::uint32_t i = 0; i < layout_->shape().pool_slots; ++i) {
        const std::uint64_t slot = r.u64_le();
        if (slot >= layout_->slot_count() || (before && slot <= *before)) {
            report_.find({Errc::damaged, "pool table", "not a list of slots", Cure::repair});
            map_is_whole_ = false;
            return {};
        }
        before = slot;
    }
    return {};
}

void OuterChecker::tell_what_is_unproved() {
    auto& unproved = report_.unproved;
    unproved.push_back(
        "superblocks, tables, log and map: read by their form; their MACs need every layer's key");
    const bool tags = std::ranges::all_of(
        header_.seals, [](const auto& seal) { return has_tag(seal.second->suite()); });
    report_.tags_verified = tags;
    unproved.push_back(
        tags ? "layer 2's tags; forgery by somebody who holds layer 1's key"
             : fmt::format("the contents of blocks: {} has no tag, so layer 1 vouches for none",
                           name_of(header_.seals.front().second->suite())));
    unproved.push_back("that this is the newest state of the disk");
}

// ---- Blocks

Result<void> OuterChecker::check_contents() {
    UnverifiedMap map(file_, *layout_, superblock_, UnverifiedMap::Pages::named_by_their_parents);
    BlockScan scan(
        file_, *layout_,
        [this](const auto& sealed, MutableBytes unit) { return open(sealed, unit); },
        options_.threads);
    const std::uint64_t segments = segment_of(BlockIndex{layout_->block_count() - 1}).value() + 1;
    for (std::uint64_t s = 0; s <= segments; ++s) {
        Batch batch;
        if (s < segments) {
            TF_ASSIGN(batch, gather(map, Segment{s}));
        }
        if (s > 0) {
            TF_ASSIGN(const auto failures, scan.wait());
            lose_blocks(report_, failures, *layout_);
            const std::uint64_t done = std::min(s * kSegmentSlots, layout_->block_count());
            options_.progress(done * kBlockSize, layout_->block_count() * kBlockSize);
        }
        if (s < segments) scan.start(std::move(batch));
    }
    return {};
}

// Blocks with data whose outer tag can be verified; slots that two blocks name.
Result<OuterChecker::Batch> OuterChecker::gather(UnverifiedMap& map, Segment segment) {
    Batch batch;
    const std::uint64_t first = segment.value() * kSegmentSlots;
    const std::uint64_t end = std::min(first + kSegmentSlots, layout_->block_count());
    BlockRange unmapped{BlockIndex{first}, 0};
    for (std::uint64_t b = first; b < end; ++b) {
        TF_ASSIGN(const auto entry, map.entry(BlockIndex{b}));
        if (!entry) {
            if (unmapped.count == 0) unmapped.first = BlockIndex{b};
            ++unmapped.count;
            continue;
        }
        lose_unmapped(std::exchange(unmapped, {}));
        if (owned_[entry->slot.value()])
            report_.find({Errc::corrupt, fmt::format("block {}", b),
                          fmt::format("slot {} is owned twice", entry->slot.value())});
        owned_[entry->slot.value()] = true;
        if (!entry->data) continue;
        ++report_.blocks_with_data;
        if (!report_.tags_verified) continue;
        batch.push_back({BlockIndex{b}, *entry});
        report_.bytes_verified += kBlockSize;
    }
    lose_unmapped(unmapped);
    return batch;
}

void OuterChecker::lose_unmapped(BlockRange blocks) {
    if (blocks.count != 0)
        report_.lose({Errc::damaged, name_of(blocks), "the map does not have the form of one here",
                      Cure::none, blocks});
}

// C1 || T2 as one unit: the outer layer encrypts the inner tag, too.
Result<void> OuterChecker::open(const BlockScan::Sealed& sealed, MutableBytes unit) const {
    const auto seal = std::ranges::find(header_.seals, sealed.entry.keyset,
                                        [](const auto& known) { return known.first; });
    if (seal == header_.seals.end())
        return fail(Errc::corrupt, "keyset {} is not there", sealed.entry.keyset);
    std::memcpy(unit.data() + kBlockSize, sealed.entry.tag2.data(), sealed.entry.tag2.size());
    return seal->second->open(sealed.block, sealed.entry.nonce, unit, sealed.entry.tag1);
}

}  // namespace

Result<CheckReport> check_outer_layer(io::File& file, crypto::KeySource& keys,
                                      const DiskNote& expected, const CheckOptions& options) {
    return OuterChecker(file, options).run(keys, expected);
}

}  // namespace twofold::fs

#include "fs/disk/check.h"

#include <algorithm>

#include "fs/disk/block_scan.h"
#include "fs/disk/check_findings.h"
#include "fs/disk/examination.h"

namespace twofold::fs {

namespace {

// One check. Each step looks at what the step before has vouched for.
class Checker {
public:
    Checker(io::File& file, const CheckOptions& options, crypto::RandomSource& random,
            const Clock& clock)
        : file_(file),
          options_(options),
          examination_(file, random, clock, options.limits, report_) {}

    Result<CheckReport> run(crypto::KeySource& keys, const DiskNote& expected) {
        const auto looked = look(keys, expected);
        if (!looked && !is_of_the_image(looked.error().code)) return fail(looked.error());
        if (!looked)
            report_.find("image", looked.error(), opened_ ? Cure::none : Cure::header_backup);
        report_.complete = looked.has_value();
        return std::move(report_);
    }

private:
    Result<void> look(crypto::KeySource& keys, const DiskNote& expected) {
        TF_TRY(file_.sync());  // what is told is what the device holds, not a cache
        TF_TRY(file_.drop_cache());
        examination_.compare_with(options_.anchor);
        TF_TRY(examination_.open_header(keys, expected));
        opened_ = true;
        TF_TRY(examination_.read_superblocks());
        TF_TRY(examination_.load_map());
        TF_TRY(examination_.replay());
        note_recovery();
        report_.tags_verified = true;
        return check_contents();
    }

    using Batch = std::vector<BlockScan::Sealed>;
    void note_recovery();
    Result<void> check_contents();
    Result<Batch> gather(Segment segment);
    Result<void> gather(LeafIndex index, Batch& batch);
    Result<void> finish(BlockScan& scan, Segment segment);
    void own(std::optional<BlockIndex> block, Slot slot);

    const Layout& layout() { return examination_.context().layout; }
    Result<void> open(const BlockScan::Sealed& sealed, MutableBytes unit);

    io::File& file_;
    const CheckOptions& options_;
    CheckReport report_;
    Examination examination_;
    bool opened_ = false;       // the header
    std::vector<bool> owned_;   // by slot
    bool map_is_whole_ = true;  // else slots are missing that a lost page would name
};

void Checker::note_recovery() {
    const Recovered& recovered = examination_.recovered();
    report_.log_epochs = recovered.applied_epoch - examination_.superblock().settled_epoch;
    if (!report_.clean)
        report_.notes.push_back(fmt::format("not unmounted cleanly: {} epochs are in the log alone",
                                            report_.log_epochs));
    if (recovered.dropped)
        report_.notes.push_back(
            fmt::format("epochs {} to {} were never synced and are not whole: the next mount drops "
                        "them",
                        recovered.dropped->first_epoch, recovered.dropped->last_epoch));
}

// Each block once, and with it each slot: those that blocks own and those of the pool are all there
// are, each once. A segment's map is read while the blocks of the one before are opened.
Result<void> Checker::check_contents() {
    owned_.assign(layout().slot_count(), false);
    for (const Slot slot : examination_.recovered().pool) own(std::nullopt, slot);
    BlockScan scan(
        file_, layout(),
        [this](const auto& sealed, MutableBytes unit) { return open(sealed, unit); },
        options_.threads);
    const std::uint64_t segments = segment_of(BlockIndex{layout().block_count() - 1}).value() + 1;
    for (std::uint64_t s = 0; s < segments; ++s) {
        TF_ASSIGN(Batch batch, gather(Segment{s}));
        if (s > 0) TF_TRY(finish(scan, Segment{s - 1}));
        scan.start(std::move(batch));
    }
    TF_TRY(finish(scan, Segment{segments - 1}));
    if (!map_is_whole_) return {};
    const auto missing = std::ranges::count(owned_, false);
    if (missing != 0)
        report_.find({Errc::corrupt, "map", fmt::format("{} slots are owned by nobody", missing)});
    return {};
}

Result<Checker::Batch> Checker::gather(Segment segment) {
    Batch batch;
    if (examination_.segment_is_lost(segment)) {  // told already
        map_is_whole_ = false;
        return batch;
    }
    examination_.keep_in_reach(segment);
    TF_ASSIGN(const auto node, examination_.recovered().map->node(segment));
    if (node) ++report_.nodes;
    const std::uint64_t first = segment.value() * kSegmentLeaves;
    const std::uint64_t end = std::min(first + kSegmentLeaves, layout().leaf_count());
    for (std::uint64_t l = first; l < end; ++l) TF_TRY(gather(LeafIndex{l}, batch));
    return batch;
}

Result<void> Checker::gather(LeafIndex index, Batch& batch) {
    const Recovered& recovered = examination_.recovered();
    const std::uint64_t first = first_block_of(index).value();
    const std::uint64_t count =
        std::min<std::uint64_t>(entries_in(index), layout().block_count() - first);
    auto leaf = recovered.map->leaf(index);
    if (!leaf && leaf.error().code != Errc::io && !is_of_the_image(leaf.error().code))
        return fail(std::move(leaf).error());
    if (!leaf) {
        map_is_whole_ = false;
        examination_.lose_leaf(index, leaf.error());
        return {};
    }
    if (*leaf != nullptr) ++report_.leaves;
    for (std::uint32_t i = 0; i < count; ++i) {
        const BlockIndex block{first + i};
        Entry entry = *leaf ? (*leaf)->entry(i) : Entry::zero_at(layout().implicit_slot(block));
        const Known known = recovered.backlog.find(block);  // of the log, newer
        if (known.entry)
            entry = *known.entry;
        else if (known.zeroed)
            entry = Entry::zero_at(entry.slot);
        own(block, entry.slot);
        if (!entry.data) continue;
        batch.push_back({block, entry});
        ++report_.blocks_with_data;
        report_.bytes_verified += kBlockSize;
    }
    return {};
}

Result<void> Checker::open(const BlockScan::Sealed& sealed, MutableBytes unit) {
    const SealStack* const stack = examination_.context().keys.find(sealed.entry.keyset);
    if (stack == nullptr) return fail(Errc::corrupt, "keyset {} is not there", sealed.entry.keyset);
    return stack->open(sealed.entry.seal_info(sealed.block), unit);
}

Result<void> Checker::finish(BlockScan& scan, Segment segment) {
    TF_ASSIGN(const auto failures, scan.wait());
    lose_blocks(report_, failures, layout());
    const std::uint64_t done =
        std::min((segment.value() + 1) * kSegmentSlots, layout().block_count());
    options_.progress(done * kBlockSize, layout().block_count() * kBlockSize);
    return {};
}

// `block`: or else the pool.
void Checker::own(std::optional<BlockIndex> block, Slot slot) {
    if (owned_[slot.value()])
        report_.find({Errc::corrupt, block ? fmt::format("block {}", block->value()) : "pool",
                      fmt::format("slot {} is owned twice", slot.value())});
    owned_[slot.value()] = true;
}

}  // namespace

Result<CheckReport> check_disk(io::File& file, crypto::KeySource& keys, const DiskNote& expected,
                               crypto::RandomSource& random, const Clock& clock,
                               const CheckOptions& options) {
    return Checker(file, options, random, clock).run(keys, expected);
}

}  // namespace twofold::fs

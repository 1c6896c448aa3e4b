#include "fs/disk/repair.h"

#include <algorithm>

#include "fs/disk/checkpoint.h"
#include "fs/disk/examination.h"

namespace twofold::fs {

namespace {

// One repair. What is restored early is what later steps read.
class Repair {
public:
    Repair(io::File& file, crypto::RandomSource& random, const Clock& clock, const Limits& limits,
           Loss loss)
        : file_(file),
          random_(random),
          clock_(clock),
          limits_(limits),
          loss_(loss),
          examination_(file, random, clock, limits, found_) {}

    Result<RepairReport> run(crypto::KeySource& keys, const DiskNote& expected) {
        const auto mended = mend(keys, expected);
        if (!mended && !is_of_the_image(mended.error().code)) return fail(mended.error());
        for (const CheckFinding& finding : found_.findings)
            if (finding.cure != Cure::repair && !(accepted_ && finding.cure == Cure::accept_loss))
                report_.left.push_back(finding);
        if (!mended)
            report_.left.push_back(
                {mended.error().code, "image", mended.error().line(), Cure::none});
        return std::move(report_);
    }

private:
    Result<void> mend(crypto::KeySource& keys, const DiskNote& expected) {
        TF_TRY(sync());
        TF_TRY(file_.drop_cache());
        TF_TRY(examination_.open_header(keys, expected));
        TF_TRY(mend_header(keys, expected));
        TF_TRY(examination_.read_superblocks());
        TF_TRY(restore());
        TF_TRY(examination_.load_map());
        TF_TRY(restore());
        if (loss_ == Loss::accept) TF_TRY(replace_lost_leaves());
        TF_TRY(examination_.replay());
        if (loss_ == Loss::accept) TF_TRY(go_on_without());
        return {};
    }

    Result<void> sync() { return file_.sync(); }
    Result<void> mend_header(crypto::KeySource& keys, const DiskNote& expected);
    Result<void> restore();
    Result<void> replace_lost_leaves();
    Result<std::vector<Slot>> slots_of_lost_leaves();
    Result<Entry> unreadable_entry(Slot slot);
    Result<void> go_on_without();

    void did(RepairStep::Kind kind, std::string text) {
        report_.steps.push_back({kind, std::move(text)});
    }

    io::File& file_;
    crypto::RandomSource& random_;
    const Clock& clock_;
    const Limits& limits_;
    const Loss loss_;
    CheckReport found_;
    Examination examination_;
    std::size_t restored_ = 0;  // of the examination's restorations
    RepairReport report_;
    bool accepted_ = false;
};

// Header::repair() writes what differs, copy B first; a sector that is damaged in both copies, so
// an envelope that nothing hangs on, becomes an empty one.
Result<void> Repair::mend_header(crypto::KeySource& keys, const DiskNote& expected) {
    Header& header = examination_.header();
    const std::size_t sectors = header.sectors_that_differ();
    if (sectors == 0) return {};
    TF_TRY(header.repair(file_, [this] { return sync(); }));
    TF_TRY(file_.drop_cache());
    TF_ASSIGN(const auto again, Header::open(file_, keys, expected, limits_, Libraries::fastest));
    if (again.header->sectors_that_differ() != 0)
        return fail(Errc::damaged, "header: reads back differently");
    for (const CheckFinding& finding : found_.findings)
        did(RepairStep::Kind::restored,
            fmt::format("{}: mended; it was: {}", finding.where, finding.what));
    did(RepairStep::Kind::restored,
        fmt::format("header: both copies are the same again; sectors written: {}", sectors));
    return {};
}

Result<void> Repair::restore() {
    const auto& all = examination_.restorations();
    for (; restored_ < all.size(); ++restored_) {
        const Restoration& one = all[restored_];
        TF_TRY(file_.write(one.offset, Bytes(one.bytes)));
        TF_TRY(sync());
        TF_TRY(file_.drop_cache());
        std::vector<std::byte> found(one.bytes.size());
        TF_TRY(file_.read(one.offset, MutableBytes(found)));
        if (found != one.bytes) return fail(Errc::damaged, "{}: reads back differently", one.where);
        did(RepairStep::Kind::restored, fmt::format("{}: restored from {}", one.where, one.from));
    }
    return {};
}

// ---- Going on without what is lost

// A lost leaf's blocks own, between them, the slots that nobody else does; which of them is whose
// is lost. Each gets one, sealed as nothing ever was: it can't be read, and is whole again once it
// is written.
Result<void> Repair::replace_lost_leaves() {
    TF_TRY(examination_.look_at_leaves());
    if (examination_.lost_leaves().empty()) return {};
    TF_ASSIGN(const std::vector<Slot> slots, slots_of_lost_leaves());
    const EngineContext& context = examination_.context();
    Map& map = *examination_.recovered().map;
    auto next = slots.begin();
    for (const LeafIndex index : examination_.lost_leaves()) {
        TF_ASSIGN(const Map::NodeHandle node, map.node(segment_of(index)));
        map.remember(
            index, node->reference(leaf_in_segment(index)),
            std::make_shared<const Leaf>(Leaf::implicit(index, context.layout, context.disk)));
        const std::uint64_t first = first_block_of(index).value();
        const std::uint64_t end = std::min(first + entries_in(index), context.layout.block_count());
        for (std::uint64_t b = first; b < end; ++b) {
            TF_ASSIGN(const Entry entry, unreadable_entry(*next++));
            examination_.recovered().backlog.put(BlockIndex{b}, entry);
        }
        did(RepairStep::Kind::accepted,
            fmt::format("leaf {}: lost; blocks {}-{} stay unreadable until they are written anew",
                        index.value(), first, end - 1));
    }
    return {};
}

Result<std::vector<Slot>> Repair::slots_of_lost_leaves() {
    const Layout& layout = examination_.context().layout;
    Recovered& recovered = examination_.recovered();
    std::vector<bool> owned(layout.slot_count(), false);
    for (const Slot slot : recovered.pool) owned[slot.value()] = true;
    std::uint64_t blocks = 0;
    for (std::uint64_t l = 0; l < layout.leaf_count(); ++l) {
        const LeafIndex index{l};
        const std::uint64_t first = first_block_of(index).value();
        const std::uint64_t count =
            std::min<std::uint64_t>(entries_in(index), layout.block_count() - first);
        if (std::ranges::count(examination_.lost_leaves(), index) != 0) {
            blocks += count;
            continue;
        }
        if (leaf_in_segment(index) == 0) examination_.keep_in_reach(segment_of(index));
        TF_ASSIGN(const Map::LeafHandle leaf, recovered.map->leaf(index));
        for (std::uint32_t i = 0; i < count; ++i)
            owned[leaf ? leaf->entry(i).slot.value()
                       : layout.implicit_slot(BlockIndex{first + i}).value()] = true;
    }
    std::vector<Slot> out;
    for (std::uint64_t s = 0; s < owned.size(); ++s)
        if (!owned[s]) out.push_back(Slot{s});
    if (out.size() != blocks)
        return fail(Errc::corrupt, "map: {} slots are left for {} blocks of lost leaves",
                    out.size(), blocks);
    return out;
}

Result<Entry> Repair::unreadable_entry(Slot slot) {
    Entry entry{.slot = slot, .data = true};
    entry.keyset = examination_.context().keys.active().keyset();
    TF_TRY(random_.fill(entry.nonce));
    TF_TRY(random_.fill(entry.tag1));
    TF_TRY(random_.fill(entry.tag2));
    return entry;
}

// As recovery ends (format, section 7, step 9), with everything that is here: copies not in use,
// then one superblock above every number that any page tells of, so that nothing which was lost can
// come back and be taken for history. Nothing is left to replay: CLEAN.
Result<void> Repair::go_on_without() {
    Recovered& recovered = examination_.recovered();
    if (!recovered.missing && examination_.lost_leaves().empty()) return {};
    EngineContext& context = examination_.context();
    Superblock next = examination_.superblock();
    if (recovered.missing)
        next.mount_counter = std::max(next.mount_counter, recovered.missing->mount_counter);
    ++next.mount_counter;
    next.state = Superblock::State::clean;
    next.settled_epoch = recovered.highest_epoch;
    TF_TRY(random_.fill(next.log_salt));
    TF_TRY(random_.fill(next.chain));
    next.log_start = recovered.next_sequence;
    next.wall_clock = clock_.now();
    Checkpointer checkpointer(context, *recovered.map, examination_.superblock());
    TF_TRY(checkpointer.settle(recovered.backlog, recovered.pool, next, [this] { return sync(); }));
    accepted_ = true;
    if (recovered.missing)
        did(RepairStep::Kind::accepted,
            fmt::format("log: epochs {} to {} given up, with what was synced in them; the disk is "
                        "as of epoch {}",
                        recovered.missing->first_epoch,
                        std::max(recovered.missing->first_epoch, recovered.missing->last_epoch),
                        recovered.applied_epoch));
    return {};
}

}  // namespace

Result<RepairReport> repair_disk(io::File& file, crypto::KeySource& keys, const DiskNote& expected,
                                 crypto::RandomSource& random, const Clock& clock,
                                 const Limits& limits, Loss loss) {
    return Repair(file, random, clock, limits, loss).run(keys, expected);
}

}  // namespace twofold::fs

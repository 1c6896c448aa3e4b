#include "fs/disk/check.h"

#include <algorithm>

#include "fs/disk/engine_context.h"
#include "fs/disk/header.h"
#include "fs/disk/recovery.h"
#include "fs/disk/scratch.h"
#include "fs/disk/superblock_store.h"

namespace twofold::fs {

namespace {

// Whether an error says something about the image, rather than about our means to look at it.
bool is_of_the_image(Errc code) {
    switch (code) {
        case Errc::not_an_image:
        case Errc::unsupported:
        case Errc::damaged:
        case Errc::unauthentic:
        case Errc::substituted:
        case Errc::rolled_back:
        case Errc::forked:
        case Errc::history_lost:
        case Errc::corrupt:
        case Errc::wrong_key:
            return true;
        default:
            return false;
    }
}

// One check. Each step looks at what the step before has vouched for.
class Checker {
public:
    Checker(io::File& file, const Limits& limits, crypto::RandomSource& random, const Clock& clock,
            const CheckProgress& progress)
        : file_(file), random_(random), clock_(clock), progress_(progress) {
        options_.limits = limits;
        options_.read_only = true;
    }

    Result<CheckReport> run(crypto::KeySource& keys, const DiskNote& expected) {
        const auto looked = look(keys, expected);
        if (!looked && !is_of_the_image(looked.error().code)) return fail(looked.error());
        if (!looked) find("image", looked.error());
        report_.complete = looked.has_value();
        return std::move(report_);
    }

private:
    Result<void> look(crypto::KeySource& keys, const DiskNote& expected) {
        TF_TRY(file_.sync());  // what is told is what the device holds, not a cache
        TF_TRY(file_.drop_cache());
        TF_TRY(open_header(keys, expected));
        TF_TRY(check_superblocks());
        EngineContext context{file_,
                              *layout_,
                              header_->facts().disk,
                              *keys_,
                              header_->facts().policy,
                              random_,
                              clock_,
                              options_,
                              health_,
                              counters_};
        TF_ASSIGN(const Recovered recovered, recover(context, superblock_));
        note_recovery(recovered);
        return check_contents(recovered);
    }

    Result<void> open_header(crypto::KeySource& keys, const DiskNote& expected);
    Result<void> check_superblocks();
    void note_recovery(const Recovered& recovered);
    Result<void> check_contents(const Recovered& recovered);
    Result<void> check_leaf(const Recovered& recovered, LeafIndex index);
    Result<void> check_block(BlockIndex block, const Entry& entry);
    void own(std::optional<BlockIndex> block, Slot slot);
    void lose(std::string where, const Error& error, BlockIndex first, std::uint64_t count);

    void find(std::string where, const Error& error, std::optional<BlockIndex> block = {}) {
        ++report_.found;
        if (report_.findings.size() < CheckReport::kFindingsMax)
            report_.findings.push_back({error.code, std::move(where), error.line(), block});
    }
    void find(std::string where, Errc code, std::string what,
              std::optional<BlockIndex> block = {}) {
        find(std::move(where), Error{code, std::move(what), {}, 0, {}}, block);
    }

    io::File& file_;
    crypto::RandomSource& random_;
    const Clock& clock_;
    const CheckProgress& progress_;
    OpenOptions options_;
    Health health_{[](const Error&) {}};
    Counters counters_;
    CheckReport report_;

    std::unique_ptr<Header> header_;
    std::optional<DiskKeys> keys_;
    Superblock superblock_;
    std::optional<Layout> layout_;
    std::vector<bool> owned_;   // by slot
    bool map_is_whole_ = true;  // else slots are missing that a lost page would name
    ScratchPool scratch_;
};

Result<void> Checker::open_header(crypto::KeySource& keys, const DiskNote& expected) {
    TF_ASSIGN(Header::Opened opened,
              Header::open(file_, keys, expected, options_.limits, Libraries::fastest));
    header_ = std::move(opened.header);
    keys_.emplace(std::move(opened.keys));
    for (const HeaderDamage& damage : header_->damage()) {
        // Its text names the copy, as our finding does.
        const std::size_t prefix = damage.text.find(": ");
        find(fmt::format("header copy {}", damage.copy == HeaderCopy::a ? "A" : "B"), Errc::damaged,
             prefix == std::string::npos ? damage.text : damage.text.substr(prefix + 2));
    }
    return {};
}

// The newest pair must be whole on a disk that was unmounted; the other one may be of a write that
// was cut, and is only looked at to tell it.
Result<void> Checker::check_superblocks() {
    const StaticSector& facts = header_->facts();
    TF_ASSIGN(superblock_, read_newest_superblock(file_, facts.disk, facts.shape, options_.limits,
                                                  keys_->macs().super));
    report_.clean = superblock_.state == Superblock::State::clean;
    report_.blocks = superblock_.block_count;
    for (const std::uint32_t replica : {0u, 1u}) {
        const std::uint64_t offset = superblock_offset(superblock_.generation, replica);
        PageBytes sector;
        TF_TRY(file_.read(offset, MutableBytes(sector)));
        const auto parsed = Superblock::parse(sector, facts.disk, facts.shape, options_.limits,
                                              keys_->macs().super);
        if (parsed && *parsed == superblock_) continue;
        const std::string where = fmt::format("superblock at {} KiB", offset / 1024);
        if (report_.clean)
            find(where, Errc::damaged, "differs from its twin");
        else
            report_.notes.push_back(where + ": differs from its twin, as a crash may leave it");
    }
    if (facts.generation < superblock_.min_header_generation)
        return fail(Errc::rolled_back, "header: generation {}, older than {} which the disk had",
                    facts.generation, superblock_.min_header_generation);
    TF_ASSIGN(layout_, Layout::create(superblock_.block_count, facts.shape, options_.limits));
    TF_ASSIGN(const std::uint64_t size, file_.size());
    if (size < layout_->file_size())
        return fail(Errc::damaged, "disk image: {} bytes, cut short: it had {}", size,
                    layout_->file_size());
    return {};
}

void Checker::note_recovery(const Recovered& recovered) {
    report_.log_epochs = recovered.applied_epoch - superblock_.settled_epoch;
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
// are, each once.
Result<void> Checker::check_contents(const Recovered& recovered) {
    owned_.assign(layout_->slot_count(), false);
    for (const Slot slot : recovered.pool) own(std::nullopt, slot);
    for (std::uint64_t s = 0; s < layout_->segment_count(); ++s) {
        const LeafIndex first{s * kSegmentLeaves};
        const std::uint64_t leaves = std::min<std::uint64_t>(
            kSegmentLeaves, layout_->leaf_count() - std::min(layout_->leaf_count(), first.value()));
        if (leaves == 0) break;  // the last segment may have slots alone
        auto node = recovered.map->node(Segment{s});
        if (!node && !is_of_the_image(node.error().code)) return fail(std::move(node).error());
        if (!node) {
            map_is_whole_ = false;
            lose(fmt::format("node of segment {}", s), node.error(), first_block_of(first),
                 kSegmentSlots);
            continue;
        }
        if (*node != nullptr) ++report_.nodes;
        for (std::uint64_t l = 0; l < leaves; ++l)
            TF_TRY(check_leaf(recovered, LeafIndex{first.value() + l}));
    }
    if (!map_is_whole_) return {};
    const auto missing = std::ranges::count(owned_, false);
    if (missing != 0)
        find("map", Errc::corrupt, fmt::format("{} slots are owned by nobody", missing));
    return {};
}

Result<void> Checker::check_leaf(const Recovered& recovered, LeafIndex index) {
    const std::uint64_t first = first_block_of(index).value();
    const std::uint64_t count =
        std::min<std::uint64_t>(entries_in(index), layout_->block_count() - first);
    auto leaf = recovered.map->leaf(index);
    if (!leaf && !is_of_the_image(leaf.error().code)) return fail(std::move(leaf).error());
    if (!leaf) {
        map_is_whole_ = false;
        lose(fmt::format("leaf {}", index.value()), leaf.error(), BlockIndex{first}, count);
        return {};
    }
    if (*leaf != nullptr) ++report_.leaves;
    for (std::uint32_t i = 0; i < count; ++i) {
        const BlockIndex block{first + i};
        Entry entry = *leaf ? (*leaf)->entry(i) : Entry::zero_at(layout_->implicit_slot(block));
        const Known known = recovered.backlog.find(block);  // of the log, newer
        if (known.entry)
            entry = *known.entry;
        else if (known.zeroed)
            entry = Entry::zero_at(entry.slot);
        own(block, entry.slot);
        if (entry.data) TF_TRY(check_block(block, entry));
    }
    progress_((first + count) * kBlockSize, layout_->block_count() * kBlockSize);
    return {};
}

Result<void> Checker::check_block(BlockIndex block, const Entry& entry) {
    ++report_.blocks_with_data;
    const std::string where = fmt::format("block {}", block.value());
    const SealStack* const stack = keys_->find(entry.keyset);
    if (stack == nullptr) {
        const Error error{
            Errc::corrupt, fmt::format("keyset {} is not there", entry.keyset), {}, 0, {}};
        lose(where, error, block, 1);
        return {};
    }
    const ScratchPool::Scratch scratch = scratch_.take(1);
    const MutableBytes unit = scratch.unit(0);
    const std::uint64_t offset = layout_->slot_offset(entry.slot);
    TF_TRY(file_.read(offset, unit.first(kBlockSize)));
    auto opened = stack->open(entry.seal_info(block), unit);
    if (opened) return {};
    if (opened.error().code != Errc::unauthentic) return opened;
    lose(where,
         std::move(opened.error())
             .in(fmt::format("slot {}, at byte {} of the image: the tag is "
                             "wrong",
                             entry.slot.value(), offset)),
         block, 1);
    return {};
}

// `block`: or else the pool.
void Checker::own(std::optional<BlockIndex> block, Slot slot) {
    if (owned_[slot.value()])
        find(block ? fmt::format("block {}", block->value()) : "pool", Errc::corrupt,
             fmt::format("slot {} is owned twice", slot.value()));
    owned_[slot.value()] = true;
}

// Blocks whose contents are gone: one, by its tag, or all that a page of the map held.
void Checker::lose(std::string where, const Error& error, BlockIndex first, std::uint64_t count) {
    const std::uint64_t inside =
        std::min(count, layout_->block_count() - std::min(layout_->block_count(), first.value()));
    report_.blocks_lost += inside;
    find(std::move(where), error, first);
}

}  // namespace

Result<CheckReport> check_disk(io::File& file, crypto::KeySource& keys, const DiskNote& expected,
                               crypto::RandomSource& random, const Clock& clock,
                               const Limits& limits, const CheckProgress& progress) {
    return Checker(file, limits, random, clock, progress).run(keys, expected);
}

}  // namespace twofold::fs

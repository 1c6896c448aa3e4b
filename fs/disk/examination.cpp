#include "fs/disk/examination.h"

#include <algorithm>

#include "fs/disk/check_findings.h"
#include "fs/disk/rebuild.h"
#include "fs/disk/superblock_store.h"

namespace twofold::fs {

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

namespace {

// Of a page: it is lost as well where the device can't read it.
bool is_of_the_page(Errc code) { return code == Errc::io || is_of_the_image(code); }

constexpr std::string_view kAsACutLeavesIt = "as a power cut may leave it";

}  // namespace

Examination::Examination(io::File& file, crypto::RandomSource& random, const Clock& clock,
                         const Limits& limits, CheckReport& report)
    : file_(file), random_(random), clock_(clock), report_(report) {
    options_.limits = limits;
    options_.read_only = true;
}

void Examination::restore(Restoration restoration) {
    ++report_.restorable;
    restorations_.push_back(std::move(restoration));
}

Result<void> Examination::open_header(crypto::KeySource& keys, const DiskNote& expected) {
    TF_ASSIGN(Header::Opened opened,
              Header::open(file_, keys, expected, options_.limits, options_.libraries));
    header_ = std::move(opened.header);
    keys_.emplace(std::move(opened.keys));
    for (const HeaderDamage& damage : header_->damage()) report_.find(finding_of(damage));
    if (anchored_) verify_anchor();
    const std::size_t differ = header_->sectors_that_differ();
    if (differ != 0 && header_->damage().empty())
        report_.notes.push_back(
            fmt::format("header copies: {} sectors differ, {}", differ, kAsACutLeavesIt));
    report_.restorable += differ;
    return {};
}

// ---- The anchor. What it says against the image is a finding, and the image is looked at all the
// same: it may be sound, and older.

void Examination::compare_with(const AnchorPlace& place) {
    if (!place) return;
    place_ = place;
    auto loaded = StoredAnchor::load(*place.store);
    if (loaded && *loaded) {
        anchored_ = std::move(*loaded);
        return;
    }
    if (loaded) {
        report_.freshness = Freshness::no_anchor;
        report_.find({Errc::substituted, "anchor",
                      "none is known, so nothing tells how new the disk is; to take it as it is "
                      "now: twofold adopt STORE DISK",
                      Cure::adopt});
    } else if (is_of_the_image(loaded.error().code)) {
        judge_anchor(fail(loaded.error()));
    } else {
        report_.freshness = Freshness::unknown;
        report_.notes.push_back(
            fmt::format("anchor: cannot be had, so that this is the newest state is not proved: {}",
                        loaded.error().line()));
    }
}

void Examination::judge_anchor(const Result<void>& agrees) {
    if (agrees) return;
    report_.freshness = Freshness::not_as_anchored;
    report_.find("anchor", agrees.error(), Cure::adopt);
    anchored_.reset();
}

void Examination::verify_anchor() {
    const AnchorName name{header_->facts().deployment, place_.node, place_.disk};
    judge_anchor(Anchor::verify(anchored_->record, name, keys_->macs().anchor));
    if (!anchored_) return;
    const auto both = anchored_->anchor.narrow(header_->facts().note());
    if (!both)
        judge_anchor(fail(both.error()));
    else if (both->keysets.size() != header_->facts().live().size())
        judge_anchor(
            fail(Errc::substituted, "anchor: it does not know every keyset of the header"));
}

// ---- Superblocks

struct Examination::SuperblockPlace {
    std::uint64_t offset = 0;
    PageBytes bytes{};
    Result<Superblock> parsed = fail(Errc::damaged, "superblock: the file ends before it");
    std::string where() const { return fmt::format("superblock at {} KiB", offset / 1024); }
};

Result<Examination::SuperblockPlace> Examination::read_place(std::uint64_t parity,
                                                             std::uint32_t replica) {
    SuperblockPlace place;
    place.offset = superblock_offset(parity, replica);
    auto read = file_.read(place.offset, MutableBytes(place.bytes));
    if (!read && !is_of_the_page(read.error().code)) return fail(std::move(read).error());
    const StaticSector& facts = header_->facts();
    if (read)
        place.parsed = Superblock::parse(place.bytes, facts.disk, facts.shape, options_.limits,
                                         keys_->macs().super);
    else
        place.parsed = fail(std::move(read).error());
    if (place.parsed && place.parsed->generation % 2 != parity)
        place.parsed = fail(Errc::unauthentic, "superblock {}: in the other generations' place",
                            place.parsed->generation);
    if (!place.parsed && place.parsed.error().code == Errc::corrupt)
        report_.find(place.where(), place.parsed.error(), Cure::none);
    return place;
}

// A replica that is not what its twin is gets written anew from it. On a disk that was not
// unmounted a power cut may have left it so, and that of the generation before at any time: it is
// where the next mount writes first.
void Examination::compare_pair(std::span<const SuperblockPlace> pair, bool newest) {
    const SuperblockPlace* best = nullptr;
    for (const SuperblockPlace& place : pair)
        if (place.parsed && (!best || place.parsed->generation > best->parsed->generation))
            best = &place;
    if (best == nullptr) {
        const bool never_written = all_zero(pair[0].bytes) && all_zero(pair[1].bytes);
        if (!never_written)
            report_.notes.push_back(
                fmt::format("{} and its twin: unreadable, {}; nothing is lost, the next mount "
                            "writes them anew",
                            pair[0].where(), kAsACutLeavesIt));
        return;
    }
    const PageBytes expected = best->parsed->encode(keys_->macs().super);
    for (const SuperblockPlace& place : pair) {
        if (place.bytes == expected) continue;
        if (newest && report_.clean)
            report_.find({Errc::damaged, place.where(), "differs from its twin", Cure::repair});
        else
            report_.notes.push_back(
                fmt::format("{}: differs from its twin, {}", place.where(), kAsACutLeavesIt));
        restore({place.where(), "its twin", place.offset, {expected.begin(), expected.end()}});
    }
}

Result<void> Examination::read_superblocks() {
    const StaticSector& facts = header_->facts();
    std::array<std::array<SuperblockPlace, 2>, 2> pairs;  // even, odd
    std::optional<std::size_t> newest;
    for (std::size_t parity = 0; parity < 2; ++parity)
        for (std::uint32_t replica = 0; replica < 2; ++replica) {
            TF_ASSIGN(pairs[parity][replica], read_place(parity, replica));
            const auto& parsed = pairs[parity][replica].parsed;
            if (!parsed || (newest && parsed->generation <= superblock_.generation)) continue;
            superblock_ = *parsed;
            newest = parity;
        }
    if (!newest) return fail(Error(pairs[0][0].parsed.error()).in("no superblock is left"));
    report_.clean = superblock_.state == Superblock::State::clean;
    report_.blocks = superblock_.block_count;
    compare_pair(pairs[*newest], true);
    compare_pair(pairs[1 - *newest], false);
    if (facts.generation < superblock_.min_header_generation)
        return fail(Errc::rolled_back, "header: generation {}, older than {} which the disk had",
                    facts.generation, superblock_.min_header_generation);
    TF_ASSIGN(const Layout layout,
              Layout::create(superblock_.block_count, facts.shape, options_.limits));
    TF_ASSIGN(const std::uint64_t size, file_.size());
    if (size < layout.file_size())
        return fail(Errc::damaged, "disk image: {} bytes, cut short: it had {}", size,
                    layout.file_size());
    context_.emplace(EngineContext{file_, layout, facts.disk, *keys_, facts.policy, random_, clock_,
                                   options_, health_, counters_});
    recovered_.superblock = superblock_;
    if (anchored_) judge_anchor(anchored_->anchor.compare(superblock_, facts.generation));
    return {};
}

// ---- The map

Result<void> Examination::load_map() {
    TF_ASSIGN(auto table, load_segment_table());
    recovered_.map = std::make_unique<Map>(file_, context_->layout, context_->disk, keys_->macs(),
                                           std::move(table), options_.leaf_cache_max);
    TF_TRY(load_nodes());
    return load_pool();
}

Result<SegmentTable> Examination::load_segment_table() {
    auto table = read_segment_table(*context_, superblock_);
    if (table || !is_of_the_page(table.error().code)) return table;
    const std::string where = fmt::format("segment table, copy {}", superblock_.segment_table_copy);
    auto rebuilt = rebuild_segment_table(*context_, superblock_);
    if (!rebuilt) {
        report_.find(where, table.error(), Cure::none);
        return fail(std::move(rebuilt).error());
    }
    report_.find(where, table.error(), Cure::repair);
    const Layout& layout = context_->layout;
    std::vector<std::byte> bytes(layout.shape().segment_table_size());
    rebuilt->encode(bytes);
    restore({where, "the nodes", layout.segment_table_offset(superblock_.segment_table_copy),
             std::move(bytes)});
    return rebuilt;
}

Result<void> Examination::load_nodes() {
    const Layout& layout = context_->layout;
    for (std::uint64_t s = 0; s < layout.segment_count(); ++s) {
        const Segment segment{s};
        const auto node = recovered_.map->node(segment);
        if (node) continue;
        if (!is_of_the_page(node.error().code)) return fail(node.error());
        const Reference reference = recovered_.map->reference(segment);
        const std::string where = fmt::format("node of segment {}", s);
        auto rebuilt = rebuild_node(*context_, segment, reference);
        if (!rebuilt && !is_of_the_page(rebuilt.error().code)) return fail(rebuilt.error());
        if (!rebuilt) {
            lost_segments_.emplace(s, node.error());
            const std::uint64_t first = std::min(s * kSegmentSlots, layout.block_count());
            report_.lose(where, node.error(), Cure::none,
                         {BlockIndex{first},
                          std::min<std::uint64_t>(kSegmentSlots, layout.block_count() - first)});
            continue;
        }
        report_.find(where, node.error(), Cure::repair);
        const PageBytes& bytes = rebuilt->bytes();
        restore({where,
                 "its leaves",
                 layout.node_offset(segment, reference.copy),
                 {bytes.begin(), bytes.end()}});
        rebuilt_.emplace(s, std::pair(reference, std::make_shared<const Node>(*rebuilt)));
        keep_in_reach(segment);
    }
    return {};
}

void Examination::keep_in_reach(Segment segment) {
    if (const auto found = rebuilt_.find(segment.value()); found != rebuilt_.end())
        recovered_.map->remember(segment, found->second.first, found->second.second);
}

Result<void> Examination::load_pool() {
    auto table = read_pool_table(*context_, superblock_);
    if (!table && !is_of_the_page(table.error().code)) return fail(std::move(table).error());
    if (table) {
        recovered_.pool = std::move(table->slots);
        return {};
    }
    const std::string where = fmt::format("pool table, copy {}", superblock_.pool_table_copy);
    auto rebuilt = rebuild_pool_table(*context_, *recovered_.map, superblock_);
    if (!rebuilt && !is_of_the_page(rebuilt.error().code)) return fail(rebuilt.error());
    if (!rebuilt) {
        report_.find(where, table.error(), Cure::none);
        TF_TRY(look_at_leaves());  // to name what is lost of the map
        return fail(std::move(rebuilt.error()).in(where));
    }
    report_.find(where, table.error(), Cure::repair);
    const Layout& layout = context_->layout;
    std::vector<std::byte> bytes(layout.shape().pool_table_size());
    rebuilt->encode(bytes);
    restore({where, "the map", layout.pool_table_offset(superblock_.pool_table_copy),
             std::move(bytes)});
    recovered_.pool = std::move(rebuilt->slots);
    return {};
}

void Examination::lose_leaf(LeafIndex index, const Error& error) {
    const std::uint64_t blocks = context_->layout.block_count();
    const std::uint64_t first = first_block_of(index).value();
    lost_leaves_.push_back(index);
    report_.lose(fmt::format("leaf {}", index.value()), error, Cure::accept_loss,
                 {BlockIndex{first}, std::min<std::uint64_t>(entries_in(index), blocks - first)});
}

Result<void> Examination::look_at_leaves() {
    if (!lost_leaves_.empty()) return {};
    for (std::uint64_t l = 0; l < context_->layout.leaf_count(); ++l) {
        const LeafIndex index{l};
        if (segment_is_lost(segment_of(index))) continue;
        if (leaf_in_segment(index) == 0) keep_in_reach(segment_of(index));
        const auto leaf = recovered_.map->leaf(index);
        if (leaf) continue;
        if (!is_of_the_page(leaf.error().code)) return fail(leaf.error());
        lose_leaf(index, leaf.error());
    }
    return {};
}

// ---- The log

Result<void> Examination::replay() {
    auto replayed = replay_log(*context_, recovered_, MissingHistory::accept,
                               anchored_ ? anchored_->anchor.acknowledged_epoch : 0);
    if (!replayed && is_of_the_page(replayed.error().code)) {
        TF_TRY(look_at_leaves());  // one that the log needs may be why
        return fail(std::move(replayed.error()).in("log: cannot be applied"));
    }
    TF_TRY(replayed);
    if (anchored_)
        judge_anchor(anchored_->anchor.compare_log(superblock_, recovered_.applied_epoch,
                                                   recovered_.log_pages));
    if (anchored_) report_.freshness = Freshness::as_anchored;
    if (!recovered_.missing) return {};
    const Recovered::Missing& missing = *recovered_.missing;
    const bool superblock_lost = missing.mount_counter > superblock_.mount_counter;
    report_.find(
        {Errc::history_lost, "log",
         fmt::format(
             "{}epochs {} to {} were synced once and are not here: what the disk holds is as of "
             "epoch {}; blocks whose slots were used again since are lost as well",
             superblock_lost ? fmt::format("the superblocks of mount {} are gone (left is mount "
                                           "{}), and with them where its log begins: ",
                                           missing.mount_counter, superblock_.mount_counter)
                             : std::string(),
             missing.first_epoch, std::max(missing.first_epoch, missing.last_epoch),
             recovered_.applied_epoch),
         Cure::accept_loss});
    return {};
}

}  // namespace twofold::fs

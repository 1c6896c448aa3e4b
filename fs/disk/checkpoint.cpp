#include "fs/disk/checkpoint.h"

#include <algorithm>

#include "fs/disk/rule.h"
#include "fs/disk/superblock_store.h"

namespace twofold::fs {
namespace {

// Pages kept of those just written, for the cache; what is more will be read again.
constexpr std::size_t kRememberMax = 2048;

// Leaves of `from` and later that the backlog may change, a segment at a time.
class ChangedLeaves {
public:
    ChangedLeaves(const Backlog& backlog, Map& map)
        : zeroed_(backlog.zeroed()), map_(map), changed_(backlog.leaves()) {}

    // The leaves of the next segment that has any; empty when there are no more.
    Result<std::vector<LeafIndex>> next_segment() {
        for (;;) {
            std::optional<LeafIndex> leaf;
            if (next_ < changed_.size()) leaf = changed_[next_];
            TF_ASSIGN(const auto zeroed, next_zeroed());
            if (zeroed && (!leaf || *zeroed < *leaf)) leaf = zeroed;
            if (!leaf) return std::vector<LeafIndex>();
            return take(segment_of(*leaf));
        }
    }

private:
    // A zeroed range matters only where leaves were written: the others say ZERO already.
    Result<std::optional<LeafIndex>> next_zeroed() {
        for (;;) {
            const auto range = zeroed_.next(zeroed_from_);
            if (!range) return std::optional<LeafIndex>();
            TF_ASSIGN(const auto leaf, map_.next_written(leaf_of(range->first)));
            if (!leaf) return std::optional<LeafIndex>();
            if (first_block_of(*leaf).value() < end_of(*range)) return leaf;
            zeroed_from_ = first_block_of(*leaf);
        }
    }

    Result<std::vector<LeafIndex>> take(Segment segment) {
        std::vector<LeafIndex> leaves;
        for (; next_ < changed_.size() && segment_of(changed_[next_]) == segment; ++next_)
            leaves.push_back(changed_[next_]);
        const BlockIndex end{(segment.value() + 1) * kSegmentSlots};
        for (auto range = zeroed_.next(std::max(zeroed_from_, first_of(segment)));
             range && range->first < end; range = zeroed_.next(zeroed_from_)) {
            const std::uint64_t last = std::min(end_of(*range), end.value()) - 1;
            for (std::uint64_t leaf = leaf_of(range->first).value();
                 leaf <= leaf_of(BlockIndex{last}).value(); ++leaf)
                leaves.push_back(LeafIndex{leaf});
            zeroed_from_ = BlockIndex{last + 1};
        }
        zeroed_from_ = std::max(zeroed_from_, end);
        std::sort(leaves.begin(), leaves.end());
        leaves.erase(std::unique(leaves.begin(), leaves.end()), leaves.end());
        return leaves;
    }

    static BlockIndex first_of(Segment segment) {
        return BlockIndex{segment.value() * kSegmentSlots};
    }

    const BlockRanges& zeroed_;
    Map& map_;
    std::vector<LeafIndex> changed_;
    std::size_t next_ = 0;
    BlockIndex zeroed_from_;
};

// Puts the backlog's view of one leaf into it; true if that changed anything.
bool apply(const Backlog& backlog, LeafIndex index, Leaf& leaf) {
    bool changed = false;
    const Backlog::LeafChanges* changes = backlog.find(index);
    for (std::uint32_t i = 0; i < entries_in(index); ++i) {
        const Entry before = leaf.entry(i);
        const BlockIndex block{first_block_of(index).value() + i};
        const Entry* entry = changes == nullptr ? nullptr : changes->find(i);
        Entry after = entry != nullptr                   ? *entry
                      : backlog.zeroed().contains(block) ? Entry::zero_at(before.slot)
                                                         : before;
        if (after == before) continue;
        leaf.set(i, after);
        changed = true;
    }
    return changed;
}

std::uint32_t other_copy(const Reference& reference) {
    return reference.implicit() ? 0 : 1 - reference.copy;
}

}  // namespace

// A tree being written, beside the one in use.
struct Checkpointer::Tree {
    struct NewLeaf {
        LeafIndex index;
        Reference reference;
        Map::LeafHandle leaf;
    };
    explicit Tree(SegmentTable from, io::File& file) : table(std::move(from)), writer(file) {}
    SegmentTable table;
    bool changed = false;
    std::uint64_t generation = 0;
    PageWriter writer;
    std::vector<NewLeaf> new_leaves;
};

Checkpointer::Checkpointer(EngineContext& context, Map& map, const Superblock& current,
                           Written written)
    : context_(context), map_(map), written_(std::move(written)), current_(current) {}

Superblock Checkpointer::current() const {
    const std::scoped_lock hold(mutex_);
    return current_;
}

Result<void> Checkpointer::run_after(std::uint64_t generation, Committer& committer,
                                     Versions& versions) {
    TF_TRY(run_with_state(committer, versions, Superblock::State::open, generation));
    if (const Superblock now = current(); now.generation != generation) written_(now);
    return {};
}

Result<void> Checkpointer::close(Committer& committer, Versions& versions) {
    return run_with_state(committer, versions, Superblock::State::clean, {});
}

Result<void> Checkpointer::run_with_state(Committer& committer, Versions& versions,
                                          Superblock::State state,
                                          std::optional<std::uint64_t> only_after) {
    Health& health = context_.health;
    const auto stop = [&](Error error) -> Failure {
        if (broken(Rule::failed_checkpoint_stops)) return fail(std::move(error));
        return health.stop(std::move(error).in("checkpoint"));
    };
    return stop_without_memory(health, [&]() -> Result<void> {
        const std::scoped_lock alone(one_at_a_time_);
        if (only_after && current().generation != *only_after) return {};
        Versions::Frozen frozen;
        {
            const auto role = committer.take_sync_role();  // so that no epoch is half acknowledged
            TF_TRY(health.check());
            frozen = versions.freeze();
        }
        // CLEAN says that the log is empty behind it.
        TF_CHECK(state == Superblock::State::open || frozen.complete);
        Superblock next = current();
        ++next.generation;
        next.settled_epoch = frozen.epoch;
        next.state = state;
        next.log_start = frozen.log.sequence;
        next.chain = frozen.log.chain;
        next.wall_clock = context_.clock.now();
        auto tree = write_tree(*frozen.backlog, frozen.pool, next);
        if (!tree) return stop(std::move(tree).error());

        const auto role = committer.take_sync_role();
        if (!broken(Rule::superblock_follows_a_sync)) TF_TRY(committer.sync(role));  // O4
        if (broken(Rule::anchor_follows_its_superblock)) written_(next);
        if (auto written = write_next(next); !written) return stop(std::move(written).error());
        if (!broken(Rule::superblock_is_synced_before_it_counts)) TF_TRY(committer.sync(role));
        install(std::move(*tree), next);
        // O5. The journal hears of it before a writer can reserve the pages: it checks each write.
        committer.log_starts_at(next.log_start);
        versions.thaw(next.log_start);
        ++context_.counters.checkpoints;
        return {};
    });
}

Result<void> Checkpointer::settle(const Backlog& backlog, std::span<const Slot> pool,
                                  Superblock next, const Sync& sync) {
    next.generation = current().generation + 1;
    TF_ASSIGN(auto tree, write_tree(backlog, pool, next));
    if (!broken(Rule::recovery_syncs_before_its_superblock)) TF_TRY(sync());  // O4
    TF_TRY(write_next(next));
    if (!broken(Rule::recovery_syncs_its_superblock)) TF_TRY(sync());
    install(std::move(tree), next);
    ++context_.counters.checkpoints;
    return {};
}

// Steps 3 and 4: whoever else writes to this image has written a newer superblock.
Result<void> Checkpointer::write_next(const Superblock& next) {
    const crypto::Blake2b& mac = context_.keys.macs().super;
    TF_ASSIGN(const Superblock newest,
              read_newest_superblock(context_.file, context_.disk, context_.layout.shape(),
                                     context_.options.limits, mac));
    if (newest != current() && !broken(Rule::second_writer_is_looked_for))
        return fail(Errc::busy, "superblock {} is not this mount's: a second writer",
                    newest.generation);
    return write_superblock(context_.file, next, mac);
}

void Checkpointer::install(Tree tree, const Superblock& next) {
    for (auto& page : tree.new_leaves)
        map_.remember(page.index, page.reference, std::move(page.leaf));
    map_.install(std::move(tree.table));
    const std::scoped_lock hold(mutex_);
    current_ = next;
}

// ---- Writing a tree

Result<Checkpointer::Tree> Checkpointer::write_tree(const Backlog& backlog,
                                                    std::span<const Slot> pool, Superblock& next) {
    next.min_header_generation = std::max(next.min_header_generation, header_generation_.load());
    Tree tree(map_.table(), context_.file);
    tree.generation = next.generation;
    ChangedLeaves changed(backlog, map_);
    for (;;) {
        TF_ASSIGN(const auto leaves, changed.next_segment());
        if (leaves.empty()) break;
        TF_TRY(write_segment(segment_of(leaves.front()), leaves, backlog, tree));
    }
    TF_TRY(write_tables(pool, tree, next));
    TF_TRY(tree.writer.flush());
    return tree;
}

Result<void> Checkpointer::write_segment(Segment segment, std::span<const LeafIndex> leaves,
                                         const Backlog& backlog, Tree& tree) {
    TF_ASSIGN(const Map::NodeHandle old_node, map_.node(segment));
    Node node = old_node ? *old_node : Node::implicit(segment, context_.disk);
    bool changed = false;
    for (const LeafIndex index : leaves) {
        TF_ASSIGN(const Map::LeafHandle old_leaf, map_.leaf(index));
        if (!old_leaf && backlog.find(index) == nullptr) continue;  // implicitly ZERO already
        Leaf leaf = old_leaf ? *old_leaf : Leaf::implicit(index, map_.layout(), context_.disk);
        if (!apply(backlog, index, leaf)) continue;
        const Reference before = node.reference(leaf_in_segment(index));
        const std::uint32_t copy =
            broken(Rule::leaf_goes_to_the_other_copy) ? before.copy : other_copy(before);
        const Reference reference = leaf.finish(tree.generation, copy, context_.keys.macs().node);
        TF_TRY(tree.writer.add(map_.layout().leaf_offset(index, copy), leaf.bytes()));
        node.set(leaf_in_segment(index), reference);
        changed = true;
        if (tree.new_leaves.size() < kRememberMax)
            tree.new_leaves.push_back(
                {index, reference, std::make_shared<const Leaf>(std::move(leaf))});
    }
    if (!changed) return {};
    const Reference before = tree.table.reference(segment);
    const std::uint32_t copy =
        broken(Rule::node_goes_to_the_other_copy) ? before.copy : other_copy(before);
    const Reference reference = node.finish(tree.generation, copy, context_.keys.macs().node);
    TF_TRY(tree.writer.add(map_.layout().node_offset(segment, copy), node.bytes()));
    tree.table.set(segment, reference);
    tree.changed = true;
    return {};
}

// A table that did not change stays where it is.
Result<void> Checkpointer::write_tables(std::span<const Slot> pool, Tree& tree, Superblock& next) {
    const Layout& layout = context_.layout;
    const auto write_table = [&](std::uint64_t offset, Bytes table) -> Result<void> {
        constexpr std::size_t kAtOnce = kMebibyte;
        for (std::size_t done = 0; done < table.size(); done += kAtOnce)
            TF_TRY(context_.file.write(
                offset + done, table.subspan(done, std::min(kAtOnce, table.size() - done))));
        return {};
    };
    if (tree.changed) {
        if (!broken(Rule::segment_table_goes_to_the_other_copy))
            next.segment_table_copy = 1 - next.segment_table_copy;
        next.root = tree.table.root(context_.disk, context_.keys.macs().root);
        std::vector<std::byte> bytes(layout.shape().segment_table_size());
        tree.table.encode(bytes);
        // References past the last segment are zero, and were never written.
        const std::size_t used =
            (layout.segment_count() * kReferenceSize + kSectorSize - 1) / kSectorSize * kSectorSize;
        TF_TRY(write_table(layout.segment_table_offset(next.segment_table_copy),
                           Bytes(bytes).first(used)));
    }
    PoolTable table{{pool.begin(), pool.end()}};
    const PoolMac mac = table.mac(context_.disk, context_.keys.macs().pool);
    if (mac != next.pool_mac) {
        if (!broken(Rule::pool_table_goes_to_the_other_copy))
            next.pool_table_copy = 1 - next.pool_table_copy;
        next.pool_mac = mac;
        std::vector<std::byte> bytes(layout.shape().pool_table_size());
        table.encode(bytes);
        TF_TRY(write_table(layout.pool_table_offset(next.pool_table_copy), bytes));
    }
    return {};
}

}  // namespace twofold::fs

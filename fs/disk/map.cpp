#include "fs/disk/map.h"

#include <algorithm>

#include "fs/disk/rule.h"

namespace twofold::fs {
namespace {

constexpr int kAttempts = 4;  // against checkpoints that overtake a reader; each takes two syncs

}  // namespace

Map::Map(io::File& file, const Layout& layout, const Uuid& disk, const VolumeMacs& macs,
         SegmentTable table, std::size_t leaf_cache_max)
    : file_(file),
      layout_(layout),
      disk_(disk),
      macs_(macs),
      table_(std::move(table)),
      leaves_(leaf_cache_max),
      nodes_(leaf_cache_max / 16 + 64) {}

Result<Map::LeafHandle> Map::leaf(LeafIndex index) {
    TF_ASSIGN(Reference reference, leaf_reference(index));
    for (int attempt = 1;; ++attempt) {
        if (reference.implicit()) return LeafHandle();
        if (LeafHandle cached = leaves_.find(index.value(), reference)) return cached;
        auto leaf = read_leaf(index, reference);
        if (leaf || leaf.error().code != Errc::unauthentic || attempt == kAttempts) return leaf;
        TF_ASSIGN(const Reference now, leaf_reference(index));
        if (now == reference || broken(Rule::failed_page_is_looked_up_again)) return leaf;
        reference = now;
    }
}

Result<Map::NodeHandle> Map::node(Segment segment) {
    Reference reference = this->reference(segment);
    for (int attempt = 1;; ++attempt) {
        if (reference.implicit()) return NodeHandle();
        if (NodeHandle cached = nodes_.find(segment.value(), reference)) return cached;
        auto node = read_node(segment, reference);
        if (node || node.error().code != Errc::unauthentic || attempt == kAttempts) return node;
        const Reference now = this->reference(segment);
        if (now == reference || broken(Rule::failed_page_is_looked_up_again)) return node;
        reference = now;
    }
}

Result<Map::LeafHandle> Map::read_leaf(LeafIndex index, const Reference& reference) {
    PageBytes page;
    TF_TRY(file_.read(layout_.leaf_offset(index, reference.copy), page));
    TF_ASSIGN(auto leaf, Leaf::parse(page, index, reference, layout_, disk_, macs_.node));
    LeafHandle handle = std::make_shared<const Leaf>(std::move(leaf));
    leaves_.put(index.value(), reference, handle);
    return handle;
}

Result<Map::NodeHandle> Map::read_node(Segment segment, const Reference& reference) {
    PageBytes page;
    TF_TRY(file_.read(layout_.node_offset(segment, reference.copy), page));
    TF_ASSIGN(auto node, Node::parse(page, segment, reference, disk_, macs_.node));
    NodeHandle handle = std::make_shared<const Node>(std::move(node));
    nodes_.put(segment.value(), reference, handle);
    return handle;
}

Result<Reference> Map::leaf_reference(LeafIndex index) {
    TF_ASSIGN(const NodeHandle parent, node(segment_of(index)));
    return parent ? parent->reference(leaf_in_segment(index)) : Reference{};
}

Result<Entry> Map::entry(BlockIndex block) {
    TF_ASSIGN(const LeafHandle found, leaf(leaf_of(block)));
    return found ? found->entry(index_in_leaf(block))
                 : Entry::zero_at(layout_.implicit_slot(block));
}

Result<std::optional<LeafIndex>> Map::next_written(LeafIndex from) {
    for (std::uint64_t index = from.value(); index < layout_.leaf_count();) {
        const Segment segment = segment_of(LeafIndex{index});
        TF_ASSIGN(const NodeHandle parent, node(segment));
        const std::uint64_t end = (segment.value() + 1) * kSegmentLeaves;
        for (; parent && index < std::min(end, layout_.leaf_count()); ++index)
            if (!parent->reference(leaf_in_segment(LeafIndex{index})).implicit())
                return std::optional(LeafIndex{index});
        index = end;
    }
    return std::optional<LeafIndex>();
}

SegmentTable Map::table() const {
    const std::scoped_lock hold(mutex_);
    return table_;
}

Reference Map::reference(Segment segment) const {
    const std::scoped_lock hold(mutex_);
    return table_.reference(segment);
}

void Map::install(SegmentTable table) {
    const std::scoped_lock hold(mutex_);
    table_ = std::move(table);
}

void Map::remember(LeafIndex index, const Reference& reference, LeafHandle leaf) {
    leaves_.put(index.value(), reference, std::move(leaf));
}

void Map::remember(Segment segment, const Reference& reference, NodeHandle node) {
    nodes_.put(segment.value(), reference, std::move(node));
}

}  // namespace twofold::fs

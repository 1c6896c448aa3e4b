#include "fs/disk/rebuild.h"

#include <algorithm>

namespace twofold::fs {

namespace {

// What a parent would say of the page in one of its two places; nothing where `parses` says that
// it is no sound page.
template <class Parses>
Result<std::optional<Reference>> reference_to(io::File& file, std::uint64_t offset,
                                              std::uint32_t copy, Parses parses) {
    PageBytes page;
    auto read = file.read(offset, MutableBytes(page));
    if (!read && read.error().code != Errc::io && read.error().code != Errc::damaged)
        return fail(std::move(read).error());
    const auto header = MapPageHeader::peek(page);
    if (!read || !header || header->generation == 0) return std::optional<Reference>();
    const Reference reference{header->generation, copy, header->mac};
    return parses(page, reference) ? std::optional(reference) : std::nullopt;
}

// The newest of both places that a parent of generation `newest` can name: a newer one is of a
// checkpoint that was cut. Implicit where there is none.
template <class OffsetOf, class Parses>
Result<Reference> newest_reference(io::File& file, std::uint64_t newest, OffsetOf offset_of,
                                   Parses parses) {
    Reference best;
    for (const std::uint32_t copy : {0u, 1u}) {
        TF_ASSIGN(const auto found, reference_to(file, offset_of(copy), copy, parses));
        if (found && found->generation <= newest && found->generation > best.generation)
            best = *found;
    }
    return best;
}

}  // namespace

Result<Node> rebuild_node(EngineContext& context, Segment segment, const Reference& reference) {
    const crypto::Blake2b& mac = context.keys.macs().node;
    Node node = Node::implicit(segment, context.disk);
    for (std::uint32_t i = 0; i < kSegmentLeaves; ++i) {
        const LeafIndex leaf{segment.value() * kSegmentLeaves + i};
        TF_ASSIGN(const Reference found,
                  newest_reference(
                      context.file, reference.generation,
                      [&](std::uint32_t copy) { return context.layout.leaf_offset(leaf, copy); },
                      [&](const PageBytes& page, const Reference& its) {
                          return Leaf::parse(page, leaf, its, context.layout, context.disk, mac)
                              .has_value();
                      }));
        node.set(i, found);
    }
    if (node.finish(reference.generation, reference.copy, mac) != reference)
        return fail(Errc::unauthentic,
                    "node of segment {}: its leaves do not add up to it: one is lost as well",
                    segment.value());
    return node;
}

Result<SegmentTable> rebuild_segment_table(EngineContext& context, const Superblock& superblock) {
    const crypto::Blake2b& mac = context.keys.macs().node;
    SegmentTable table(context.layout.segment_count());
    for (std::uint64_t s = 0; s < context.layout.segment_count(); ++s) {
        const Segment segment{s};
        TF_ASSIGN(const Reference found,
                  newest_reference(
                      context.file, superblock.generation,
                      [&](std::uint32_t copy) { return context.layout.node_offset(segment, copy); },
                      [&](const PageBytes& page, const Reference& its) {
                          return Node::parse(page, segment, its, context.disk, mac).has_value();
                      }));
        table.set(segment, found);
    }
    if (!crypto::equal_in_constant_time(table.root(context.disk, context.keys.macs().root),
                                        superblock.root))
        return fail(Errc::unauthentic,
                    "segment table: the nodes do not add up to it: one is lost as well");
    return table;
}

Result<PoolTable> rebuild_pool_table(EngineContext& context, Map& map,
                                     const Superblock& superblock) {
    const Layout& layout = context.layout;
    std::vector<bool> owned(layout.slot_count(), false);
    for (std::uint64_t l = 0; l < layout.leaf_count(); ++l) {
        const LeafIndex index{l};
        TF_ASSIGN(const Map::LeafHandle leaf, map.leaf(index));
        const std::uint64_t first = first_block_of(index).value();
        const std::uint64_t count =
            std::min<std::uint64_t>(entries_in(index), layout.block_count() - first);
        for (std::uint32_t i = 0; i < count; ++i)
            owned[leaf ? leaf->entry(i).slot.value()
                       : layout.implicit_slot(BlockIndex{first + i}).value()] = true;
    }
    PoolTable table;
    for (std::uint64_t s = 0; s < owned.size(); ++s)
        if (!owned[s] && table.slots.size() < layout.shape().pool_slots)
            table.slots.push_back(Slot{s});
    if (table.slots.size() != layout.shape().pool_slots ||
        !crypto::equal_in_constant_time(table.mac(context.disk, context.keys.macs().pool),
                                        superblock.pool_mac))
        return fail(Errc::unauthentic, "pool table: the map does not add up to it");
    return table;
}

}  // namespace twofold::fs

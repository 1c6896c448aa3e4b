// The two tables of the map: one reference a segment, and the slots of the pool.
#include <algorithm>

#include "fs/disk/map_pages.h"
#include "fs/disk/rule.h"

namespace twofold::fs {

namespace {

std::array<std::byte, 8> little_endian(std::uint64_t value) {
    std::array<std::byte, 8> out;
    Writer(out).u64_le(value);
    return out;
}

}  // namespace

Result<SegmentTable> SegmentTable::parse(Bytes bytes, const Layout& layout, const Root& root,
                                         const Uuid& disk, const crypto::Blake2b& root_mac) {
    TF_CHECK(bytes.size() == layout.shape().segment_table_size());
    const std::size_t used = layout.segment_count() * kReferenceSize;
    const auto count = little_endian(layout.segment_count());
    const std::array<Bytes, 3> covered{disk.bytes, count, bytes.first(used)};
    if (!root_mac.verify(covered, root) && !broken(Rule::root_mac))
        return fail(Errc::unauthentic, "segment table: not the one that the superblock names");
    if (!all_zero(bytes.subspan(used)))
        return fail(Errc::damaged, "segment table: not zero after the last segment");
    SegmentTable table(layout.segment_count());
    for (std::size_t i = 0; i < layout.segment_count(); ++i) {
        const auto item = bytes.subspan(i * kReferenceSize).first<kReferenceSize>();
        TF_ASSIGN(table.references_[i], Reference::parse(item));
    }
    return table;
}

const Reference& SegmentTable::reference(Segment segment) const {
    TF_CHECK(segment.value() < references_.size());
    return references_[segment.value()];
}

void SegmentTable::set(Segment segment, const Reference& reference) {
    TF_CHECK(segment.value() < references_.size());
    references_[segment.value()] = reference;
}

void SegmentTable::encode(MutableBytes out) const {
    TF_CHECK(out.size() >= references_.size() * kReferenceSize);
    Writer w(out);
    for (const Reference& reference : references_)
        reference.encode(w.reserve(kReferenceSize).first<kReferenceSize>());
    w.zeros(out.size() - w.offset());
}

Root SegmentTable::root(const Uuid& disk, const crypto::Blake2b& root_mac) const {
    std::vector<std::byte> encoded(references_.size() * kReferenceSize);
    encode(encoded);
    const auto count = little_endian(references_.size());
    const std::array<Bytes, 3> covered{disk.bytes, count, encoded};
    Root root;
    root_mac.mac(covered, root);
    return root;
}

PoolTable PoolTable::initial(const Layout& layout) {
    PoolTable table;
    for (std::uint32_t i = 0; i < layout.shape().pool_slots; ++i) table.slots.emplace_back(i);
    return table;
}

Result<PoolTable> PoolTable::parse(Bytes bytes, const Layout& layout, const PoolMac& mac,
                                   const Uuid& disk, const crypto::Blake2b& pool_mac) {
    TF_CHECK(bytes.size() == layout.shape().pool_table_size());
    const std::size_t used = std::size_t{layout.shape().pool_slots} * sizeof(std::uint64_t);
    const auto count = little_endian(layout.shape().pool_slots);
    const std::array<Bytes, 3> covered{disk.bytes, count, bytes.first(used)};
    if (!pool_mac.verify(covered, mac) && !broken(Rule::pool_mac))
        return fail(Errc::unauthentic, "pool table: not the one that the superblock names");
    if (!all_zero(bytes.subspan(used)))
        return fail(Errc::damaged, "pool table: not zero after its last slot");
    PoolTable table;
    Reader r(bytes);
    for (std::uint32_t i = 0; i < layout.shape().pool_slots; ++i) {
        const Slot slot{r.u64_le()};
        if (slot.value() >= layout.slot_count())
            return fail(Errc::corrupt, "pool table: slot {} is past the last one", slot.value());
        if (!table.slots.empty() && slot <= table.slots.back() &&
            !broken(Rule::pool_table_is_in_order))
            return fail(Errc::corrupt, "pool table: slot {} is out of order", slot.value());
        table.slots.push_back(slot);
    }
    return table;
}

void PoolTable::encode(MutableBytes out) const {
    TF_CHECK(std::ranges::adjacent_find(slots, std::greater_equal<>{}) == slots.end());
    Writer w(out);
    for (const Slot slot : slots) w.u64_le(slot.value());
    w.zeros(out.size() - w.offset());
}

PoolMac PoolTable::mac(const Uuid& disk, const crypto::Blake2b& pool_mac) const {
    std::vector<std::byte> encoded(slots.size() * sizeof(std::uint64_t));
    encode(encoded);
    const auto count = little_endian(slots.size());
    const std::array<Bytes, 3> covered{disk.bytes, count, encoded};
    PoolMac mac;
    pool_mac.mac(covered, mac);
    return mac;
}

}  // namespace twofold::fs

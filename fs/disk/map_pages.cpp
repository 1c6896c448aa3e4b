#include "fs/disk/map_pages.h"

#include <algorithm>

#include "fs/disk/rule.h"

namespace twofold::fs {

namespace {

// Header of a leaf or node: magic 4, level 1, version 1, zero 2, index 8, generation 8, disk id 16,
// MAC 24.
constexpr std::string_view kMagic = "TFND";
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kLeafLevel = 0, kNodeLevel = 1;
constexpr std::size_t kGenerationAt = 16;
constexpr std::size_t kMacAt = 40;
static_assert(kMacAt + sizeof(PageMac) == kMapPageHeaderSize);

using PageView = std::span<const std::byte, kSectorSize>;

void write_header(PageBytes& page, std::uint8_t level, std::uint64_t index, const Uuid& disk) {
    Writer w(MutableBytes(page).first(kMapPageHeaderSize));
    w.bytes(as_bytes(kMagic));
    w.u8(level);
    w.u8(kVersion);
    w.u16_le(0);
    w.u64_le(index);
    w.u64_le(0);
    w.bytes(disk.bytes);
    w.zeros(sizeof(PageMac));
}

// The page with its MAC field taken as zero.
std::array<Bytes, 3> around_mac(PageView page) {
    static constexpr PageMac kZero{};
    return {Bytes(page).first(kMacAt), Bytes(kZero), Bytes(page).subspan(kMapPageHeaderSize)};
}

Reference finish_page(PageBytes& page, std::uint64_t generation, std::uint32_t copy,
                      const crypto::Blake2b& node_mac) {
    TF_CHECK(generation > 0 && generation >> 63 == 0 && copy <= 1);
    Writer(MutableBytes(page).subspan(kGenerationAt, 8)).u64_le(generation);
    Reference reference{.generation = generation, .copy = copy, .mac = {}};
    node_mac.mac(around_mac(page), reference.mac);
    Writer(MutableBytes(page).subspan(kMacAt, sizeof(PageMac))).bytes(reference.mac);
    return reference;
}

// Everything that place and parent demand of a page; its contents come after this.
Result<void> check_page(PageView page, std::uint8_t level, std::uint64_t index,
                        const Reference& reference, const Uuid& disk,
                        const crypto::Blake2b& node_mac) {
    TF_CHECK(!reference.implicit());
    const std::string_view name = level == kLeafLevel ? "leaf" : "node";
    auto header = MapPageHeader::peek(page);
    if (!header || header->level != level || header->index != index || header->disk != disk ||
        ((header->generation != reference.generation || !equal(header->mac, reference.mac)) &&
         !broken(Rule::map_page_is_the_one_referred_to)) ||
        (!node_mac.verify(around_mac(page), header->mac) && !broken(Rule::map_page_mac)))
        return fail(Errc::unauthentic, "{} {}: not the page that its parent names", name, index);
    Reader r(Bytes(page).subspan(6, 2));
    if (!r.zeros(2)) return fail(Errc::corrupt, "{} {}: header", name, index);
    return {};
}

template <std::size_t Size>
std::span<std::byte, Size> item(PageBytes& page, std::uint32_t index) {
    return std::span<std::byte, Size>(page.data() + kMapPageHeaderSize + index * Size, Size);
}
template <std::size_t Size>
std::span<const std::byte, Size> item(PageView page, std::uint32_t index) {
    return std::span<const std::byte, Size>(page.data() + kMapPageHeaderSize + index * Size, Size);
}

// A block's entry within the bounds of the disk; past its end only the implicit one may stand.
Result<void> check_entry(const Entry& entry, BlockIndex block, const Layout& layout) {
    const bool inside = block.value() < layout.block_count();
    const bool possible = inside ? entry.slot.value() < layout.slot_count()
                                 : entry == Entry::zero_at(layout.implicit_slot(block));
    if (possible || broken(Rule::map_entries_are_within_the_disk)) return {};
    return fail(Errc::corrupt, "block {}: map entry names slot {}, {}", block.value(),
                entry.slot.value(), inside ? "past the last one" : "though the disk ends before");
}

}  // namespace

void Reference::encode(std::span<std::byte, kReferenceSize> out) const {
    TF_CHECK(generation >> 63 == 0 && copy <= 1);
    TF_CHECK(!implicit() || (copy == 0 && all_zero(mac)));
    Writer w(out);
    w.u64_le(generation * 2 + copy);
    w.bytes(mac);
    static_assert(sizeof(std::uint64_t) + sizeof(PageMac) == kReferenceSize);
}

Result<Reference> Reference::parse(std::span<const std::byte, kReferenceSize> bytes) {
    Reader r(bytes);
    const std::uint64_t packed = r.u64_le();
    Reference reference{.generation = packed / 2, .copy = packed % 2 != 0, .mac = {}};
    r.into(std::span(reference.mac));
    if (reference.implicit() && !all_zero(bytes))
        return fail(Errc::corrupt, "map reference: implicit, but not zero");
    return reference;
}

Result<MapPageHeader> MapPageHeader::peek(PageView page) {
    Reader r(page);
    const Bytes magic = r.bytes(kMagic.size());
    MapPageHeader header;
    header.level = r.u8();
    const std::uint8_t version = r.u8();
    r.u16_le();
    header.index = r.u64_le();
    header.generation = r.u64_le();
    r.into(std::span(header.disk.bytes));
    r.into(std::span(header.mac));
    if (as_text(magic) != kMagic || version != kVersion || header.level > kNodeLevel)
        return fail(Errc::damaged, "map page: no leaf or node");
    return header;
}

Leaf Leaf::implicit(LeafIndex index, const Layout& layout, const Uuid& disk) {
    Leaf leaf;
    write_header(leaf.page_, kLeafLevel, index.value(), disk);
    const std::uint64_t first = first_block_of(index).value();
    for (std::uint32_t i = 0; i < entries_in(index); ++i)
        leaf.set(i, Entry::zero_at(layout.implicit_slot(BlockIndex{first + i})));
    return leaf;
}

Result<Leaf> Leaf::parse(PageView page, LeafIndex index, const Reference& reference,
                         const Layout& layout, const Uuid& disk, const crypto::Blake2b& node_mac) {
    TF_TRY(check_page(page, kLeafLevel, index.value(), reference, disk, node_mac));
    const std::uint64_t first = first_block_of(index).value();
    const std::uint32_t used = entries_in(index);
    for (std::uint32_t i = 0; i < kLeafEntries; ++i) {
        const auto bytes = item<kEntrySize>(page, i);
        if (i >= used) {
            if (!all_zero(bytes))
                return fail(Errc::corrupt, "leaf {}: more than {} entries", index.value(), used);
            continue;
        }
        TF_ASSIGN(const Entry entry, Entry::parse(bytes));
        TF_TRY(check_entry(entry, BlockIndex{first + i}, layout));
    }
    Leaf leaf;
    std::ranges::copy(page, leaf.page_.begin());
    return leaf;
}

Entry Leaf::entry(std::uint32_t index) const {
    TF_CHECK(index < kLeafEntries);
    auto entry = Entry::parse(item<kEntrySize>(PageView(page_), index));
    TF_CHECK(entry.has_value());  // parse() and set() saw to it
    return *entry;
}

void Leaf::set(std::uint32_t index, const Entry& entry) {
    TF_CHECK(index < kLeafEntries);
    entry.encode(item<kEntrySize>(page_, index));
}

Reference Leaf::finish(std::uint64_t generation, std::uint32_t copy,
                       const crypto::Blake2b& node_mac) {
    return finish_page(page_, generation, copy, node_mac);
}

Node Node::implicit(Segment segment, const Uuid& disk) {
    Node node;
    write_header(node.page_, kNodeLevel, segment.value(), disk);
    return node;
}

Result<Node> Node::parse(PageView page, Segment segment, const Reference& reference,
                         const Uuid& disk, const crypto::Blake2b& node_mac) {
    TF_TRY(check_page(page, kNodeLevel, segment.value(), reference, disk, node_mac));
    for (std::uint32_t i = 0; i < kSegmentLeaves; ++i)
        TF_TRY(Reference::parse(item<kReferenceSize>(page, i)));
    Node node;
    std::ranges::copy(page, node.page_.begin());
    return node;
}

Reference Node::reference(std::uint32_t leaf) const {
    TF_CHECK(leaf < kSegmentLeaves);
    auto reference = Reference::parse(item<kReferenceSize>(PageView(page_), leaf));
    TF_CHECK(reference.has_value());
    return *reference;
}

void Node::set(std::uint32_t leaf, const Reference& reference) {
    TF_CHECK(leaf < kSegmentLeaves);
    reference.encode(item<kReferenceSize>(page_, leaf));
}

Reference Node::finish(std::uint64_t generation, std::uint32_t copy,
                       const crypto::Blake2b& node_mac) {
    return finish_page(page_, generation, copy, node_mac);
}

}  // namespace twofold::fs

// Superblocks, log pages, leaves, nodes and tables. Bit 0 of the first byte: the MAC is made right.
#include "fs/disk/log_page.h"
#include "fs/disk/superblock.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"

namespace twofold::fuzz {

using fs::Leaf;
using fs::Node;
using fs::PageBytes;
using fs::Reference;

void fuzz_superblock(Bytes bytes) {
    Input input(bytes);
    const std::uint8_t mode = input.u8();
    PageBytes page = input.page();
    if ((mode & 1) != 0)
        fixed_mac().mac(Bytes(page).first(480), MutableBytes(page).subspan(480, 32));
    const auto shown = fs::Superblock::peek(page);
    const auto parsed =
        fs::Superblock::parse(page, fixed_disk(), kShape, fs::Limits::tiny(), fixed_mac());
    TF_CHECK(!parsed || shown);
    if (!parsed) return;
    TF_CHECK(fs::Layout::create(parsed->block_count, kShape, fs::Limits::tiny()));
    TF_CHECK(equal(Bytes(parsed->encode(fixed_mac())).first(512), Bytes(page).first(512)));
}

void fuzz_log_page(Bytes bytes) {
    Input input(bytes);
    const std::uint8_t mode = input.u8();
    PageBytes page = input.page();
    if ((mode & 1) != 0) set_page_mac(page, 64, 32, fixed_mac());
    const auto shown = fs::LogPage::peek(page);
    const auto parsed = fs::LogPage::parse(page, fixed_mac());
    TF_CHECK(!parsed || shown);
    if (!parsed) return;
    TF_CHECK(parsed->page.records.size() <= fs::kLogRecords);
    const auto again = parsed->page.encode(fixed_mac());
    TF_CHECK(again.bytes == page && again.mac == parsed->mac);
}

namespace {

// What a parent would say of this page: its own generation and MAC.
Reference named_by(const PageBytes& page, std::uint8_t copy) {
    Reference reference;
    if (const auto header = fs::MapPageHeader::peek(page)) {
        reference.generation = header->generation & ~(std::uint64_t{1} << 63);
        reference.mac = header->mac;
    }
    reference.copy = copy & 1;
    return reference;
}

void check_leaf(const PageBytes& page, fs::LeafIndex index, const Reference& reference) {
    auto leaf = Leaf::parse(page, index, reference, fixed_layout(), fixed_disk(), fixed_mac());
    if (!leaf) return;
    Leaf again = *leaf;
    for (std::uint32_t i = 0; i < fs::entries_in(index); ++i) {
        TF_CHECK(leaf->entry(i).slot.value() < fixed_layout().segment_count() * fs::kSegmentSlots);
        again.set(i, leaf->entry(i));
    }
    again.finish(reference.generation, reference.copy, fixed_mac());
    TF_CHECK(again.bytes() == page);
}

void check_node(const PageBytes& page, fs::Segment segment, const Reference& reference) {
    auto node = Node::parse(page, segment, reference, fixed_disk(), fixed_mac());
    if (!node) return;
    Node again = *node;
    for (std::uint32_t i = 0; i < fs::kSegmentLeaves; ++i) again.set(i, node->reference(i));
    again.finish(reference.generation, reference.copy, fixed_mac());
    TF_CHECK(again.bytes() == page);
}

void check_tables(Bytes bytes, bool right) {
    const fs::Layout layout = fixed_layout();
    const Uuid disk = fixed_disk();
    std::vector<std::byte> table(kShape.segment_table_size());
    std::ranges::copy(bytes.first(std::min(bytes.size(), table.size())), table.begin());
    fs::Root root{};
    std::array<std::byte, 8> count{};
    Writer(count).u64_le(layout.segment_count());
    const std::array<Bytes, 3> covered{
        disk.bytes, count, Bytes(table).first(layout.segment_count() * fs::kReferenceSize)};
    if (right) fixed_mac().mac(covered, root);
    const auto segments = fs::SegmentTable::parse(table, layout, root, disk, fixed_mac());
    TF_CHECK(!segments || segments->root(disk, fixed_mac()) == root);

    table.assign(kShape.pool_table_size(), std::byte{0});
    std::ranges::copy(bytes.first(std::min(bytes.size(), table.size())), table.begin());
    Writer(count).u64_le(kShape.pool_slots);
    const std::array<Bytes, 3> slots{disk.bytes, count, Bytes(table).first(kShape.pool_slots * 8)};
    fs::PoolMac mac{};
    if (right) fixed_mac().mac(slots, mac);
    const auto pool = fs::PoolTable::parse(table, layout, mac, disk, fixed_mac());
    TF_CHECK(!pool || pool->mac(disk, fixed_mac()) == mac);
}

}  // namespace

void fuzz_map_page(Bytes bytes) {
    Input input(bytes);
    const std::uint8_t mode = input.u8();
    const std::uint8_t place = input.u8();
    if ((mode & 2) != 0) return check_tables(input.rest(), (mode & 1) != 0);
    PageBytes page = input.page();
    if ((mode & 1) != 0) set_page_mac(page, 40, 24, fixed_mac());
    const Reference reference = named_by(page, mode >> 2);
    if (reference.implicit()) return;  // is never read
    check_leaf(page, fs::LeafIndex{place % 3u}, reference);
    check_node(page, fs::Segment{place % 2u}, reference);
}

}  // namespace twofold::fuzz

// Trees and tables that are authentic, up to the superblock, and can't be.
#include <fmt/format.h>

#include "tests/damaged/bench.h"

namespace twofold::damage {

namespace {

constexpr std::uint64_t kAllOnes48 = (std::uint64_t{1} << 48) - 1;
constexpr std::size_t kFirst = Bench::kEntryAt;
constexpr std::size_t kData = kFirst + Bench::kBlock * fs::kEntrySize;  // a DATA entry

Malformed leaf(std::string name, std::string what, Bench::PageEdit edit) {
    return {"leaf-" + std::move(name), std::move(what),
            [edit = std::move(edit)](Bench& b) { b.edit_leaf(edit); }};
}
Malformed node(std::string name, std::string what, Bench::PageEdit edit) {
    return {"node-" + std::move(name), std::move(what),
            [edit = std::move(edit)](Bench& b) { b.edit_node(edit); }};
}
Malformed pool(std::string name, std::string what, std::function<void(MutableBytes)> edit) {
    return {"pool-" + std::move(name), std::move(what),
            [edit = std::move(edit)](Bench& b) { b.edit_pool(edit); }};
}
Malformed segments(std::string name, std::string what, std::function<void(MutableBytes)> edit) {
    return {"segments-" + std::move(name), std::move(what),
            [edit = std::move(edit)](Bench& b) { b.edit_segment_table(edit); }};
}

// The slot of an entry, which shares eight bytes with its flags.
Bench::PageEdit set_slot(std::size_t entry, std::uint64_t slot) {
    return [=](fs::PageBytes& page) {
        for (std::size_t i = 0; i < 6; ++i)
            page[entry + i] = static_cast<std::byte>(slot >> (8 * i));
    };
}
std::function<void(MutableBytes)> number(std::size_t at, std::uint64_t value) {
    return [=](MutableBytes bytes) { Writer(bytes.subspan(at)).u64_le(value); };
}

void add_headers(std::vector<Malformed>& all) {
    for (const bool of_leaf : {true, false}) {
        const auto page = of_leaf ? leaf : node;
        all.push_back(page("magic", "another magic", set_bytes(0, "TFXX")));
        all.push_back(page("other-level", "of the other level", set_u8(4, of_leaf ? 1 : 0)));
        all.push_back(page("level-2", "of a level that no tree has", set_u8(4, 2)));
        all.push_back(page("version-2", "unknown version", set_u8(5, 2)));
        all.push_back(page("reserved", "reserved bytes", set_u16(6, 1)));
        all.push_back(page("other-index", "of another place", set_u64(8, 1)));
        all.push_back(page("index-2^63", "of an impossible place", set_u64(8, 1ull << 63)));
        all.push_back(page("generation-2^63", "a generation that its parent can't name",
                           set_u64(16, 1ull << 63)));
        all.push_back(page("other-disk", "of another disk", invert(24, 16)));
    }
}

void add_leaves(std::vector<Malformed>& all) {
    for (const std::uint64_t slot : {std::uint64_t{260}, std::uint64_t{1} << 32, kAllOnes48})
        all.push_back(leaf(fmt::format("slot-{:x}", slot), "a slot past the last one",
                           set_slot(kFirst, slot)));
    all.push_back(leaf("slot-twice", "one slot for two blocks", set_slot(kFirst, 5)));
    all.push_back(leaf("slot-of-the-pool", "a slot that the pool has, too", set_slot(kFirst, 1)));
    all.push_back(leaf("data-of-keyset-0", "data of no keyset", set_u16(kData + 6, 1)));
    all.push_back(leaf("data-of-keyset-7", "data of a keyset that is not there",
                       set_u16(kData + 6, 7 << 2 | 1)));
    for (const int flags : {2, 3, 1 << 14, 1 << 15, 65535})
        all.push_back(leaf(fmt::format("flags-{:x}", flags), "unknown flags",
                           set_u16(kFirst + 6, static_cast<std::uint16_t>(flags))));
    all.push_back(leaf("zero-with-nonce", "a block of zeros with a nonce", set_u8(kFirst + 8, 1)));
    all.push_back(leaf("zero-with-tag", "a block of zeros with a tag", set_u8(kFirst + 63, 1)));
    all.push_back(
        leaf("zero-with-keyset", "a block of zeros with a keyset", set_u16(kFirst + 6, 1 << 2)));
    all.push_back(leaf("data-made-zero", "a block of data called zeros, nonce and tags left",
                       set_u16(kData + 6, 0)));
    all.push_back(leaf("tag", "a block under another tag", invert(kData + 48, 16)));
}

void add_nodes_and_tables(std::vector<Malformed>& all) {
    constexpr std::size_t kRefs = fs::kMapPageHeaderSize;
    all.push_back(node("reference-to-the-empty-copy", "the leaf's copy that was never written",
                       [](fs::PageBytes& page) { page[kRefs] ^= std::byte{1}; }));
    all.push_back(node("reference-generation", "a generation that the leaf does not have",
                       set_u64(kRefs, 2 * 77)));
    all.push_back(node("reference-generation-max", "the highest generation there can be",
                       set_u64(kRefs, ~std::uint64_t{0})));
    all.push_back(
        node("implicit-with-mac", "a leaf that was never written, with a MAC", set_u64(kRefs, 0)));
    all.push_back(node("implicit-in-copy-1", "a leaf that was never written, in copy 1",
                       set_u64(kRefs + 32, 1)));
    all.push_back(node("leaf-past-the-disk", "a leaf of blocks that the disk has not",
                       set_u64(kRefs + 125 * 32, 2)));
    all.push_back(
        segments("implicit-with-mac", "a node that was never written, with a MAC", number(0, 0)));
    all.push_back(segments("generation-max", "the highest generation there can be",
                           number(0, ~std::uint64_t{0})));
    all.push_back(segments("tail", "a reference past the last segment", number(32, 2)));
    all.push_back(segments("last-byte", "not zero at the end of the table",
                           [](MutableBytes b) { b.back() = std::byte{1}; }));
    all.push_back(
        {"segments-node-forgotten", "the node called never written: all blocks zero", [](Bench& b) {
             b.edit_segment_table([](MutableBytes bytes) {
                 std::ranges::fill(bytes.first(fs::kReferenceSize), std::byte{0});
             });
         }});
    all.push_back(pool("unsorted", "slots out of order", [](MutableBytes b) {
        std::swap_ranges(b.begin(), b.begin() + 8, b.begin() + 8);
    }));
    all.push_back(pool("twice", "one slot twice", number(8, 1)));
    all.push_back(pool("past-the-end", "a slot past the last one", number(24, 260)));
    all.push_back(pool("2^63", "a slot past any", number(24, 1ull << 63)));
    all.push_back(pool("all-ones", "a slot past any", number(24, ~std::uint64_t{0})));
    all.push_back(pool("owned", "a slot that a block owns", number(24, 10)));
    all.push_back(pool("tail", "one more slot than there are", number(32, 20)));
}

}  // namespace

std::vector<Malformed> malformed_maps() {
    std::vector<Malformed> all;
    add_headers(all);
    add_leaves(all);
    add_nodes_and_tables(all);
    return all;
}

}  // namespace twofold::damage

// The worked example: what FORMAT.md prints is what this program makes and reads.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "fs/disk/anchor.h"
#include "fs/disk/header.h"
#include "fs/disk/log_page.h"
#include "fs/disk/superblock.h"
#include "tests/fs/disk/example_disk.h"
#include "tests/support/fixed_keys.h"

namespace twofold::fs {
namespace {

const std::string kDirectory = std::string(TWOFOLD_FIXTURES) + "/vectors/twofold";

std::string text_of(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

// The bytes of a `.hex` file.
std::vector<std::byte> sector_of(const std::string& text) {
    std::vector<std::byte> out(kSectorSize);
    std::istringstream lines(text);
    std::string at, digits;
    while (lines >> at >> digits) {
        const auto bytes = must(from_hex(digits));
        std::ranges::copy(bytes, out.begin() + std::stol(at, nullptr, 16));
    }
    return out;
}

TEST(Vectors, AreWhatTheProgramMakes) {
    const ExampleDisk disk = must(ExampleDisk::make());
    EXPECT_EQ(disk.files.size(), 13u);
    for (const auto& [name, text] : disk.files)
        EXPECT_EQ(text_of(kDirectory + "/" + name), text)
            << name << " differs: if the format has changed on purpose, run make_vectors";
}

TEST(Vectors, TheExampleReadsFromSuperblockToPlaintext) {
    ExampleDisk disk = must(ExampleDisk::make());
    const auto file = io::make_memory_file(disk.size);
    for (const auto& [offset, bytes] : disk.sectors) must(file->write(offset, Bytes(bytes)));
    InsecureTestKeys keys;
    const auto opened =
        must(Header::open(*file, keys, disk.note, Limits::production(), Libraries::independent));
    EXPECT_TRUE(opened.header->damage().empty());
    const VolumeMacs& macs = opened.keys.macs();
    const StaticSector& facts = opened.header->facts();

    const Superblock super =
        must(Superblock::parse(disk.sectors[superblock_offset(3, 1)], facts.disk, facts.shape,
                               Limits::production(), macs.super));
    const Layout layout =
        must(Layout::create(super.block_count, facts.shape, Limits::production()));
    EXPECT_EQ(layout.file_size(), disk.size);
    const auto record = sector_of(disk.files.at("anchor.hex"));
    const Bytes anchor = Bytes(record).first(Anchor::kSize);
    EXPECT_THAT(Anchor::verify(anchor, {facts.deployment, "node0", "example"}, macs.anchor),
                Succeeds());
    EXPECT_THAT(must(Anchor::parse(anchor)).compare(super, facts.generation), Succeeds());
    const auto page = must(LogPage::parse(disk.sectors[layout.log_page_offset(1)], macs.log));
    EXPECT_EQ(page.mac, super.chain);

    std::vector<std::byte> table(facts.shape.segment_table_size());
    must(file->read(layout.segment_table_offset(super.segment_table_copy), MutableBytes(table)));
    const auto segments =
        must(SegmentTable::parse(table, layout, super.root, facts.disk, macs.root));
    const Reference node_ref = segments.reference(Segment{0});
    const Node node = must(Node::parse(disk.sectors[layout.node_offset(Segment{0}, node_ref.copy)],
                                       Segment{0}, node_ref, facts.disk, macs.node));
    const LeafIndex index = leaf_of(BlockIndex{kExampleBlock});
    const Reference leaf_ref = node.reference(leaf_in_segment(index));
    const Leaf leaf = must(Leaf::parse(disk.sectors[layout.leaf_offset(index, leaf_ref.copy)],
                                       index, leaf_ref, layout, facts.disk, macs.node));
    const Entry entry = leaf.entry(index_in_leaf(BlockIndex{kExampleBlock}));
    EXPECT_EQ(std::get<BlockRecord>(page.page.records.at(0)).entry, entry);

    std::array<std::byte, kSealedSize> sealed{};
    must(file->read(layout.slot_offset(entry.slot), MutableBytes(sealed).first(kBlockSize)));
    const SealStack* stack = opened.keys.find(entry.keyset);
    ASSERT_NE(stack, nullptr);
    must(stack->open(entry.seal_info(BlockIndex{kExampleBlock}), sealed));
    EXPECT_TRUE(equal(Bytes(sealed).first(kBlockSize), example_plaintext()));

    table.resize(facts.shape.pool_table_size());
    must(file->read(layout.pool_table_offset(super.pool_table_copy), MutableBytes(table)));
    const auto pool = must(PoolTable::parse(table, layout, super.pool_mac, facts.disk, macs.pool));
    EXPECT_EQ(pool.slots, (std::vector{Slot{1}, Slot{2}, Slot{3}, Slot{9}}));
}

// FORMAT.md shows the example in fenced blocks: "hex NAME" has lines "offset  hex  words", "keys"
// has lines "name.name = hex".
TEST(Vectors, AreWhatTheDescriptionOfTheFormatShows) {
    const ExampleDisk disk = must(ExampleDisk::make());
    const auto keys = nlohmann::json::parse(disk.files.at("keys.json"), nullptr, false);
    std::istringstream document(text_of(std::string(TWOFOLD_FIXTURES) + "/../fs/FORMAT.md"));
    std::string fence;
    int compared = 0;
    for (std::string line; std::getline(document, line);) {
        std::istringstream words(line);
        std::string first, second, third;
        if (line.starts_with("```")) {
            fence = fence.empty() ? line.substr(3) : "";
        } else if (fence.starts_with("hex ")) {
            words >> first >> second;
            const auto sector = sector_of(disk.files.at(fence.substr(4) + ".hex"));
            const std::size_t at = std::stoul(first, nullptr, 16);
            EXPECT_EQ(to_hex(Bytes(sector).subspan(at, second.size() / 2)), second) << line;
            ++compared;
        } else if (fence == "keys") {
            words >> first >> second >> third;
            std::ranges::replace(first, '.', '/');
            const nlohmann::json::json_pointer where("/" + first);
            EXPECT_EQ(keys.at(where).get<std::string>(), third) << line;
            ++compared;
        }
    }
    EXPECT_GT(compared, 100);
}

}  // namespace
}  // namespace twofold::fs

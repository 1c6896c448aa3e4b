// What an image tells whoever has no key, sound or damaged.
#include "fs/disk/inspect.h"

#include "fs/disk/unverified_map.h"
#include "tests/fs/disk/example_disk.h"
#include "tests/fs/disk/header_fixture.h"

namespace twofold::fs {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// The worked example in memory.
class Inspect : public testing::Test {
protected:
    void SetUp() override {
        example = must(ExampleDisk::make());
        file = io::make_memory_file(example.size);
        for (const auto& [offset, bytes] : example.sectors) must(file->write(offset, Bytes(bytes)));
    }
    void flip(std::uint64_t offset) {
        std::array<std::byte, 1> b;
        must(file->read(offset, MutableBytes(b)));
        b[0] ^= std::byte{0x40};
        must(file->write(offset, Bytes(b)));
    }
    ImageReport report() { return must(inspect_image(*file)); }
    UnverifiedMap map() {
        const ImageReport r = report();
        return UnverifiedMap(*file, *r.layout, *r.superblock());
    }

    ExampleDisk example;
    std::unique_ptr<io::File> file;
};

TEST_F(Inspect, TellsEverythingThatIsNotSecret) {
    const ImageReport r = report();
    ASSERT_NE(r.facts(), nullptr);
    EXPECT_EQ(r.facts()->label, "example");
    EXPECT_EQ(r.facts()->note(), example.note);
    EXPECT_THAT(r.headers[0].problem, IsEmpty());
    EXPECT_THAT(r.headers[1].problem, IsEmpty());
    int live = 0;
    for (const HeaderReport& header : r.headers)
        for (const EnvelopeReport& envelope : header.envelopes) live += envelope.sector.has_value();
    EXPECT_EQ(live, 4);
    ASSERT_NE(r.superblock(), nullptr);
    EXPECT_EQ(r.superblock()->generation, 3u);
    EXPECT_EQ(r.superblocks[0].problem, "empty");
    EXPECT_EQ(r.layout->file_size(), r.file_size);
    EXPECT_EQ(r.log.written, 1u);
    EXPECT_EQ(r.log.current, 0u);
    EXPECT_EQ(r.map.nodes_written, 1u);
    EXPECT_EQ(r.map.leaves_written, 1u);
}

TEST_F(Inspect, FindsABlocksSlotWithoutAnyKey) {
    UnverifiedMap m = map();
    const auto found = must(m.next_data(BlockIndex{0}));
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, BlockIndex{kExampleBlock});
    EXPECT_EQ(must(m.entry(*found))->slot, Slot{0});
    EXPECT_EQ(must(m.entry(BlockIndex{100})), Entry::zero_at(Slot{104}));  // implicit
    EXPECT_EQ(must(m.next_data(BlockIndex{kExampleBlock + 1})), std::nullopt);
}

TEST_F(Inspect, FollowsTheLogBehindTheCheckpoint) {
    // The superblock before the example's: nothing in the tree yet, the block in the log alone.
    Superblock before = *report().superblock();
    before.log_start = 1;
    before.segment_table_copy = 0;
    UnverifiedMap m(*file, *report().layout, before);
    EXPECT_EQ(must(m.next_data(BlockIndex{0})), BlockIndex{kExampleBlock});
    EXPECT_EQ(must(m.entry(BlockIndex{kExampleBlock}))->slot, Slot{0});
    EXPECT_EQ(must(m.entry(BlockIndex{4})), Entry::zero_at(Slot{8}));
}

TEST_F(Inspect, DecodesADamagedHeaderAsFarAsItCan) {
    flip(30);
    flip(header_offset(HeaderCopy::b) + 30);
    const ImageReport r = report();
    EXPECT_THAT(r.headers[0].problem, HasSubstr("damaged"));
    EXPECT_THAT(r.headers[1].problem, HasSubstr("damaged"));
    ASSERT_NE(r.facts(), nullptr);
    EXPECT_EQ(r.facts()->active().layers[0].suite, Suite::aes_256_xts);
    EXPECT_TRUE(r.layout) << "the superblock counts, though the disk id is not what it was";
}

TEST_F(Inspect, PrefersTheSoundCopy) {
    flip(160);  // label of copy A
    EXPECT_EQ(report().facts()->label, "example");
}

TEST_F(Inspect, ReportsADamagedEnvelope) {
    flip(EnvelopePlace{crypto::Layer::two, 0, 0}.offset(HeaderCopy::b) + 70);
    EXPECT_THAT(report().headers[1].envelopes[4].problem, HasSubstr("damaged"));
    EXPECT_TRUE(report().headers[0].envelopes[4].sector);
}

TEST_F(Inspect, OfSomethingElseSaysSo) {
    EXPECT_THAT(inspect_image(*io::make_memory_file(0)), FailsWith(Errc::not_an_image));
    EXPECT_THAT(inspect_image(*io::make_memory_file(8 << 20)), FailsWith(Errc::not_an_image));
}

TEST_F(Inspect, SurvivesEveryTruncation) {
    for (std::uint64_t size : {4096u, 65536u, 100000u, 1u << 20, 0x141000u, 0x200000u, 0x203000u}) {
        must(file->resize(size));
        const auto r = inspect_image(*file);
        ASSERT_THAT(r, Succeeds()) << size;
        must(file->resize(example.size));
        for (const auto& [offset, bytes] : example.sectors) must(file->write(offset, Bytes(bytes)));
    }
}

// Random damage anywhere: whatever comes out, nothing breaks. The sanitizers watch.
TEST_F(Inspect, SurvivesRandomDamage) {
    SeededRandom random(7);
    for (int round = 0; round < 300; ++round) {
        for (const auto& [offset, bytes] : example.sectors) {
            PageBytes page = bytes;
            std::array<std::byte, 4> dice;
            must(random.fill(dice));
            for (int i = 0; i < 3; ++i) {
                std::array<std::byte, 3> hit;
                must(random.fill(hit));
                const std::size_t at = (std::to_integer<std::size_t>(hit[0]) << 8 |
                                        std::to_integer<std::size_t>(hit[1])) %
                                       kSectorSize;
                if (at > 11) page[at] = hit[2];  // magic and version stay, to get further
            }
            must(file->write(offset, Bytes(page)));
        }
        const auto r = inspect_image(*file);
        if (!r || !r->layout) continue;
        UnverifiedMap m(*file, *r->layout, *r->superblock());
        const auto found = m.next_data(BlockIndex{0});
        if (!found || !*found) continue;
        const auto entry = m.entry(**found);
        if (!entry || !*entry) continue;
        EXPECT_LT((*entry)->slot.value(), r->layout->slot_count());
    }
}

TEST(Sanitised, ShowsNothingThatATerminalWouldObey) {
    EXPECT_EQ(sanitised("kek\x1b[2J\n\xff"), "kek?[2J??");
    EXPECT_EQ(sanitised("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace twofold::fs

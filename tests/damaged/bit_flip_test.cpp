// Every single bit of the metadata of a small image, flipped (X2, D4): in one copy, and at the same
// place in both. None is silent: each flip has one of the outcomes counted here, and the counts are
// asserted, so that an outcome that changes shows.
#include <cstdlib>
#include <set>

#include "tests/damaged/victim.h"
#include "tests/support/faulty_file.h"

namespace twofold::damage {
namespace {

using fs::HeaderCopy;
using fs::kSectorSize;
using Kind = Outcome::Kind;

constexpr std::uint64_t kTwinDistance = 512 * 1024;  // of header copies and of replicas

// Bytes [begin, end) of an area, whose bits are flipped one by one: all eight, or one of each
// `stride`-th byte.
struct Part {
    std::uint64_t begin = 0, end = 0;
    std::uint64_t stride = 1;
    bool all_bits = true;
};

// Every bit of everything takes a quarter of an hour, most of it for the headers, which take 0.3 ms
// to open. So by default each bit is flipped of what is in use, and one bit a byte or less of what
// is ignored, zero, or not in use; each bit of all with TWOFOLD_ALL_BITS=1.
bool all_bits() {
    const char* const all = std::getenv("TWOFOLD_ALL_BITS");
    return all != nullptr && all == std::string_view("1");
}
Part each_bit(std::uint64_t begin, std::uint64_t end) { return {begin, end}; }
Part one_in(std::uint64_t bytes, std::uint64_t begin, std::uint64_t end) {
    return all_bits() ? each_bit(begin, end) : Part{begin, end, bytes, false};
}
const std::vector<Part> kWholeSector{each_bit(0, kSectorSize)};
std::vector<Part> each_byte() { return {one_in(1, 0, kSectorSize)}; }
// 512 bytes count, the rest of the sector is ignored.
std::vector<Part> of_a_superblock() { return {each_bit(0, 512), one_in(1, 512, kSectorSize)}; }

// All 16 sectors of a copy.
std::vector<Part> of_a_header() {
    std::vector<Part> parts;
    std::uint64_t from = 0;
    const auto used = [&](std::uint64_t begin, std::uint64_t end) {
        parts.push_back(one_in(16, from, begin));
        parts.push_back(each_bit(begin, end));
        from = end;
    };
    used(0, 152 + 8);      // fixed fields, start of the label
    used(256, 256 + 204);  // the keyset record
    used(3904, 4000);      // SHA-256 and two MACs
    for (const crypto::Layer layer : {crypto::Layer::one, crypto::Layer::two}) {
        const std::uint64_t at = fs::EnvelopePlace{layer, 0, 0}.sector() * kSectorSize;
        used(at, at + 64 + 40);  // header and record
        used(at + 4000, at + 4064);
    }
    parts.push_back(one_in(16, from, fs::kHeaderSize));
    return parts;
}

class BitFlip : public testing::Test {
protected:
    using Look = Outcome (Victim::*)();

    // Flips the bits of `parts` of the area at `offset`, one after another, with those at `twins`
    // along with it, and counts what becomes of the disk.
    void sweep(Victim& victim, std::uint64_t offset, const std::vector<Part>& parts,
               const std::vector<std::uint64_t>& twins = {}, Look look = &Victim::look) {
        std::vector<std::uint64_t> places{offset};
        places.insert(places.end(), twins.begin(), twins.end());
        for (const Part& part : parts)
            for (std::uint64_t byte = part.begin; byte < part.end; byte += part.stride) {
                const int only = static_cast<int>(byte / part.stride % 8);
                for (int bit = part.all_bits ? 0 : only; bit < (part.all_bits ? 8 : only + 1);
                     ++bit)
                    flip(victim, places, byte, bit, look);
            }
    }
    void flip(Victim& victim, const std::vector<std::uint64_t>& places, std::uint64_t byte, int bit,
              Look look) {
        for (const std::uint64_t place : places) victim.flip(place + byte, bit);
        const Outcome outcome = (victim.*look)();
        ++counts[outcome.name()];
        EXPECT_NE(outcome.kind, Kind::wrong)
            << "byte " << places[0] + byte << ", bit " << bit << ": " << outcome.detail;
        // The parts decide as the whole does; and what is refused is refused to a writer.
        if (++bits % 509 == 0) {
            EXPECT_EQ(victim.open().name(), outcome.name()) << "byte " << places[0] + byte;
            if (outcome.kind == Kind::refused) {
                EXPECT_EQ(victim.open_writable().name(), outcome.name());
            }
        }
        for (const std::uint64_t place : places) victim.flip(place + byte, bit);
    }
    // By default, and with every bit.
    void expect_counts(const std::string& by_default, const std::string& with_all) {
        std::printf("%llu bits%s: %s\n", static_cast<unsigned long long>(bits),
                    all_bits() ? ", every one" : " (every one with TWOFOLD_ALL_BITS=1)",
                    to_string(counts).c_str());
        EXPECT_EQ(to_string(counts), all_bits() ? with_all : by_default);
        counts.clear();
        bits = 0;
    }

    Counts counts;
    std::uint64_t bits = 0;
};

// ---- What is read at all

// The sectors that an open, a read of every block and a check read. A bit in any other changes
// nothing, as long as this test holds.
TEST_F(BitFlip, OnlyWhatIsInUseIsReadAtAll) {
    Victim victim(Victim::Left::killed);
    std::set<std::uint64_t> read;
    victim.disk.wrap = [&](std::unique_ptr<io::File> file) {
        return std::make_unique<FaultyFile>(std::move(file), [&](const FileCall& call) {
            if (call.kind == FileCall::Kind::read)
                for (std::uint64_t s = call.offset / kSectorSize;
                     s * kSectorSize < call.offset + call.length; ++s)
                    read.insert(s);
            return Result<void>();
        });
    };
    victim.disk.options.read_only = true;
    victim.disk.open();
    for (std::uint64_t block = 0; block < 8; ++block) must(victim.disk.read(block));
    const auto file = victim.disk.wrap(victim.disk.image.open());
    must(fs::check_disk(*file, victim.disk.keys, victim.disk.note, victim.disk.random,
                        victim.disk.clock, {.limits = victim.disk.options.limits}));

    std::set<std::uint64_t> expected;
    const auto add = [&](std::uint64_t offset, std::uint64_t sectors = 1) {
        for (std::uint64_t s = 0; s < sectors; ++s) expected.insert(offset / kSectorSize + s);
    };
    for (const HeaderCopy copy : {HeaderCopy::a, HeaderCopy::b})
        add(fs::header_offset(copy), fs::kHeaderSectors);
    for (const std::uint64_t generation : {0u, 1u})
        for (const std::uint32_t replica : {0u, 1u})
            add(fs::superblock_offset(generation, replica));
    add(fs::kLogOffset, victim.layout().shape().log_pages);
    add(victim.live_segment_table());
    add(victim.live_pool_table());
    add(victim.live_node());
    add(victim.live_leaf());
    const std::set<std::uint64_t> metadata(
        read.begin(), read.lower_bound(victim.layout().slot_offset(fs::Slot{0}) / kSectorSize));
    EXPECT_EQ(metadata, expected);
    std::printf("%zu sectors of metadata are read, each of whose bits is flipped below\n",
                metadata.size());
}

// ---- Superblocks

TEST_F(BitFlip, EveryBitOfOneSuperblockSector) {
    Victim victim(Victim::Left::clean);
    for (const std::uint64_t generation : {0u, 1u})
        for (const std::uint32_t replica : {0u, 1u})
            sweep(victim, fs::superblock_offset(generation, replica), of_a_superblock());
    expect_counts("same: 30720", "same: 131072");
}

// The pair before serves, where its log runs through to the end; else it is known that something is
// missing.
TEST_F(BitFlip, EveryBitOfBothReplicasOfASuperblock) {
    const auto sweep_pairs = [&](Victim::Left left) {
        Victim victim(left);
        for (const std::uint64_t generation : {0u, 1u})
            sweep(victim, fs::superblock_offset(generation, 0), of_a_superblock(),
                  {fs::superblock_offset(generation, 1)});
    };
    sweep_pairs(Victim::Left::clean);
    expect_counts("same: 15360", "same: 65536");
    sweep_pairs(Victim::Left::killed);
    expect_counts("refused: history-lost: 4096; same: 11264",
                  "refused: history-lost: 4096; same: 61440");
}

// ---- Log

// Three pages are of this mount: that two epochs were synced is said by the page after each. The
// last one is of a soft commit, and without it looks like one that never was.
TEST_F(BitFlip, EveryBitOfTheLogOfAKilledDaemon) {
    Victim victim(Victim::Left::killed);
    for (std::uint64_t page = 0; page < victim.layout().shape().log_pages; ++page)
        sweep(victim, victim.layout().log_page_offset(page), kWholeSector);
    const auto each = "in the window: 32768; refused: history-lost: 65536; same: 98304";
    expect_counts(each, each);
}

TEST_F(BitFlip, EveryBitOfTheLogOfACleanDisk) {
    Victim victim(Victim::Left::clean);
    for (std::uint64_t page = 0; page < victim.layout().shape().log_pages; ++page)
        sweep(victim, victim.layout().log_page_offset(page), each_byte());
    expect_counts("same: 24576", "same: 196608");
}

// ---- Tables and tree: of two copies in turn the superblock, or the parent, names one. The other
// is older, and no replica: what replaces the live one is a backup.

TEST_F(BitFlip, EveryBitOfTheTables) {
    Victim victim(Victim::Left::killed);
    const fs::Layout& layout = victim.layout();
    sweep(victim, victim.live_segment_table(), kWholeSector);
    sweep(victim, victim.live_pool_table(), kWholeSector);
    const auto live = "refused: damaged: 65024; refused: unauthentic: 512";
    expect_counts(live, live);
    const auto older = [](std::uint64_t a, std::uint64_t b, std::uint64_t live_one) {
        return live_one == a ? b : a;
    };
    sweep(victim,
          older(layout.segment_table_offset(0), layout.segment_table_offset(1),
                victim.live_segment_table()),
          each_byte());
    sweep(victim,
          older(layout.pool_table_offset(0), layout.pool_table_offset(1), victim.live_pool_table()),
          each_byte());
    expect_counts("same: 8192", "same: 65536");
    sweep(victim, layout.segment_table_offset(0), each_byte(), {layout.segment_table_offset(1)});
    sweep(victim, layout.pool_table_offset(0), each_byte(), {layout.pool_table_offset(1)});
    expect_counts("refused: damaged: 8128; refused: unauthentic: 64",
                  "refused: damaged: 65024; refused: unauthentic: 512");
}

TEST_F(BitFlip, EveryBitOfANodeAndALeaf) {
    Victim victim(Victim::Left::clean);
    const fs::Layout& layout = victim.layout();
    const auto node = [&](std::uint32_t copy) { return layout.node_offset(fs::Segment{0}, copy); };
    const auto leaf = [&](std::uint32_t copy) {
        return layout.leaf_offset(fs::LeafIndex{0}, copy);
    };
    sweep(victim, victim.live_node(), kWholeSector);
    sweep(victim, victim.live_leaf(), kWholeSector);
    expect_counts("blocks lost: 65536", "blocks lost: 65536");
    sweep(victim, node(victim.live_node() == node(0) ? 1 : 0), each_byte());
    sweep(victim, leaf(victim.live_leaf() == leaf(0) ? 1 : 0), each_byte());
    expect_counts("same: 8192", "same: 65536");
    sweep(victim, node(0), each_byte(), {node(1)});
    sweep(victim, leaf(0), each_byte(), {leaf(1)});
    expect_counts("blocks lost: 8192", "blocks lost: 65536");
}

// ---- Headers (bit by bit, each structure by itself is refused in header_test)

TEST_F(BitFlip, EveryBitOfOneHeaderCopy) {
    Victim victim(Victim::Left::clean);
    for (const HeaderCopy copy : {HeaderCopy::a, HeaderCopy::b})
        sweep(victim, fs::header_offset(copy), of_a_header(), {}, &Victim::open_header);
    expect_counts("same, reported: 20832", "same, reported: 1048576");
}

TEST_F(BitFlip, EveryBitOfBothHeaderCopies) {
    Victim victim(Victim::Left::clean);
    sweep(victim, 0, of_a_header(), {kTwinDistance}, &Victim::open_header);
    expect_counts(
        "refused: damaged: 5962; refused: not-an-image: 64; refused: unauthentic: 1030; refused: "
        "unsupported: 32; same, reported: 3328",
        "refused: damaged: 96416; refused: not-an-image: 64; refused: unauthentic: 1792; refused: "
        "unsupported: 32; same, reported: 425984");
}

// ---- What `check` says and mends

// One bit in every 64th byte of all that is read. What has a twin, or can be made again from what
// it was made of, is mended to the very bytes it had; a leaf can't be, and is left.
TEST_F(BitFlip, CheckNamesEachDamagedPlaceAndMendsWhatHasACopy) {
    Victim victim(Victim::Left::clean);
    const std::uint64_t newest = victim.superblock().generation;
    const struct {
        const char* where;
        std::uint64_t offset, size;
        bool mended = true;
    } cases[] = {
        {"header copy A", fs::header_offset(HeaderCopy::a), fs::kHeaderSize},
        {"header copy B", fs::header_offset(HeaderCopy::b), fs::kHeaderSize},
        {"superblock at", fs::superblock_offset(newest, 0), 512},
        {"superblock at", fs::superblock_offset(newest, 1), 512},
        {"segment table", victim.live_segment_table(), kSectorSize},
        {"pool table", victim.live_pool_table(), kSectorSize},
        {"node", victim.live_node(), kSectorSize},
        {"leaf 0", victim.live_leaf(), kSectorSize, false},
    };
    const auto first_sectors = [&] {  // all before the slots
        std::vector<std::byte> bytes(victim.layout().slot_offset(fs::Slot{0}));
        victim.disk.image.read(0, bytes);
        return bytes;
    };
    const auto sound = first_sectors();
    ASSERT_TRUE(victim.check().sound());
    std::uint64_t named = 0, mended = 0;
    for (const auto& c : cases)
        for (std::uint64_t byte = 0; byte < c.size; byte += 64) {
            const int bit = static_cast<int>(byte / 64 % 8);
            victim.flip(c.offset + byte, bit);
            const fs::CheckReport report = victim.check();
            ASSERT_GE(report.findings.size(), 1u) << c.where << ", byte " << byte;
            EXPECT_THAT(report.findings[0].where, testing::HasSubstr(c.where))
                << "byte " << byte << ": " << report.findings[0].what;
            ++named;
            victim.repair();
            const bool whole = victim.check().sound();
            EXPECT_EQ(whole, c.mended) << c.where << ", byte " << byte;
            mended += whole;
            if (!whole) victim.flip(c.offset + byte, bit);
        }
    EXPECT_TRUE(first_sectors() == sound);
    EXPECT_EQ(named, 2 * 1024u + 2 * 8u + 4 * 64u);
    EXPECT_EQ(mended, named - 64);
    std::printf("%llu damaged places named, %llu mended\n", static_cast<unsigned long long>(named),
                static_cast<unsigned long long>(mended));
}

}  // namespace
}  // namespace twofold::damage

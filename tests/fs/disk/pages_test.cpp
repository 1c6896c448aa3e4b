// Leaves, nodes, tables, superblock and log page: what was encoded is read back, and every change
// to the bytes is refused.
#include <functional>

#include "fs/disk/log_page.h"
#include "fs/disk/map_pages.h"
#include "fs/disk/superblock.h"
#include "tests/support/matchers.h"

namespace twofold::fs {
namespace {

crypto::Blake2b mac_key(std::uint8_t fill, std::string_view personal) {
    auto key = must(crypto::SecretBytes::zeroed(32));
    std::ranges::fill(key.reveal_mutable(), std::byte{fill});
    return must(crypto::Blake2b::create(std::move(key), personal));
}

const Limits kTiny = Limits::tiny();

class Pages : public testing::Test {
protected:
    Uuid disk = must(Uuid::parse("00112233445566778899aabbccddeeff"));
    Shape shape{.pool_slots = 4, .log_pages = 4, .segments_max = 2048};
    Layout layout = must(Layout::create(70, shape, kTiny));
    crypto::Blake2b key = mac_key(7, "twofold1.node");

    Entry data_entry(std::uint64_t slot) const {
        Entry e;
        e.slot = Slot{slot};
        e.data = true;
        e.keyset = 4095;
        e.nonce.fill(std::byte{0xaa});
        e.tag1.fill(std::byte{0xbb});
        e.tag2.fill(std::byte{0xcc});
        return e;
    }
    Result<Leaf> parse(const PageBytes& page, const Reference& ref, std::uint64_t index = 0) {
        return Leaf::parse(page, LeafIndex{index}, ref, layout, disk, key);
    }
    // A leaf with these bytes changed and its MAC right: what only a bug could write.
    Result<Leaf> parse_forged(Leaf leaf, const std::function<void(PageBytes&)>& change) {
        PageBytes page = leaf.bytes();
        change(page);
        const PageMac zero{};
        const std::array<Bytes, 3> parts{Bytes(page).first(40), Bytes(zero),
                                         Bytes(page).subspan(64)};
        Reference ref{.generation = 1, .copy = 0, .mac = {}};
        key.mac(parts, ref.mac);
        std::ranges::copy(ref.mac, page.begin() + 40);
        return parse(page, ref);
    }
};

TEST_F(Pages, AnEntryIsReadBackAsWritten) {
    std::array<std::byte, kEntrySize> bytes;
    for (const Entry& entry :
         {data_entry((std::uint64_t{1} << 48) - 1), Entry::zero_at(Slot{77})}) {
        entry.encode(bytes);
        EXPECT_EQ(must(Entry::parse(bytes)), entry);
    }
}

TEST_F(Pages, AnEntryWithAnImpossibleFieldIsCorrupt) {
    struct Case {
        const char* what;
        Entry base;
        std::size_t at;
        std::uint8_t value;
    };
    const Case cases[] = {
        {"state 2", data_entry(1), 6, 0xfe},
        {"state 3", data_entry(1), 6, 0xff},
        {"bit 14", data_entry(1), 7, 0x7f},
        {"bit 15", data_entry(1), 7, 0xbf},
        {"zero with keyset", Entry::zero_at(Slot{1}), 6, 4},
        {"zero with nonce", Entry::zero_at(Slot{1}), 8, 1},
        {"zero with tag 1", Entry::zero_at(Slot{1}), 32, 1},
        {"zero with tag 2", Entry::zero_at(Slot{1}), 63, 1},
        {"data without keyset", Entry::zero_at(Slot{1}), 6, 1},
    };
    for (const Case& c : cases) {
        std::array<std::byte, kEntrySize> bytes;
        c.base.encode(bytes);
        bytes[c.at] = std::byte{c.value};
        EXPECT_THAT(Entry::parse(bytes), FailsWith(Errc::corrupt)) << c.what;
    }
}

TEST_F(Pages, AnUntouchedLeafOwnsTheImplicitSlots) {
    const Leaf leaf = Leaf::implicit(LeafIndex{1}, layout, disk);
    EXPECT_EQ(leaf.entry(0), Entry::zero_at(Slot{63 + 4}));
    EXPECT_EQ(leaf.entry(62), Entry::zero_at(Slot{125 + 4}));  // past the disk's 70 blocks
}

TEST_F(Pages, TheLastLeafOfASegmentHas61Entries) {
    Leaf leaf = Leaf::implicit(LeafIndex{125}, layout, disk);
    EXPECT_TRUE(all_zero(Bytes(leaf.bytes()).subspan(64 + 61 * 64)));
    const Reference ref = leaf.finish(1, 0, key);
    EXPECT_THAT(parse(leaf.bytes(), ref, 125), Succeeds());
}

TEST_F(Pages, ALeafIsReadBackAsWritten) {
    Leaf leaf = Leaf::implicit(LeafIndex{0}, layout, disk);
    leaf.set(5, data_entry(3));
    const Reference ref = leaf.finish(9, 1, key);
    EXPECT_EQ(ref.generation, 9u);
    EXPECT_EQ(ref.copy, 1u);
    const Leaf read = must(parse(leaf.bytes(), ref));
    EXPECT_EQ(read.entry(5), data_entry(3));
    EXPECT_EQ(read.entry(6), Entry::zero_at(Slot{10}));
    EXPECT_EQ(read.bytes(), leaf.bytes());
}

TEST_F(Pages, ALeafIsOnlyTheOneThatItsParentNames) {
    Leaf leaf = Leaf::implicit(LeafIndex{0}, layout, disk);
    const Reference old_reference = leaf.finish(3, 0, key);
    const PageBytes old_page = leaf.bytes();
    leaf.set(1, data_entry(2));
    const Reference reference = leaf.finish(4, 0, key);
    EXPECT_THAT(parse(old_page, reference), FailsWith(Errc::unauthentic));
    EXPECT_THAT(parse(leaf.bytes(), old_reference), FailsWith(Errc::unauthentic));
    EXPECT_THAT(parse(leaf.bytes(), reference, 1), FailsWith(Errc::unauthentic));
    EXPECT_THAT(Leaf::parse(leaf.bytes(), LeafIndex{0}, reference, layout, Uuid{}, key),
                FailsWith(Errc::unauthentic));
    EXPECT_THAT(Leaf::parse(leaf.bytes(), LeafIndex{0}, reference, layout, disk,
                            mac_key(8, "twofold1.node")),
                FailsWith(Errc::unauthentic));
    EXPECT_THAT(Node::parse(leaf.bytes(), Segment{0}, reference, disk, key),
                FailsWith(Errc::unauthentic));
}

TEST_F(Pages, EveryBitOfALeafCounts) {
    Leaf leaf = Leaf::implicit(LeafIndex{0}, layout, disk);
    const Reference reference = leaf.finish(1, 0, key);
    for (std::size_t bit = 0; bit < kSectorSize * 8; ++bit) {
        PageBytes page = leaf.bytes();
        page[bit / 8] ^= std::byte(1 << bit % 8);
        ASSERT_THAT(parse(page, reference), FailsWith(Errc::unauthentic)) << "bit " << bit;
    }
}

TEST_F(Pages, AnAuthenticLeafWithAnImpossibleFieldIsCorrupt) {
    const Leaf leaf = Leaf::implicit(LeafIndex{0}, layout, disk);
    const auto entry_at = [](PageBytes& page, std::size_t i) {
        return std::span<std::byte, kEntrySize>(page.data() + 64 + i * 64, kEntrySize);
    };
    const auto set_generation = [](PageBytes& page) { page[16] = std::byte{1}; };
    EXPECT_THAT(parse_forged(leaf, set_generation), Succeeds());
    EXPECT_THAT(parse_forged(leaf,
                             [&](PageBytes& page) {
                                 set_generation(page);
                                 page[6] = std::byte{1};  // zero field of the header
                             }),
                FailsWith(Errc::corrupt));
    EXPECT_THAT(parse_forged(leaf,
                             [&](PageBytes& page) {
                                 set_generation(page);
                                 Entry::zero_at(Slot{74}).encode(entry_at(page, 3));  // R+N is 74
                             }),
                FailsWith(Errc::corrupt));
}

TEST_F(Pages, BlocksPastTheEndOfTheDiskMustBeImplicit) {
    Leaf leaf = Leaf::implicit(LeafIndex{1}, layout, disk);
    leaf.set(7, data_entry(3));  // block 70 of 70
    const Reference reference = leaf.finish(1, 0, key);
    EXPECT_THAT(parse(leaf.bytes(), reference, 1), FailsWith(Errc::corrupt));
}

TEST_F(Pages, ANodeIsReadBackAsWritten) {
    Node node = Node::implicit(Segment{2}, disk);
    EXPECT_TRUE(node.reference(125).implicit());
    Reference child{.generation = (std::uint64_t{1} << 63) - 1, .copy = 1, .mac = {}};
    child.mac.fill(std::byte{0x5a});
    node.set(125, child);
    const Reference reference = node.finish(6, 0, key);
    const Node read = must(Node::parse(node.bytes(), Segment{2}, reference, disk, key));
    EXPECT_EQ(read.reference(125), child);
    EXPECT_TRUE(read.reference(0).implicit());
    EXPECT_THAT(Node::parse(node.bytes(), Segment{3}, reference, disk, key),
                FailsWith(Errc::unauthentic));
}

TEST_F(Pages, AnImplicitReferenceMustBeAllZero) {
    std::array<std::byte, kReferenceSize> bytes{};
    EXPECT_TRUE(must(Reference::parse(bytes)).implicit());
    bytes[0] = std::byte{1};  // generation 0, copy 1
    EXPECT_THAT(Reference::parse(bytes), FailsWith(Errc::corrupt));
    bytes[0] = std::byte{0};
    bytes[31] = std::byte{1};  // a MAC
    EXPECT_THAT(Reference::parse(bytes), FailsWith(Errc::corrupt));
}

TEST_F(Pages, TheSegmentTableIsTheOneOfTheRoot) {
    const Layout three = must(Layout::create(20000, {1024, 512, 2048}, Limits::production()));
    SegmentTable table(three.segment_count());
    Reference child{.generation = 5, .copy = 1, .mac = {}};
    child.mac.fill(std::byte{0x77});
    table.set(Segment{1}, child);
    std::vector<std::byte> bytes(three.shape().segment_table_size());
    table.encode(bytes);
    const Root root = table.root(disk, key);
    const auto read = must(SegmentTable::parse(bytes, three, root, disk, key));
    EXPECT_EQ(read.reference(Segment{1}), child);
    EXPECT_THAT(SegmentTable::parse(bytes, three, root, Uuid{}, key), FailsWith(Errc::unauthentic));

    auto changed = bytes;
    changed[40] ^= std::byte{1};
    EXPECT_THAT(SegmentTable::parse(changed, three, root, disk, key), FailsWith(Errc::unauthentic));
    changed = bytes;
    changed.back() = std::byte{1};  // behind the last segment nothing vouches, so it must be zero
    EXPECT_THAT(SegmentTable::parse(changed, three, root, disk, key), FailsWith(Errc::damaged));
    // The number of segments is under the root: a shorter table with the same references is
    // another.
    const Layout two = must(Layout::create(12000, {1024, 512, 2048}, Limits::production()));
    EXPECT_THAT(SegmentTable::parse(bytes, two, root, disk, key), FailsWith(Errc::unauthentic));
}

TEST_F(Pages, ThePoolTableIsTheOneOfItsMac) {
    PoolTable pool{{Slot{0}, Slot{9}, Slot{20}, Slot{73}}};
    std::vector<std::byte> bytes(shape.pool_table_size());
    pool.encode(bytes);
    const PoolMac mac = pool.mac(disk, key);
    EXPECT_EQ(must(PoolTable::parse(bytes, layout, mac, disk, key)).slots, pool.slots);
    bytes[8] ^= std::byte{1};
    EXPECT_THAT(PoolTable::parse(bytes, layout, mac, disk, key), FailsWith(Errc::unauthentic));
    pool.encode(bytes);
    bytes.back() ^= std::byte{1};  // behind its last slot
    EXPECT_THAT(PoolTable::parse(bytes, layout, mac, disk, key), FailsWith(Errc::damaged));
    EXPECT_EQ(PoolTable::initial(layout).slots,
              (std::vector<Slot>{Slot{0}, Slot{1}, Slot{2}, Slot{3}}));
}

TEST_F(Pages, AnAuthenticPoolTableMustAscendWithinTheDisk) {
    const auto parse_slots = [&](std::vector<std::uint64_t> slots) {
        std::vector<std::byte> bytes(shape.pool_table_size());
        Writer w(bytes);
        for (const std::uint64_t slot : slots) w.u64_le(slot);
        std::array<std::byte, 8> count;
        Writer(count).u64_le(slots.size());
        const std::array<Bytes, 3> covered{disk.bytes, count, Bytes(bytes).first(slots.size() * 8)};
        PoolMac mac;
        key.mac(covered, mac);
        return PoolTable::parse(bytes, layout, mac, disk, key);
    };
    EXPECT_THAT(parse_slots({1, 2, 3, 4}), Succeeds());
    EXPECT_THAT(parse_slots({1, 2, 2, 4}), FailsWith(Errc::corrupt));
    EXPECT_THAT(parse_slots({1, 3, 2, 4}), FailsWith(Errc::corrupt));
    EXPECT_THAT(parse_slots({1, 2, 3, 74}), FailsWith(Errc::corrupt));
    EXPECT_THAT(parse_slots({1, 2, 3, ~std::uint64_t{0}}), FailsWith(Errc::corrupt));
}

class Superblocks : public Pages {
protected:
    Superblock sample() const {
        Superblock s;
        s.generation = 11;
        s.disk = disk;
        s.block_count = 70;
        s.segment_count = 1;
        s.mount_counter = 3;
        s.settled_epoch = 99;
        s.state = Superblock::State::open;
        s.segment_table_copy = 1;
        s.min_header_generation = 2;
        s.log_salt.fill(std::byte{1});
        s.log_start = 1234;
        s.chain.fill(std::byte{2});
        s.root.fill(std::byte{3});
        s.pool_mac.fill(std::byte{4});
        s.wall_clock = 1'700'000'000;
        return s;
    }
    Result<Superblock> parse(const PageBytes& sector) {
        return Superblock::parse(sector, disk, shape, kTiny, key);
    }
};

TEST_F(Superblocks, AreReadBackAsWritten) {
    EXPECT_EQ(must(parse(sample().encode(key))), sample());
    EXPECT_EQ(must(Superblock::peek(sample().encode(key))), sample());
}

TEST_F(Superblocks, EveryBitOfTheFirst512BytesCountsAndNoOther) {
    const PageBytes good = sample().encode(key);
    for (std::size_t bit = 0; bit < kSectorSize * 8; ++bit) {
        PageBytes sector = good;
        sector[bit / 8] ^= std::byte(1 << bit % 8);
        if (bit / 8 < 512)
            ASSERT_THAT(parse(sector), FailsWith(Errc::unauthentic)) << "bit " << bit;
        else
            ASSERT_THAT(parse(sector), Succeeds()) << "bit " << bit;
    }
}

TEST_F(Superblocks, AnImpossibleFieldIsCorrupt) {
    const std::pair<const char*, std::function<void(Superblock&)>> cases[] = {
        {"generation", [](Superblock& s) { s.generation = 0; }},
        {"block count", [](Superblock& s) { s.block_count = 0; }},
        {"segment count", [](Superblock& s) { s.segment_count = 2; }},
        {"huge block count", [](Superblock& s) { s.block_count = ~std::uint64_t{0}; }},
        {"state 0", [](Superblock& s) { s.state = static_cast<Superblock::State>(0); }},
        {"state 3", [](Superblock& s) { s.state = static_cast<Superblock::State>(3); }},
        {"segment table copy", [](Superblock& s) { s.segment_table_copy = 2; }},
        {"pool table copy", [](Superblock& s) { s.pool_table_copy = 2; }},
        {"migration from", [](Superblock& s) { s.migrate_from = 4096; }},
        {"migration to", [](Superblock& s) { s.migrate_to = 4096; }},
        {"migration past the end", [](Superblock& s) { s.migrate_next = 71; }},
    };
    for (const auto& [what, change] : cases) {
        Superblock s = sample();
        change(s);
        EXPECT_THAT(parse(s.encode(key)), FailsWith(Errc::corrupt)) << what;
    }
}

TEST_F(Superblocks, OfAnotherDiskAreNotAuthentic) {
    Superblock other = sample();
    other.disk = Uuid{};
    EXPECT_THAT(parse(other.encode(key)), FailsWith(Errc::unauthentic));
}

class LogPages : public Pages {
protected:
    LogPage sample(std::size_t records = 3) const {
        LogPage page;
        page.flags = LogPage::kFirst | LogPage::kCommit;
        page.sequence = 41;
        page.epoch = 17;
        page.acknowledged = 15;
        page.epoch_records = static_cast<std::uint32_t>(records);
        page.salt.fill(std::byte{9});
        page.mount_counter = 5;
        page.chain.fill(std::byte{8});
        for (std::size_t i = 0; i < records; ++i)
            page.records.emplace_back(BlockRecord{BlockIndex{i}, data_entry(i)});
        return page;
    }
    // A page whose bytes were changed before its MAC was made.
    Result<LogPage::Parsed> parse_forged(const std::function<void(PageBytes&)>& change,
                                         std::size_t records = 3) {
        PageBytes bytes = sample(records).encode(key).bytes;
        change(bytes);
        const ChainValue zero{};
        const std::array<Bytes, 3> parts{Bytes(bytes).first(64), Bytes(zero),
                                         Bytes(bytes).subspan(96)};
        ChainValue mac;
        key.mac(parts, mac);
        std::ranges::copy(mac, bytes.begin() + 64);
        return LogPage::parse(bytes, key);
    }
};

TEST_F(LogPages, AreReadBackAsWritten) {
    LogPage page = sample(53);
    page.records.emplace_back(ZeroRecord{{BlockIndex{5}, 60}});
    page.records.emplace_back(BlockRecord{BlockIndex{69}, Entry::zero_at(Slot{3})});
    page.epoch_records = 120;
    const auto encoded = page.encode(key);
    const auto read = must(LogPage::parse(encoded.bytes, key));
    EXPECT_EQ(read.page, page);
    EXPECT_EQ(read.mac, encoded.mac);
}

TEST_F(LogPages, AnAcknowledgementHasNoRecords) {
    LogPage page = sample(0);
    page.flags = LogPage::kAck;
    page.acknowledged = page.epoch;
    EXPECT_EQ(must(LogPage::parse(page.encode(key).bytes, key)).page, page);
}

TEST_F(LogPages, EveryBitCounts) {
    const PageBytes good = sample().encode(key).bytes;
    for (std::size_t bit = 0; bit < kSectorSize * 8; ++bit) {
        PageBytes page = good;
        page[bit / 8] ^= std::byte(1 << bit % 8);
        ASSERT_THAT(LogPage::parse(page, key), FailsWith(Errc::unauthentic)) << "bit " << bit;
    }
}

TEST_F(LogPages, AnAuthenticPageWithAnImpossibleFieldIsCorrupt) {
    const auto set = [](std::size_t at, std::uint8_t value) {
        return [=](PageBytes& page) { page[at] = std::byte{value}; };
    };
    EXPECT_THAT(parse_forged([](PageBytes&) {}), Succeeds());
    const std::pair<const char*, std::function<void(PageBytes&)>> cases[] = {
        {"unknown flag", set(6, 8)},
        {"ACK with records", set(6, LogPage::kAck)},
        {"ACK and COMMIT", set(6, LogPage::kAck | LogPage::kCommit)},
        {"56 records", set(32, 56)},
        {"no records", set(32, 0)},
        {"fewer records in the epoch than here", set(36, 2)},
        {"epoch length without COMMIT", set(6, LogPage::kFirst)},
        {"acknowledges its own epoch", set(24, 17)},
        {"unused record not zero", set(96 + 3 * 72, 1)},
        {"tail not zero", set(4095, 1)},
        {"impossible entry", set(96 + 8 + 7, 0xff)},
        {"range of nothing",
         [](PageBytes& p) {
             std::fill_n(p.begin() + 96, 72, std::byte{0});
             p[96 + 7] = std::byte{0x80};
         }},
        {"range with more than a count", [](PageBytes& p) { p[96 + 7] = std::byte{0x80}; }},
    };
    for (const auto& [what, change] : cases)
        EXPECT_THAT(parse_forged(change), FailsWith(Errc::corrupt)) << what;
}

}  // namespace
}  // namespace twofold::fs

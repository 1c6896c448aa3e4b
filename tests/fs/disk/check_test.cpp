// The checker: silent over a sound image, however it was left; otherwise it names what is wrong.
#include "fs/disk/check.h"

#include "fs/disk/header.h"
#include "fs/disk/inspect.h"
#include "tests/support/test_disks.h"

namespace twofold::fs {
namespace {

using testing::HasSubstr;

class Check : public testing::Test {
protected:
    // Some history: written, rewritten, discarded, synced.
    void SetUp() override {
        disk.open();
        for (std::uint64_t b = 0; b < 40; ++b) must(disk.write(b * 3, 1));
        must(disk.sync());
        for (std::uint64_t b = 0; b < 10; ++b) must(disk.write(b * 3, 2));
        must(disk.zero(90, 9));
        must(disk.sync());
    }
    CheckReport check(unsigned threads = 0) {
        const auto file = disk.image.open();
        CheckOptions options{.limits = Limits::tiny(), .threads = threads};
        options.progress = [&](std::uint64_t done, std::uint64_t total) {
            EXPECT_LE(done, total);
            last_progress = done;
        };
        return must(check_disk(*file, disk.keys, disk.note, disk.random, disk.clock, options));
    }
    void flip(std::uint64_t offset) { disk.image.flip_bit(offset); }
    // The only finding is this.
    void expect_one(const CheckReport& report, Errc code, const std::string& where) {
        ASSERT_EQ(report.found, 1u);
        ASSERT_EQ(report.findings.size(), 1u);
        EXPECT_EQ(report.findings[0].code, code) << report.findings[0].what;
        EXPECT_THAT(report.findings[0].where, HasSubstr(where));
    }

    TestDisk disk;
    std::uint64_t last_progress = 0;
};

TEST_F(Check, FindsNothingInASoundImage) {
    disk.close();
    const CheckReport report = check();
    EXPECT_TRUE(report.sound()) << report.findings.front().what;
    EXPECT_TRUE(report.complete);
    EXPECT_TRUE(report.clean);
    EXPECT_EQ(report.blocks, 256u);
    EXPECT_EQ(report.blocks_with_data, 37u);  // 40, of which 90, 93 and 96 were discarded
    EXPECT_EQ(last_progress, 256u * kBlockSize);
}

TEST_F(Check, FindsNothingInAnImageOfAKilledDaemon) {
    must(disk.write(200, 9));
    must(disk.soft_commit());
    disk.kill();
    const CheckReport report = check();
    EXPECT_TRUE(report.sound()) << report.findings.front().what;
    EXPECT_FALSE(report.clean);
    EXPECT_GT(report.log_epochs, 0u);
    EXPECT_EQ(report.blocks_with_data, 38u);
}

TEST_F(Check, ChangesNothing) {
    disk.close();
    const auto file = disk.image.open();
    std::vector<std::byte> before(must(file->size())), after(before.size());
    must(file->read(0, MutableBytes(before)));
    check();
    must(file->read(0, MutableBytes(after)));
    EXPECT_TRUE(before == after);
}

TEST_F(Check, NamesADamagedHeaderCopy) {
    disk.close();
    flip(300);
    expect_one(check(), Errc::damaged, "header copy A");
}

TEST_F(Check, NamesADamagedEnvelope) {
    disk.close();
    flip(EnvelopePlace{crypto::Layer::two, 0, 0}.offset(HeaderCopy::b) + 100);
    expect_one(check(), Errc::damaged, "header copy B");
}

TEST_F(Check, NamesADamagedSuperblock) {
    disk.close();
    const auto report = must(inspect_image(*disk.image.open(), Limits::tiny()));
    flip(superblock_offset(report.superblock()->generation, 1) + 40);
    expect_one(check(), Errc::damaged, "superblock");
}

TEST_F(Check, NamesEachBlockWhoseTagIsWrong) {
    const std::uint64_t first = disk.slot_offset(3), second = disk.slot_offset(60);
    disk.close();
    flip(first + 100);
    flip(second);
    const CheckReport report = check();
    ASSERT_EQ(report.findings.size(), 2u);
    EXPECT_EQ(report.blocks_lost, 2u);
    EXPECT_EQ(report.findings[0].where, "block 3");
    EXPECT_EQ(report.findings[1].blocks->first, BlockIndex{60});
    EXPECT_EQ(report.findings[1].code, Errc::unauthentic);
    EXPECT_TRUE(report.complete);
}

TEST_F(Check, NamesALostPageOfTheMapAndGoesOn) {
    disk.close();
    const auto report = must(inspect_image(*disk.image.open(), Limits::tiny()));
    for (const std::uint32_t copy : {0u, 1u})
        flip(report.layout->leaf_offset(LeafIndex{0}, copy) + 70);
    const CheckReport found = check();
    expect_one(found, Errc::unauthentic, "leaf 0");
    EXPECT_EQ(found.blocks_lost, 63u);
    EXPECT_EQ(found.blocks_with_data, 37u - 21u);  // the others were looked at
}

TEST_F(Check, RebuildsALostNodeInMemoryAndGoesOn) {
    disk.close();
    const auto report = must(inspect_image(*disk.image.open(), Limits::tiny()));
    for (const std::uint32_t copy : {0u, 1u})
        flip(report.layout->node_offset(Segment{0}, copy) + 70);
    const CheckReport found = check();
    expect_one(found, Errc::unauthentic, "node");
    EXPECT_EQ(found.findings[0].cure, Cure::repair);
    EXPECT_EQ(found.blocks_lost, 0u);
    EXPECT_EQ(found.blocks_with_data, 37u);
}

TEST_F(Check, NamesALostNodeOfWhichALeafIsLostToo) {
    disk.close();
    const auto report = must(inspect_image(*disk.image.open(), Limits::tiny()));
    for (const std::uint32_t copy : {0u, 1u}) {
        flip(report.layout->node_offset(Segment{0}, copy) + 70);
        flip(report.layout->leaf_offset(LeafIndex{0}, copy) + 70);
    }
    const CheckReport found = check();
    expect_one(found, Errc::unauthentic, "node");
    EXPECT_EQ(found.blocks_lost, 256u);
}

TEST_F(Check, NamesRunsOfBlocksWithAllThatIsKnownOfThem) {
    must(disk.write(100, 7, 20));
    must(disk.sync());
    std::vector<std::uint64_t> slots;
    for (std::uint64_t b = 103; b < 110; ++b) slots.push_back(disk.slot_offset(b));
    disk.close();
    for (const std::uint64_t offset : slots) flip(offset + 9);
    const CheckReport report = check();
    ASSERT_EQ(report.findings.size(), 1u);
    const CheckFinding& finding = report.findings[0];
    EXPECT_EQ(finding.where, "blocks 103-109");
    EXPECT_EQ(finding.blocks, (BlockRange{BlockIndex{103}, 7}));
    EXPECT_EQ(finding.cure, Cure::writing);
    ASSERT_TRUE(finding.sealed);
    EXPECT_EQ(finding.sealed->offset, slots[0]);
    EXPECT_EQ(finding.sealed->layer, crypto::Layer::two);
    EXPECT_EQ(finding.sealed->keyset, 1u);
    EXPECT_EQ(report.blocks_lost, 7u);
    EXPECT_EQ(report.lost.next(BlockIndex{0}), (BlockRange{BlockIndex{103}, 7}));
}

TEST_F(Check, FindsTheSameWithThreads) {
    const std::uint64_t slot = disk.slot_offset(60);
    disk.close();
    flip(slot);
    for (const unsigned threads : {0u, 1u, 3u}) {
        const CheckReport report = check(threads);
        expect_one(report, Errc::unauthentic, "block 60");
        EXPECT_EQ(report.bytes_verified, 37 * kBlockSize);
    }
}

TEST_F(Check, ABlockThatCannotBeReadIsLostAndTheOthersAreLookedAt) {
    const std::uint64_t bad = disk.slot_offset(3);
    disk.close();
    class BadSector final : public io::ForwardingFile {
    public:
        BadSector(std::unique_ptr<io::File> inner, std::uint64_t at)
            : ForwardingFile(std::move(inner)), at_(at) {}
        using ForwardingFile::read;
        Result<void> read(std::uint64_t offset, std::span<const MutableBytes> parts) override {
            std::uint64_t size = 0;
            for (const MutableBytes part : parts) size += part.size();
            if (offset <= at_ && at_ < offset + size)
                return fail(Error{Errc::io, "image: cannot be read", {}, EIO, {}});
            return ForwardingFile::read(offset, parts);
        }

    private:
        std::uint64_t at_;
    };
    BadSector file(disk.image.open(), bad);
    const CheckReport report = must(check_disk(file, disk.keys, disk.note, disk.random, disk.clock,
                                               {.limits = Limits::tiny()}));
    expect_one(report, Errc::io, "block 3");
    EXPECT_EQ(report.blocks_lost, 1u);
    EXPECT_FALSE(report.findings[0].sealed->layer);
    EXPECT_TRUE(report.complete);
}

TEST_F(Check, SaysThatItCannotGoOnWithoutAHeader) {
    disk.close();
    flip(300);
    flip(header_offset(HeaderCopy::b) + 300);
    const CheckReport report = check();
    EXPECT_FALSE(report.complete);
    expect_one(report, Errc::damaged, "image");
}

TEST_F(Check, NamesATruncatedImage) {
    disk.close();
    const auto file = disk.image.open();
    must(file->resize(must(file->size()) - kSectorSize));
    const CheckReport report = check();
    EXPECT_FALSE(report.complete);
    expect_one(report, Errc::damaged, "image");
}

TEST_F(Check, WithoutAKeyIsAnErrorAndNoFinding) {
    disk.close();
    disk.keys.unusable = Errc::key_revoked;
    const auto file = disk.image.open();
    EXPECT_THAT(check_disk(*file, disk.keys, disk.note, disk.random, disk.clock,
                           {.limits = Limits::tiny()}),
                FailsWith(Errc::key_revoked));
}

// ---- How new it is

class CheckAnchor : public Check {
protected:
    void SetUp() override {
        disk.use_anchor();
        Check::SetUp();
    }
    CheckReport check() {
        const auto file = disk.image.open();
        return must(check_disk(*file, disk.keys, disk.note, disk.random, disk.clock,
                               {.limits = Limits::tiny(), .anchor = disk.anchor_place()}));
    }
};

TEST_F(CheckAnchor, SaysThatTheDiskIsAsNewAsItsAnchor) {
    disk.close();
    EXPECT_EQ(Check::check().freshness, Freshness::not_compared);
    EXPECT_TRUE(check().sound());
    EXPECT_EQ(check().freshness, Freshness::as_anchored);
    disk.open();
    must(disk.write(3, 5));
    must(disk.soft_commit());
    disk.kill();
    const auto before = disk.anchors->record();
    EXPECT_TRUE(check().sound());
    EXPECT_EQ(check().freshness, Freshness::as_anchored);
    EXPECT_TRUE(before == disk.anchors->record());
}

TEST_F(CheckAnchor, AnOlderImageIsSoundAndNotAsNewAsItsAnchor) {
    disk.close();
    const MemoryImage older = disk.image;
    disk.open();
    must(disk.write(3, 5));
    disk.close();
    disk.image = older;
    const CheckReport report = check();
    expect_one(report, Errc::rolled_back, "anchor");
    EXPECT_EQ(report.findings[0].cure, Cure::adopt);
    EXPECT_EQ(report.freshness, Freshness::not_as_anchored);
    EXPECT_TRUE(report.complete);
    EXPECT_EQ(report.blocks_lost, 0u);
    EXPECT_EQ(report.blocks_with_data, 37u);
}

TEST_F(CheckAnchor, ADamagedOrMissingAnchorIsAFindingAndOneThatCannotBeHadIsNone) {
    disk.close();
    auto record = *disk.anchors->record();
    record[40] ^= std::byte{1};
    disk.anchors->put(record);
    EXPECT_EQ(check().findings.at(0).where, "anchor");
    EXPECT_EQ(check().freshness, Freshness::not_as_anchored);
    disk.anchors->put({});
    expect_one(check(), Errc::substituted, "anchor");
    EXPECT_EQ(check().freshness, Freshness::no_anchor);
    disk.anchors->before = [](MemoryAnchors::Call) {
        return fail(Errc::vault_unreachable, "test: away");
    };
    const CheckReport report = check();
    EXPECT_TRUE(report.sound());
    EXPECT_EQ(report.freshness, Freshness::unknown);
    EXPECT_THAT(report.notes.at(0), HasSubstr("away"));
}

// What only a bug, or a holder of every key, can write: the map is authentic and wrong.
TEST_F(Check, FindsASlotThatTwoBlocksOwn) {
    disk.close();
    const auto file = disk.image.open();
    const auto opened =
        must(Header::open(*file, disk.keys, disk.note, Limits::tiny(), Libraries::fastest));
    const auto report = must(inspect_image(*file, Limits::tiny()));
    const Layout& layout = *report.layout;
    Superblock super = *report.superblock();
    const VolumeMacs& macs = opened.keys.macs();
    const Uuid id = opened.header->facts().disk;

    std::vector<std::byte> bytes(layout.shape().segment_table_size());
    must(file->read(layout.segment_table_offset(super.segment_table_copy), MutableBytes(bytes)));
    auto table = must(SegmentTable::parse(bytes, layout, super.root, id, macs.root));
    const Reference node_reference = table.reference(Segment{0});
    PageBytes page;
    must(file->read(layout.node_offset(Segment{0}, node_reference.copy), MutableBytes(page)));
    auto node = must(Node::parse(page, Segment{0}, node_reference, id, macs.node));
    const Reference leaf_reference = node.reference(0);
    must(file->read(layout.leaf_offset(LeafIndex{0}, leaf_reference.copy), MutableBytes(page)));
    auto leaf = must(Leaf::parse(page, LeafIndex{0}, leaf_reference, layout, id, macs.node));

    leaf.set(1, Entry::zero_at(leaf.entry(2).slot));
    node.set(0, leaf.finish(leaf_reference.generation + 1, leaf_reference.copy, macs.node));
    table.set(Segment{0},
              node.finish(node_reference.generation + 1, node_reference.copy, macs.node));
    table.encode(bytes);
    super.root = table.root(id, macs.root);
    must(file->write(layout.leaf_offset(LeafIndex{0}, leaf_reference.copy), Bytes(leaf.bytes())));
    must(file->write(layout.node_offset(Segment{0}, node_reference.copy), Bytes(node.bytes())));
    must(file->write(layout.segment_table_offset(super.segment_table_copy), Bytes(bytes)));
    for (const std::uint32_t replica : {0u, 1u})
        must(file->write(superblock_offset(super.generation, replica),
                         Bytes(super.encode(macs.super))));

    const CheckReport found = check();
    ASSERT_EQ(found.findings.size(), 2u);  // one slot twice, and so another by nobody
    EXPECT_EQ(found.findings[0].where, "block 2");
    EXPECT_EQ(found.findings[0].code, Errc::corrupt);
    EXPECT_THAT(found.findings[1].what, HasSubstr("nobody"));
}

}  // namespace
}  // namespace twofold::fs

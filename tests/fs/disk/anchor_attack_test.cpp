// Attacks f, g, h, j, k and n of the format, section 8, with the anchor, and with the anchor gone,
// where it is shown what then goes unnoticed.
#include <iostream>

#include "tests/fs/disk/anchored_disk.h"

namespace twofold {
namespace {

using fs::kSectorSize;

class AnchorAttack : public AnchoredDiskTest {};

TEST_F(AnchorAttack, F_WithoutAnAnchorAnOlderImageIsTakenForTheNewest) {
    disk.open();
    put_text(0xa1);
    disk.close();
    const MemoryImage older = disk.image;
    disk.open();
    put_text(0xa2);
    disk.close();
    EXPECT_THAT(open_with(older, disk.anchors->record()), FailsWith(Errc::rolled_back));
    disk.options.anchor = {};
    disk.image = older;
    ASSERT_THAT(disk.try_open(), Succeeds()) << "which is not detected";
    EXPECT_EQ(must(disk.read(kBlock)), 0xa1);
}

TEST_F(AnchorAttack, F_ALogWhoseTailWasCutIsRefusedBackToTheAnchor) {
    disk.options.anchor_every_flush = true;
    disk.open();
    put_text(0xa1);
    const MemoryImage before = disk.image;
    put_text(0xa2);
    disk.kill();
    // The log as it was before the last epoch; the slots stay.
    MemoryImage cut = disk.image;
    for (std::uint64_t page = 0; page < kShape.log; ++page) {
        const std::uint64_t at = fs::kLogOffset + page * kSectorSize;
        cut.write(at, sector(before, at));
    }
    EXPECT_THAT(open_with(cut, disk.anchors->record()), FailsWith(Errc::rolled_back));
    disk.options.anchor = {};
    EXPECT_THAT(disk.try_open(), Succeeds()) << "without an anchor: not told from a crash";
    EXPECT_EQ(must(disk.read(kBlock)), 0xa1);
}

// An epoch that only the anchor calls acknowledged is not dropped for a slot that was damaged.
TEST_F(AnchorAttack, G_ADamagedSlotOfTheLastEpochDropsNothingThatTheAnchorKnows) {
    disk.options.anchor_every_flush = true;
    disk.open();
    put_text(0xa1);
    put_text(0xa2);
    const std::uint64_t slot = disk.slot_offset(kBlock);
    disk.kill();
    MemoryImage damaged = disk.image;
    damaged.flip_bit(slot + 7);
    const auto known = disk.anchors->record();
    ASSERT_THAT(open_with(damaged, known), Succeeds());
    EXPECT_THAT(disk.read(kBlock), FailsWith(Errc::unauthentic)) << "an error, and not older data";
    EXPECT_FALSE(disk.has_event(Kind::epochs_dropped));

    disk.kill();
    disk.image = damaged;
    disk.options.anchor = {};
    ASSERT_THAT(disk.try_open(), Succeeds());
    EXPECT_TRUE(disk.has_event(Kind::epochs_dropped)) << "not detected, but told";
    EXPECT_EQ(must(disk.read(kBlock)), 0xa1);
}

// h: a DEK of the attacker's own; j: a layer less, or one key of his own. The disk id is the right
// one, and the note, which lies with the anchor, may have been lost and adopted anew.
TEST_F(AnchorAttack, HJ_OtherLayersOrKeysAreRefusedByTheAnchorEvenWhereTheNoteAgrees) {
    const auto known = disk.anchors->record();
    const fs::DiskNote noted = disk.note;
    struct Case {
        const char* what;
        Layers layers;
        std::uint8_t fill1, fill2;
    };
    for (const Case& c : {Case{"both keys his own", two_layers(), 0x99, 0x98},
                          Case{"the inner key his own", two_layers(), 0x11, 0x98},
                          Case{"one layer less", one_layer(), 0x11, 0x22}}) {
        SCOPED_TRACE(c.what);
        TestDisk his(kShape, c.layers);  // the same seed: the same disk id
        his.keys = InsecureTestKeys(c.fill1, c.fill2);
        const auto file = MemoryImage().open();
        SeededRandom random(1);
        his.image = MemoryImage();
        his.note = must(fs::create_disk(*his.image.open(), kShape.spec(c.layers), his.keys, random,
                                        his.clock, his.options.limits, his.anchor_place()));
        ASSERT_EQ(his.note.disk, noted.disk);
        his.use_anchor();
        ASSERT_THAT(his.try_open(), Succeeds()) << "a sound disk in itself";
        his.kill();
        his.anchors->put(known);
        his.keys.unwraps = 0;
        EXPECT_THAT(his.try_open(), FailsWith(Errc::substituted));
        EXPECT_EQ(his.keys.unwraps, 0) << "before a key was used";
        // With the anchor gone the note still tells; with both gone nothing does.
        his.options.anchor = {};
        const fs::DiskNote his_note = his.note;
        his.note = noted;
        EXPECT_THAT(his.try_open(), FailsWith(Errc::substituted));
        his.note = his_note;
        EXPECT_THAT(his.try_open(), Succeeds()) << "which is not detected";
    }
}

TEST_F(AnchorAttack, K_TheImageOrTheAnchorOfAnotherDiskIsRefused) {
    TestDisk other(kShape, two_layers(), 2);
    const MemoryImage mine = disk.image;
    const auto known = disk.anchors->record();
    EXPECT_THAT(open_with(other.image, known), FailsWith(Errc::substituted));
    EXPECT_THAT(open_with(mine, other.anchors->record()), FailsWith(Errc::substituted));
    // Image and anchor exchanged together, under the name of this disk: the note names the id.
    EXPECT_THAT(open_with(other.image, other.anchors->record()), FailsWith(Errc::substituted));
    // And with the note lost as well, the record says of which name it is.
    other.use_anchor();
    other.options.anchor.disk = "data9";
    EXPECT_THAT(other.try_open(), FailsWith(Errc::unauthentic));
    other.options.anchor.disk = "test";
    other.options.anchor.node = "node9";
    EXPECT_THAT(other.try_open(), FailsWith(Errc::unauthentic));
    // Without an anchor the note tells; without both, nothing.
    disk.options.anchor = {};
    disk.image = other.image;
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::substituted));
    disk.note = other.note;
    EXPECT_THAT(disk.try_open(), Succeeds()) << "which is not detected";
}

TEST_F(AnchorAttack, N_ACopyThatWasWrittenToElsewhereIsForkedOrWithoutAnAnchorTaken) {
    disk.open();
    put_text(0xa1);
    disk.close();
    const Moment common = now();
    for (int i = 0; i < 5; ++i) {  // far ahead of the original
        disk.open();
        put_text(0xee);
        disk.close();
    }
    const MemoryImage elsewhere = disk.image;
    put(common);
    disk.open();
    put_text(0xa2);
    disk.close();
    EXPECT_THAT(open_with(elsewhere, disk.anchors->record()), FailsWith(Errc::forked));
    disk.options.anchor = {};
    ASSERT_THAT(disk.try_open(), Succeeds()) << "which is not detected";
    EXPECT_EQ(must(disk.read(kBlock)), 0xee);
}

TEST_F(AnchorAttack, ARecordThatIsNoAnchorIsRefusedAndNothingIsWritten) {
    const Moment sound = now();
    std::vector<std::byte> noise(Anchor::kSize, std::byte{0x5a});
    auto altered = *sound.anchor;
    altered.back() ^= std::byte{1};
    const std::pair<std::vector<std::byte>, Errc> records[] = {
        {{}, Errc::damaged}, {noise, Errc::damaged}, {altered, Errc::unauthentic}};
    for (const auto& [record, expected] : records) {
        EXPECT_THAT(open_with(sound.image, record), FailsWith(expected));
        EXPECT_EQ(disk.anchors->record(), record);
        EXPECT_THAT(adopt(), Succeeds()) << "on its owner's word";
        EXPECT_THAT(disk.try_open(), Succeeds());
    }
}

}  // namespace
}  // namespace twofold

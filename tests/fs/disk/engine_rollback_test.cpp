// Rollback of a disk to an older state is detected (X10; format, section 9; attacks f, g, h, j, k
// and n of section 8, each also with the anchor gone). What is on disk and what the anchor knows
// are exchanged for one another in every way.
#include <gtest/gtest.h>

#include <functional>
#include <iostream>

#include "fs/disk/anchor.h"
#include "fs/disk/header.h"
#include "fs/disk/layout.h"
#include "tests/support/faulty_file.h"
#include "tests/support/test_disks.h"

namespace twofold {
namespace {

using fs::Anchor;
using fs::kSectorSize;
using Call = MemoryAnchors::Call;
using Kind = fs::DiskEvent::Kind;

constexpr DiskShape kShape{32, 16, 16, 1};
constexpr std::uint64_t kBlock = 5;

// An image and the anchor that went with it.
struct Moment {
    MemoryImage image;
    MemoryAnchors::Record anchor;
};

class EngineRollback : public testing::Test {
protected:
    EngineRollback() : disk(kShape) { disk.use_anchor(); }

    Moment now() const { return {disk.image, disk.anchors->record()}; }
    void put(const Moment& moment) {
        disk.kill();
        disk.image = moment.image;
        disk.anchors->put(moment.anchor);
    }
    Result<void> open_with(const MemoryImage& image, const MemoryAnchors::Record& anchor) {
        put({image, anchor});
        return disk.try_open();
    }
    Anchor anchor() const { return must(Anchor::parse(*disk.anchors->record())); }
    void put_text(std::uint8_t fill) {
        must(disk.write(kBlock, fill));
        must(disk.sync());
    }
    void checkpoint() {
        disk.pass(std::chrono::seconds(31));
        must(disk.disk->tick());
        disk.pass(std::chrono::seconds(31));
        must(disk.disk->tick());
    }
    // As `twofold adopt` does it.
    Result<void> adopt() {
        disk.kill();
        const auto options = disk.options;
        disk.options.read_only = disk.options.adopt = true;
        auto taken = disk.try_open();
        if (taken) taken = disk.disk->take_anchor();
        disk.kill();
        disk.options = options;
        return taken;
    }
    std::vector<std::byte> sector(const MemoryImage& image, std::uint64_t offset) {
        std::vector<std::byte> bytes(kSectorSize);
        image.read(offset, bytes);
        return bytes;
    }

    TestDisk disk;
};

// ---- What it says when

TEST_F(EngineRollback, IsOpenFromBeforeTheFirstWriteUntilAfterTheLast) {
    EXPECT_EQ(anchor().state, Anchor::State::clean) << "from its creation on";
    EXPECT_EQ(anchor().superblock_generation, 1u);

    bool opened = false, wrote = false;
    disk.wrap = [&](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
        return std::make_unique<FaultyFile>(std::move(file), [&](FileCall& call) -> Result<void> {
            if (call.kind != FileCall::Kind::write) return {};
            if (!wrote) {
                opened = anchor().state == Anchor::State::open;
                EXPECT_EQ(anchor().superblock_generation, 1u) << "the numbers just verified";
                EXPECT_FALSE(all_zero(anchor().next_salt));
            }
            wrote = true;
            EXPECT_EQ(anchor().state, Anchor::State::open);
            return {};
        });
    };
    disk.open();
    EXPECT_TRUE(opened && wrote);
    EXPECT_EQ(anchor().mount_counter, 1u);
    EXPECT_EQ(anchor().superblock_generation, 2u);
    EXPECT_TRUE(all_zero(anchor().next_salt));

    put_text(0xa1);
    EXPECT_EQ(anchor().superblock_generation, 2u) << "a commit alone is not told";
    checkpoint();
    const fs::DiskInfo info = disk.disk->info();
    EXPECT_EQ(anchor().superblock_generation, info.superblock_generation);
    EXPECT_EQ(anchor().acknowledged_epoch, info.acknowledged_epoch);
    EXPECT_GT(info.superblock_generation, 2u);
    disk.close();
    EXPECT_EQ(anchor().state, Anchor::State::clean);
    disk.open();
    EXPECT_EQ(must(disk.read(kBlock)), 0xa1);
}

TEST_F(EngineRollback, ReadersCompareAndChangeNothing) {
    disk.open();
    put_text(0xa1);
    disk.close();
    const Moment older = now();
    disk.open();
    put_text(0xa2);
    disk.kill();
    const Moment newer = now();
    int saves = 0;
    disk.anchors->before = [&](Call call) -> Result<void> {
        saves += call == Call::load ? 0 : 1;
        return {};
    };
    for (bool fs::OpenOptions::*reader : {&fs::OpenOptions::read_only, &fs::OpenOptions::observe}) {
        disk.options.*reader = true;
        EXPECT_THAT(open_with(newer.image, newer.anchor), Succeeds());
        EXPECT_EQ(must(disk.read(kBlock)), 0xa2);
        disk.close();
        EXPECT_THAT(open_with(older.image, newer.anchor), FailsWith(Errc::rolled_back));
        disk.options.*reader = false;
    }
    EXPECT_EQ(saves, 0);
    EXPECT_EQ(disk.anchors->record(), newer.anchor);
}

// ---- Rollback

// States of one history, the image of each under the anchor of each.
TEST_F(EngineRollback, X10_EveryOlderStateIsRefusedBackToTheLastAnchor) {
    enum { made, clean1, open2, open2_window, recovering3, open3, clean3, clean4, count };
    std::vector<Moment> moments{now()};
    disk.open();
    put_text(0x11);
    disk.close();
    moments.push_back(now());  // clean1
    disk.open();
    put_text(0x22);
    checkpoint();
    moments.push_back(now());  // open2
    put_text(0x23);
    moments.push_back(now());  // open2_window: written after the last anchor
    disk.kill();
    disk.anchors->saved = [&](Bytes) {
        if (moments.size() == recovering3) moments.push_back(now());  // before a byte is written
    };
    disk.open();
    put_text(0x33);
    checkpoint();
    moments.push_back(now());  // open3
    disk.close();
    moments.push_back(now());  // clean3
    disk.open();
    disk.close();
    moments.push_back(now());  // clean4: nothing was written
    ASSERT_EQ(moments.size(), std::size_t{count});

    // Row: the image; column: the anchor. '.' opens, 'r' rolled back, 'f' forked.
    const std::array<std::string, count> expected{
        // made clean1 open2 window recov3 open3 clean3 clean4
        ".rrrrrrr",  // made
        "f.rrrrrr",  // clean1
        "ff..rrrr",  // open2; under the next column's anchor: the window
        "ff...rrr",  // open2_window
        "ff...rrr",  // recovering3
        "fffff.rr",  // open3
        "fffff..r",  // clean3
        "fffffff.",  // clean4
    };
    // The anchor of `recovering3` names the salt of the mount that came to be open3.
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t j = 0; j < count; ++j) {
            char want = expected[i][j];
            if (j == recovering3 && (i == open3 || i == clean3)) want = '.';
            const auto opened = open_with(moments[i].image, moments[j].anchor);
            const char got = opened                                     ? '.'
                             : opened.error().code == Errc::rolled_back ? 'r'
                             : opened.error().code == Errc::forked      ? 'f'
                                                                        : '?';
            EXPECT_EQ(got, want) << "image " << i << " under anchor " << j << ": "
                                 << (opened ? "" : opened.error().line());
        }
}

// The stated window: what was written after the last anchor of a mount that did not end cleanly.
TEST_F(EngineRollback, X10_TheWindowIsWhatCameAfterTheLastAnchorOfAMountThatDidNotEnd) {
    for (const bool every_flush : {false, true}) {
        SCOPED_TRACE(every_flush);
        TestDisk fresh(kShape);
        fresh.use_anchor();
        fresh.options.anchor_every_flush = every_flush;
        fresh.open();
        must(fresh.write(kBlock, 0xa1));
        must(fresh.sync());
        const MemoryImage older = fresh.image;
        must(fresh.write(kBlock, 0xa2));
        must(fresh.sync());
        fresh.kill();
        const MemoryImage newer = fresh.image;
        fresh.image = older;
        const auto opened = fresh.try_open();
        if (every_flush) {
            EXPECT_THAT(opened, FailsWith(Errc::rolled_back));
            fresh.image = newer;
            ASSERT_THAT(fresh.try_open(), Succeeds());
            EXPECT_EQ(must(fresh.read(kBlock)), 0xa2);
        } else {
            ASSERT_THAT(opened, Succeeds());
            EXPECT_EQ(must(fresh.read(kBlock)), 0xa1) << "synced, and silently gone";
        }
    }
}

TEST_F(EngineRollback, X10_ASectorPutBackAfterACleanUnmountIsRefused) {
    disk.open();
    for (std::uint64_t b = 0; b < kShape.blocks; ++b) must(disk.write(b, 0x10));
    disk.close();
    const MemoryImage older = disk.image;
    disk.open();
    for (std::uint64_t b = 0; b < kShape.blocks; ++b) must(disk.write(b, 0x20));
    checkpoint();
    must(disk.write(kBlock, 0x21));
    disk.close();
    const Moment newer = now();

    std::vector<std::uint64_t> differ;
    for (std::uint64_t at = 0; at < older.size(); at += kSectorSize)
        if (sector(older, at) != sector(newer.image, at)) differ.push_back(at);
    // What opens, holds for each block the newest contents, or an error.
    int refused = 0, opened = 0;
    const auto judge = [&](const MemoryImage& image, const std::string& what) {
        const auto result = open_with(image, newer.anchor);
        if (!result) {
            EXPECT_EQ(exit_code(result.error().code), 4) << what << result.error().line();
            ++refused;
            return;
        }
        ++opened;
        for (std::uint64_t b = 0; b < kShape.blocks; ++b) {
            const auto found = disk.read(b);
            if (found) {
                EXPECT_EQ(*found, b == kBlock ? 0x21 : 0x20) << what << "block " << b;
            } else {
                EXPECT_EQ(found.error().code, Errc::unauthentic) << what;
            }
        }
    };
    for (const std::uint64_t at : differ) {
        MemoryImage one = newer.image, all_but_one = older;
        one.write(at, sector(older, at));
        all_but_one.write(at, sector(newer.image, at));
        judge(one, fmt::format("sector at {} put back: ", at));
        judge(all_but_one, fmt::format("all but the one at {} put back: ", at));
    }
    // Both replicas of the newest superblock gone, the one before is found, and its log leads to
    // the same state: it is refused all the same, as nothing may be written after CLEAN.
    MemoryImage without = newer.image;
    disk.kill();
    const std::uint64_t newest = anchor().superblock_generation;
    for (const std::uint32_t replica : {0u, 1u}) {
        const std::uint64_t at = fs::superblock_offset(newest, replica);
        without.write(at, sector(older, at));
    }
    EXPECT_THAT(open_with(without, newer.anchor), FailsWith(Errc::rolled_back));
    std::cout << differ.size() << " sectors, " << refused << " refused, " << opened << " opened\n";
    EXPECT_GT(differ.size(), 40u);
    EXPECT_EQ(static_cast<std::size_t>(refused + opened), 2 * differ.size());
    EXPECT_GE(static_cast<std::size_t>(refused), differ.size()) << "each with one sector alone new";
}

// ---- Forks

TEST_F(EngineRollback, X10_TwoCopiesThatWereWrittenInTurnCantStandInForEachOther) {
    for (const bool cleanly : {true, false}) {
        SCOPED_TRACE(cleanly);
        TestDisk fresh(kShape);
        fresh.use_anchor();
        const auto live = [&](std::uint8_t fill) {
            fresh.open();
            must(fresh.write(kBlock, fill));
            must(fresh.sync());
            cleanly ? fresh.close() : fresh.kill();
        };
        live(0x01);
        const Moment common{fresh.image, fresh.anchors->record()};
        live(0x0a);
        const Moment a{fresh.image, fresh.anchors->record()};
        fresh.image = common.image;
        fresh.anchors->put(common.anchor);
        live(0x0b);
        const Moment b{fresh.image, fresh.anchors->record()};
        const auto opened = [&](const Moment& image, const Moment& anchor) {
            fresh.kill();
            fresh.image = image.image;
            fresh.anchors->put(anchor.anchor);
            return fresh.try_open();
        };
        EXPECT_THAT(opened(a, b), FailsWith(Errc::forked));
        EXPECT_THAT(opened(b, a), FailsWith(Errc::forked));
        EXPECT_THAT(opened(a, a), Succeeds());
        EXPECT_EQ(must(fresh.read(kBlock)), 0x0a);
        EXPECT_THAT(opened(b, b), Succeeds());
        EXPECT_EQ(must(fresh.read(kBlock)), 0x0b);
    }
}

// ---- Adoption

TEST_F(EngineRollback, X10_ARestoredBackupIsAdoptedAndThenTheNewerStateIsAStranger) {
    disk.open();
    put_text(0xa1);
    disk.close();
    const MemoryImage backup = disk.image;
    disk.open();
    put_text(0xa2);
    disk.close();
    const MemoryImage newer = disk.image;
    const auto known = disk.anchors->record();

    EXPECT_THAT(open_with(backup, known), FailsWith(Errc::rolled_back));
    EXPECT_EQ(disk.anchors->record(), known) << "a refusal changes nothing";
    EXPECT_THAT(adopt(), Succeeds());
    disk.open();
    EXPECT_EQ(must(disk.read(kBlock)), 0xa1);
    put_text(0xa3);
    disk.close();
    const auto after = disk.anchors->record();
    EXPECT_THAT(open_with(newer, after), FailsWith(Errc::forked));
    EXPECT_THAT(open_with(backup, after), FailsWith(Errc::rolled_back));
}

TEST_F(EngineRollback, X10_AnImageThatACrashLeftIsAdoptedWithAllItsLogHolds) {
    disk.open();
    put_text(0xa1);
    must(disk.write(kBlock, 0xa2));
    must(disk.soft_commit());
    disk.kill();
    const MemoryImage crashed = disk.image;
    disk.anchors->put({});
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::substituted)) << "none is known";
    EXPECT_THAT(adopt(), Succeeds());
    EXPECT_EQ(anchor().state, Anchor::State::open);
    const auto adopted = disk.anchors->record();
    disk.open();
    EXPECT_EQ(must(disk.read(kBlock)), 0xa2);
    // The epoch that was adopted is acknowledged by that.
    MemoryImage cut = crashed;
    const fs::Layout layout = must(fs::Layout::create(
        kShape.blocks, {kShape.pool, kShape.log, kShape.segments_max}, fs::Limits::tiny()));
    std::uint64_t last = 0;
    for (std::uint64_t page = 0; page < kShape.log; ++page)
        if (!all_zero(sector(cut, layout.log_page_offset(page)))) last = page;
    cut.punch(layout.log_page_offset(last), kSectorSize);
    EXPECT_THAT(open_with(cut, adopted), FailsWith(Errc::rolled_back));
    EXPECT_THAT(open_with(crashed, adopted), Succeeds());
}

// ---- Attacks of the format, section 8, with the anchor and without

TEST_F(EngineRollback, F_WithoutAnAnchorAnOlderImageIsTakenForTheNewest) {
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

TEST_F(EngineRollback, F_ALogWhoseTailWasCutIsRefusedBackToTheAnchor) {
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
TEST_F(EngineRollback, G_ADamagedSlotOfTheLastEpochDropsNothingThatTheAnchorKnows) {
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
TEST_F(EngineRollback, HJ_OtherLayersOrKeysAreRefusedByTheAnchorEvenWhereTheNoteAgrees) {
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

TEST_F(EngineRollback, K_TheImageOrTheAnchorOfAnotherDiskIsRefused) {
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

TEST_F(EngineRollback, N_ACopyThatWasWrittenToElsewhereIsForkedOrWithoutAnAnchorTaken) {
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

TEST_F(EngineRollback, ARecordThatIsNoAnchorIsRefusedAndNothingIsWritten) {
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

// ---- Header generations

// Both copies as a header change would leave them: one generation later, by the same keys.
class RollbackOfAHeader : public EngineRollback {
protected:
    void change_header(std::initializer_list<fs::HeaderCopy> copies) {
        const auto file = disk.image.open();
        const auto opened = must(fs::Header::open(*file, disk.keys, disk.note, disk.options.limits,
                                                  fs::Libraries::fastest));
        fs::StaticSector facts = opened.header->facts();
        ++facts.generation;
        const auto bytes = must(facts.encode(opened.keys.header_mac()));
        for (const fs::HeaderCopy copy : copies) disk.image.write(fs::header_offset(copy), bytes);
    }
};

TEST_F(RollbackOfAHeader, AHeaderInBothCopiesMakesOlderOnesRollbacks) {
    using fs::HeaderCopy;
    std::array<std::vector<std::byte>, 2> older{
        sector(disk.image, fs::header_offset(HeaderCopy::a)),
        sector(disk.image, fs::header_offset(HeaderCopy::b))};
    change_header({HeaderCopy::b});  // cut before copy A
    disk.open();
    EXPECT_EQ(disk.disk->info().header_generation, 2u);
    EXPECT_EQ(anchor().min_header_generation, 1u) << "copy A alone would still be read";
    disk.close();
    disk.image.write(fs::header_offset(HeaderCopy::a),
                     sector(disk.image, fs::header_offset(HeaderCopy::b)));
    disk.open();
    EXPECT_EQ(anchor().min_header_generation, 2u);
    disk.close();
    disk.image.write(fs::header_offset(HeaderCopy::a), older[0]);
    EXPECT_THAT(disk.try_open(), Succeeds()) << "copy B is the newer one";
    disk.close();
    disk.image.write(fs::header_offset(HeaderCopy::b), older[1]);
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::rolled_back));
}

TEST_F(RollbackOfAHeader, ARewrapThatMendsTheOtherCopyIsToldByTheNextSuperblock) {
    change_header({fs::HeaderCopy::b});
    disk.open();
    auto record = disk.keys.record_of(crypto::Layer::two);
    record.push_back(std::byte{'x'});
    must(disk.disk->rewrap(crypto::Layer::two, record,
                           [](const crypto::Envelope&) { return Result<void>(); }));
    put_text(0xa1);
    checkpoint();
    EXPECT_EQ(anchor().min_header_generation, 2u);
    disk.close();
    EXPECT_THAT(disk.try_open(), Succeeds());
}

// ---- The place fails

constexpr int kMounts = 3, kRounds = 3;

// A life of a disk: mounts, writes, checkpoints, ends. Opening may fail, nothing else.
Result<void> live(TestDisk& disk, int& refused) {
    std::uint8_t fill = 1;
    for (int mount = 0; mount < kMounts; ++mount) {
        const MemoryImage before = disk.image;
        const auto opened = disk.try_open();
        if (!opened) {
            ++refused;
            std::vector<std::byte> a(before.size()), b(disk.image.size());
            before.read(0, a);
            disk.image.read(0, b);
            if (a != b) return fail(Errc::failed, "a refused opening wrote to the image");
            if (opened.error().code != Errc::vault_unreachable) return opened;
            continue;
        }
        for (int round = 0; round < kRounds; ++round) {
            TF_TRY(disk.write(kBlock, fill++));
            TF_TRY(disk.sync());
            disk.pass(std::chrono::seconds(100));  // longer than any pause
            TF_TRY(disk.disk->tick());
            disk.pass(std::chrono::seconds(100));
            TF_TRY(disk.disk->tick());
        }
        if (mount % 2 == 0)
            TF_TRY(disk.disk->close());
        else
            disk.kill();
    }
    disk.kill();
    return {};
}

TEST_F(EngineRollback, APlaceThatFailsAtAnySaveOnceOrForGoodStopsNoMount) {
    int saves = 0;
    disk.anchors->before = [&](Call call) -> Result<void> {
        saves += call == Call::save ? 1 : 0;
        return {};
    };
    int refused = 0;
    ASSERT_THAT(live(disk, refused), Succeeds());
    ASSERT_EQ(refused, 0);
    int faults = 0;
    for (const bool for_good : {false, true})
        for (int failing = 1; failing <= saves; ++failing) {
            SCOPED_TRACE(fmt::format("save {}, {}", failing, for_good ? "for good" : "once"));
            TestDisk fresh(kShape);
            fresh.use_anchor();
            int seen = 0, failed = 0, in_openings = 0;
            fresh.anchors->before = [&](Call call) -> Result<void> {
                if (call != Call::save) return {};
                ++seen;
                if (seen != failing && !(for_good && seen > failing)) return {};
                ++failed;
                in_openings += fresh.disk == nullptr ? 1 : 0;
                return fail(Errc::vault_unreachable, "away");
            };
            refused = 0;
            ASSERT_THAT(live(fresh, refused), Succeeds());
            ASSERT_GT(failed, 0);
            ++faults;
            if (refused == 0) {
                EXPECT_TRUE(fresh.has_event(Kind::anchor_behind));
            }
            fresh.anchors->before = [](Call) { return Result<void>(); };
            // Whatever it missed: the anchor is a lower bound, and the next mount takes up from it.
            ASSERT_THAT(fresh.try_open(), Succeeds());
            fresh.close();
            EXPECT_EQ(must(Anchor::parse(*fresh.anchors->record())).state, Anchor::State::clean);
        }
    std::cout << saves << " saves, " << faults << " faults\n";
    EXPECT_EQ(faults, 2 * saves);
    EXPECT_GT(saves, 12);
}

TEST_F(EngineRollback, APlaceThatIsAwayWhileMountedIsToldWithTheTimeAndCaughtUpWith) {
    disk.open();
    disk.anchors->before = [](Call) { return fail(Errc::vault_unreachable, "vault: away"); };
    disk.clock.seconds += 100;
    put_text(0xa1);
    checkpoint();
    const auto trouble = disk.disk->info().anchor_trouble;
    ASSERT_TRUE(trouble);
    EXPECT_EQ(trouble->since, disk.clock.seconds);
    EXPECT_EQ(trouble->text, "vault: away");
    EXPECT_TRUE(disk.has_event(Kind::anchor_behind));
    EXPECT_FALSE(disk.disk->stats().stopped);
    disk.anchors->before = [](Call) { return Result<void>(); };
    disk.pass(std::chrono::seconds(64));
    must(disk.disk->tick());
    EXPECT_FALSE(disk.disk->info().anchor_trouble);
    EXPECT_TRUE(disk.has_event(Kind::anchor_restored));
    EXPECT_EQ(anchor().superblock_generation, disk.disk->info().superblock_generation);
}

TEST_F(EngineRollback, APlaceThatIsAwayAtTheEndLeavesALowerBoundAndACleanImage) {
    disk.open();
    put_text(0xa1);
    disk.anchors->before = [](Call) { return fail(Errc::vault_unreachable, "vault: away"); };
    EXPECT_THAT(disk.disk->close(), Succeeds());
    EXPECT_TRUE(disk.has_event(Kind::anchor_behind));
    EXPECT_TRUE(disk.disk->info().anchor_trouble);
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::vault_unreachable));
    disk.anchors->before = [](Call) { return Result<void>(); };
    EXPECT_EQ(anchor().state, Anchor::State::open);
    disk.open();
    EXPECT_TRUE(disk.disk->info().clean);
    EXPECT_EQ(must(disk.read(kBlock)), 0xa1);
}

TEST_F(EngineRollback, ACreationThatCantBeAnchoredFails) {
    const auto anchors = std::make_shared<MemoryAnchors>();
    anchors->before = [](Call) { return fail(Errc::vault_unreachable, "vault: away"); };
    MemoryImage image;
    EXPECT_THAT(fs::create_disk(*image.open(), kShape.spec(two_layers()), disk.keys, disk.random,
                                disk.clock, disk.options.limits, {anchors, "node0", "test"}),
                FailsWith(Errc::vault_unreachable));
}

// A writer begins a mount between an observer's look at the anchor and its look at the image.
TEST_F(EngineRollback, AnObserverBesideAWriterTakesItForNoFork) {
    disk.open();
    put_text(0xa1);
    disk.close();
    auto options = disk.options;
    options.observe = true;
    int loads = 0;
    disk.anchors->before = [&](Call call) -> Result<void> {
        if (call == Call::load) ++loads;
        return {};
    };
    const auto record = *disk.anchors->record();
    struct Late final : fs::AnchorStore {
        std::function<Result<std::optional<std::vector<std::byte>>>()> answer;
        Result<std::optional<std::vector<std::byte>>> load() override { return answer(); }
        Result<void> save(Bytes) override { return {}; }
        Result<void> forget() override { return {}; }
    };
    const auto late = std::make_shared<Late>();
    bool first = true;
    late->answer = [&]() -> Result<std::optional<std::vector<std::byte>>> {
        auto now = disk.anchors->record();
        if (first) {
            disk.open();
            put_text(0xa2);
        }
        first = false;
        return now;
    };
    options.anchor.store = late;
    const auto observer = must(fs::EncryptedDisk::open(disk.image.open(), disk.keys, disk.note,
                                                       disk.random, disk.clock, options));
    EXPECT_EQ(must(observer->look(fs::BlockIndex{kBlock})).plain[0], std::byte{0xa2});
    EXPECT_FALSE(first);
}

}  // namespace
}  // namespace twofold

// Rollback of a disk to an older state is detected (X10; format, section 9): what is on disk and
// what the anchor knows are exchanged for one another in every way; forks; restored backups.
#include <iostream>

#include "fs/disk/layout.h"
#include "tests/fs/disk/anchored_disk.h"

namespace twofold {
namespace {

using fs::kSectorSize;

class EngineRollback : public AnchoredDiskTest {};

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

}  // namespace
}  // namespace twofold

// The ordering rules O1 to O5 of the format (section 6), and what is counted through the seam: each
// on the trace of a short script.
#include <gtest/gtest.h>

#include "fs/disk/layout.h"
#include "tests/support/faulty_file.h"
#include "tests/support/recording_file.h"
#include "tests/support/test_disks.h"

namespace twofold {
namespace {

using fs::Layout;
using Kind = Operation::Kind;

class OrderingRules : public testing::Test {
protected:
    static constexpr DiskShape kShape{64, 16, 8, 1};

    OrderingRules()
        : disk(kShape),
          layout(must(Layout::create(kShape.blocks, {kShape.pool, kShape.log, kShape.segments_max},
                                     fs::Limits::tiny()))) {
        disk.wrap = [this](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
            return std::make_unique<RecordingFile>(std::move(file), trace);
        };
        disk.open();
        trace->clear();
    }

    // A letter an operation: D data, L log page, T tree or table, S superblock, P punch, A
    // allocate, C cache dropped, H header; ( and ) around a sync. Reads by small letters.
    char letter(const Operation& operation) const {
        if (operation.kind == Kind::sync_begin) return '(';
        if (operation.kind == Kind::sync_end) return ')';
        if (operation.kind == Kind::punch) return 'P';
        if (operation.kind == Kind::allocate) return 'A';
        if (operation.kind == Kind::drop_cache) return 'C';
        const std::uint64_t at = operation.offset;
        char place = 'H';
        for (std::uint64_t g = 0; g < 2; ++g)
            for (std::uint32_t r = 0; r < 2; ++r)
                if (at == fs::superblock_offset(g, r)) place = 'S';
        if (at >= fs::kLogOffset) place = 'L';
        if (at >= layout.segment_table_offset(0)) place = 'T';
        if (at >= layout.slot_offset(fs::Slot{0})) place = 'D';
        return operation.kind == Kind::read ? static_cast<char>(place - 'A' + 'a') : place;
    }
    std::string writes() const {
        std::string all;
        for (const Operation& operation : trace->operations())
            if (const char c = letter(operation); c < 'a') all += c;
        return all;
    }
    std::string reads() const {
        std::string all;
        for (const Operation& operation : trace->operations())
            if (const char c = letter(operation); c >= 'a') all += c;
        return all;
    }
    // Offsets written to, of one kind.
    std::vector<std::uint64_t> offsets(char which) const {
        std::vector<std::uint64_t> all;
        for (const Operation& operation : trace->operations())
            if (letter(operation) == which) all.push_back(operation.offset);
        return all;
    }
    std::vector<std::uint64_t> sectors_of(char which) const {
        std::vector<std::uint64_t> all;
        for (const Operation& operation : trace->operations())
            for (std::uint64_t at = 0; at < operation.length; at += fs::kSectorSize)
                if (letter(operation) == which) all.push_back(operation.offset + at);
        return all;
    }
    void checkpoint() {
        disk.pass(std::chrono::seconds(1));
        must(disk.disk->tick());  // the ACK page
        disk.pass(std::chrono::seconds(31));
        must(disk.disk->tick());
    }

    std::shared_ptr<Trace> trace = std::make_shared<Trace>();
    TestDisk disk;
    Layout layout;
};

TEST_F(OrderingRules, O1_AnEpochsPagesFollowItsData) {
    must(disk.write(0, 1, 4));
    must(disk.write(9, 1, 2));
    must(disk.sync());
    EXPECT_EQ(writes(), "ADDL()");
}

TEST_F(OrderingRules, O2_PagesTellOfAnAcknowledgementOnlyAfterItsSync) {
    must(disk.write(0, 1));
    must(disk.sync());
    disk.pass(std::chrono::milliseconds(99));
    must(disk.disk->tick());
    EXPECT_EQ(writes(), "ADL()");
    disk.pass(std::chrono::milliseconds(1));
    must(disk.disk->tick());
    EXPECT_EQ(writes(), "ADL()L") << "the ACK page, without a sync of its own";
    disk.pass(std::chrono::seconds(3));
    must(disk.disk->tick());
    EXPECT_EQ(writes(), "ADL()L") << "once is enough";
}

// Soft commits go on while an fdatasync runs; it does not vouch for their epochs.
TEST_F(OrderingRules, O2_ASyncAcknowledgesOnlyWhatWasPagedBeforeItBegan) {
    const auto inner = disk.wrap;
    std::function<void()> during_sync = [] {};
    disk.wrap = [&](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
        return std::make_unique<FaultyFile>(inner(std::move(file)), [&](const FileCall& call) {
            if (call.kind == FileCall::Kind::sync) std::exchange(during_sync, [] {})();
            return Result<void>();
        });
    };
    disk.open();
    must(disk.write(0, 1));
    const std::uint64_t before = disk.disk->info().acknowledged_epoch;
    during_sync = [&] {
        must(disk.write(1, 1));
        must(disk.soft_commit());
    };
    must(disk.sync());
    EXPECT_EQ(disk.disk->info().acknowledged_epoch, before + 1);
    const auto syncs = disk.disk->stats().syncs;
    must(disk.sync());
    EXPECT_EQ(disk.disk->info().acknowledged_epoch, before + 2);
    EXPECT_EQ(disk.disk->stats().syncs, syncs + 1);
}

TEST_F(OrderingRules, O3_AReplacedSlotRestsUntilItsReplacementIsSynced) {
    TestDisk small({64, 6, 64, 1});
    small.wrap = disk.wrap;
    small.open();
    must(small.write(0, 1, 4));
    must(small.sync());
    const std::uint64_t before = small.slot_offset(0);
    must(small.write(0, 2));
    must(small.soft_commit());
    trace->clear();
    int writes = 0;  // everything that can be had of the pool
    for (; small.disk->stats().pool_free > 0 && writes < 20; ++writes) {
        must(small.write(1, static_cast<std::uint8_t>(writes)));
        must(small.soft_commit());
    }
    EXPECT_EQ(writes, 5);
    EXPECT_EQ(trace->count(Kind::sync_begin), 0u);
    for (const Operation& operation : trace->operations()) EXPECT_NE(operation.offset, before);
}

TEST_F(OrderingRules, O3_ADiscardedSlotIsPunchedAfterTheSync) {
    must(disk.write(0, 1, 8));
    must(disk.sync());
    trace->clear();
    must(disk.zero(0, 8));
    must(disk.soft_commit());
    EXPECT_EQ(writes(), "L");
    must(disk.sync());
    EXPECT_EQ(writes(), "L()P");
}

TEST_F(OrderingRules, O3_WhatIsDueByTheClockDoesNotPunchBeforeTheSync) {
    must(disk.write(0, 1, 8));
    must(disk.sync());
    must(disk.zero(0, 8));
    must(disk.soft_commit());
    trace->clear();
    must(disk.disk->tick());
    EXPECT_EQ(trace->count(Kind::punch), 0u);
    must(disk.sync());
    EXPECT_EQ(trace->count(Kind::punch), 1u);
}

TEST_F(OrderingRules, O3_ASlotThatWasDiscardedAndReplacedIsNotPunched) {
    must(disk.write(0, 1));
    must(disk.sync());
    const std::uint64_t first = disk.slot_offset(0);
    trace->clear();
    must(disk.zero(0));
    must(disk.soft_commit());
    must(disk.write(0, 2));
    EXPECT_NE(disk.slot_offset(0), first)
        << "rule (b) does not hold while the discard is not synced";
    must(disk.sync());
    EXPECT_EQ(writes(), "LDL()");
    EXPECT_THAT(disk.disk->check_map(), Succeeds());
}

TEST_F(OrderingRules, RuleB_TheFirstWriteGoesToTheSlotOwned) {
    must(disk.write(5, 1));
    EXPECT_EQ(disk.slot_offset(5), layout.slot_offset(layout.implicit_slot(fs::BlockIndex{5})));
    EXPECT_EQ(disk.disk->stats().pool_free, kShape.pool);
}

TEST_F(OrderingRules, RuleB_TheSlotOwnedServesAgainOnceItsDiscardIsSyncedAndPunched) {
    must(disk.write(5, 1));
    must(disk.sync());
    const std::uint64_t own = disk.slot_offset(5);
    must(disk.zero(5));
    must(disk.sync());
    must(disk.write(5, 2));
    EXPECT_EQ(disk.slot_offset(5), own);
}

TEST_F(OrderingRules, RuleA_ABlockWrittenTwiceInAnEpochKeepsItsNewSlot) {
    must(disk.write(5, 1));
    must(disk.sync());
    must(disk.write(5, 2));
    const std::uint64_t slot = disk.slot_offset(5);
    must(disk.write(5, 3));
    EXPECT_EQ(disk.slot_offset(5), slot);
    must(disk.soft_commit());
    must(disk.write(5, 4));
    EXPECT_NE(disk.slot_offset(5), slot) << "another epoch";
}

TEST_F(OrderingRules, RuleC_ADiscardGivesTheSlotOfTheSameEpochBack) {
    must(disk.write(5, 1));
    must(disk.sync());
    must(disk.write(5, 2));
    EXPECT_EQ(disk.disk->stats().pool_free, kShape.pool - 1);
    must(disk.zero(5));
    EXPECT_EQ(disk.disk->stats().pool_free, kShape.pool);
    must(disk.sync());
    EXPECT_THAT(disk.disk->check_map(), Succeeds());
}

TEST_F(OrderingRules, O4_ASuperblockFollowsTheSyncOfWhatItRefersTo) {
    must(disk.write(0, 1));
    must(disk.sync());
    trace->clear();
    checkpoint();
    EXPECT_EQ(writes(), "LTTT()SS()") << "ACK page; leaf and node, segment table; the superblock";
}

TEST_F(OrderingRules, O4_ARecoverySyncsBeforeAndAfterItsSuperblock) {
    must(disk.write(0, 1));
    must(disk.sync());
    disk.kill();
    trace->clear();
    disk.open();
    EXPECT_EQ(writes(), "()CTTT()SS()");
}

TEST_F(OrderingRules, O4_ACheckpointWritesTheOtherCopies) {
    std::vector<std::uint64_t> before;
    for (std::uint8_t round = 1; round < 5; ++round) {
        must(disk.write(0, round));
        must(disk.sync());
        trace->clear();
        checkpoint();
        auto sectors = sectors_of('T');
        for (const std::uint64_t offset : sectors_of('S')) sectors.push_back(offset);
        // Leaf, node, both tables, two replicas; the pool has not changed at first.
        EXPECT_EQ(sectors.size(), round == 1 ? 5u : 6u);
        for (const std::uint64_t offset : sectors)
            EXPECT_EQ(std::ranges::count(before, offset), 0) << offset;
        before = std::move(sectors);
    }
}

TEST_F(OrderingRules, O4_TheSecondWriterIsFoundOutBeforeASuperblockIsWritten) {
    must(disk.write(0, 1));
    must(disk.sync());
    trace->clear();
    {
        TestDisk other(kShape);
        other.image = disk.image;
        other.open();  // took over: a newer superblock
        disk.image = other.image;
    }
    EXPECT_THAT(disk.disk->close(), FailsWith(Errc::busy));
    EXPECT_EQ(std::ranges::count(writes(), 'S'), 0);
    EXPECT_TRUE(disk.has_event(fs::DiskEvent::Kind::stopped));
}

TEST_F(OrderingRules, O5_TheLogWrapsOnlyBehindACheckpoint) {
    for (int i = 0; i < 60; ++i) {
        must(disk.write(static_cast<std::uint64_t>(i % 5), static_cast<std::uint8_t>(i)));
        must(disk.soft_commit());
    }
    // Between two superblocks no page of the ring is written twice.
    std::vector<std::uint64_t> since;
    int superblocks = 0;
    for (const Operation& operation : trace->operations()) {
        if (letter(operation) == 'S') {
            since.clear();
            ++superblocks;
        } else if (letter(operation) == 'L') {
            EXPECT_EQ(std::ranges::count(since, operation.offset), 0);
            since.push_back(operation.offset);
        }
    }
    EXPECT_GT(superblocks, 10);
}

TEST_F(OrderingRules, EpochsNeverFillTheLogSoThatAnAckPageFits) {
    std::uint64_t most = 0;
    for (std::uint8_t i = 0; i < 40; ++i) {
        must(disk.write(i % 5u, i));
        must(disk.soft_commit());
        most = std::max(most, disk.disk->stats().log_pages_used);
    }
    EXPECT_EQ(most, kShape.log - 1);
}

TEST_F(OrderingRules, ASyncIsOneFdatasyncAndNothingIsNone) {
    must(disk.write(0, 1, 8));
    trace->clear();
    must(disk.sync());
    EXPECT_EQ(trace->count(Kind::sync_begin), 1u);
    must(disk.sync());
    must(disk.soft_commit());
    EXPECT_EQ(trace->count(Kind::sync_begin), 1u) << "nothing was written since";
    EXPECT_EQ(writes(), "L()");
}

TEST_F(OrderingRules, NothingIsWrittenOrSyncedWhileIdle) {
    must(disk.write(0, 1));
    must(disk.sync());
    checkpoint();
    trace->clear();
    for (int minute = 0; minute < 60; ++minute) {
        disk.pass(std::chrono::minutes(1));
        must(disk.disk->tick());
    }
    EXPECT_EQ(trace->operations().size(), 0u);
}

TEST_F(OrderingRules, WholeBlocksAreWrittenWithoutReadingThemBack) {
    must(disk.write(0, 1, 16));
    must(disk.sync());
    trace->clear();
    must(disk.write(0, 2, 16));
    must(disk.sync());
    must(disk.soft_commit());
    EXPECT_EQ(reads(), "");
}

TEST_F(OrderingRules, AdjacentSlotsAreOneCall) {
    must(disk.write(0, 1, 16));
    must(disk.sync());
    EXPECT_EQ(writes(), "ADL()");
    trace->clear();
    must(disk.write(0, 2, 16));  // sixteen of the pool, in one run
    EXPECT_EQ(writes(), "D");
    trace->clear();
    EXPECT_EQ(must(disk.read(3)), 2);
    std::vector<std::byte> out(16 * fs::kBlockSize);
    must(disk.disk->read(fs::ByteOffset{0}, out));
    EXPECT_EQ(reads(), "dd");
}

TEST_F(OrderingRules, ASegmentsMetadataIsAllocatedBeforeItsFirstWrite) {
    must(disk.write(0, 1));
    must(disk.write(1, 1));
    EXPECT_EQ(writes(), "ADD");
}

TEST_F(OrderingRules, AtMostSixtyFourSoftEpochsWait) {
    TestDisk large({64, 64, 200, 1});
    large.wrap = disk.wrap;
    large.open();
    trace->clear();
    for (std::uint8_t i = 0; i < 64; ++i) {
        must(large.write(i, i));
        must(large.soft_commit());
    }
    EXPECT_EQ(trace->count(Kind::sync_begin), 0u);
    must(large.write(0, 100));
    must(large.soft_commit());
    EXPECT_EQ(trace->count(Kind::sync_begin), 1u);
}

TEST_F(OrderingRules, ACleanDiskHasAnEmptyLog) {
    must(disk.write(0, 1));
    must(disk.sync());
    disk.pass(std::chrono::seconds(1));
    must(disk.disk->tick());  // an ACK page behind the COMMIT page
    disk.close();
    disk.open();
    EXPECT_TRUE(disk.disk->info().clean);
    trace->clear();
    disk.options.read_only = true;
    disk.kill();
    disk.open();
    EXPECT_EQ(writes(), "()C") << "the sync at the start of a recovery, read-only or not";
}

}  // namespace
}  // namespace twofold

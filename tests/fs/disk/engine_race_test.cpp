// Calls in the middle of other calls, each race brought about on purpose: who may go on, who waits,
// and what is left when the power goes in between.
#include <gtest/gtest.h>

#include "fs/disk/layout.h"
#include "tests/support/calls.h"
#include "tests/support/test_disks.h"

namespace twofold {
namespace {

using fs::kBlockSize;
using Kind = FileCall::Kind;

class EngineRace : public testing::Test {
protected:
    explicit EngineRace(DiskShape shape = {64, 16, 8, 1})
        : disk(shape),
          layout(must(fs::Layout::create(shape.blocks, {shape.pool, shape.log, shape.segments_max},
                                         fs::Limits::tiny()))) {
        disk.wrap = [this](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
            return std::make_unique<FaultyFile>(
                std::move(file), [this](const FileCall& call) { return trap(call); });
        };
        disk.open();
    }
    ~EngineRace() override { held.open(); }

    static Result<void> eio() { return fail(Error{Errc::io, "injected", {}, EIO, {}}); }
    static Result<void> enospc() { return fail(Error{Errc::no_space, "injected", {}, ENOSPC, {}}); }

    // The next such operation waits until held.open(), and then comes to `then`.
    void hold_next(
        Kind kind, Trap::Where where = Trap::anywhere,
        Result<void> (*then)() = [] { return Result<void>(); }) {
        trap.set(kind, std::move(where), [this, then] {
            held.wait();
            return then();
        });
    }
    std::uint64_t own_slot(std::uint64_t block) const {
        return layout.slot_offset(layout.implicit_slot(fs::BlockIndex{block}));
    }
    Trap::Where leaf_of_block_5() const {
        return [this](const FileCall& call) {
            return Trap::at(layout.leaf_offset(fs::LeafIndex{0}, 0))(call) ||
                   Trap::at(layout.leaf_offset(fs::LeafIndex{0}, 1))(call);
        };
    }
    Result<void> write_part(std::uint64_t block, std::uint64_t within, std::uint8_t fill) {
        const std::array<std::byte, 10> part{std::byte{fill}, std::byte{fill}, std::byte{fill}};
        return disk.disk->write(fs::ByteOffset{block * kBlockSize + within}, Bytes(part).first(3));
    }
    std::vector<std::byte> block(std::uint64_t index) {
        std::vector<std::byte> out(kBlockSize);
        must(disk.disk->read(fs::ByteOffset{index * kBlockSize}, out));
        return out;
    }
    void checkpoint() {
        disk.pass(std::chrono::seconds(1));
        must(disk.disk->tick());
        disk.pass(std::chrono::seconds(31));
        must(disk.disk->tick());
    }
    // The disk as the next mount finds it if the power goes now, and the device has everything.
    std::unique_ptr<TestDisk> after_a_cut() {
        auto other = std::make_unique<TestDisk>(
            DiskShape{layout.block_count(), layout.shape().pool_slots, layout.shape().log_pages,
                      layout.shape().segments_max});
        other->image = disk.image;
        other->open();
        return other;
    }

    Trap trap;
    Barrier held;
    TestDisk disk;
    fs::Layout layout;
};

// ---- Writers

// Case 8b of the format. The second writer waits for the block while an epoch is sealed; had it
// entered that epoch before, the later of two writes would be the older one.
TEST_F(EngineRace, TheLaterOfTwoWritersAroundASealedEpochIsTheOneFound) {
    must(disk.write(5, 0xa1));
    must(disk.sync());
    must(disk.write(9, 0x91));  // something to commit
    hold_next(Kind::read, Trap::at(disk.slot_offset(5)));
    Call first([&] { must(write_part(5, 10, 0xa2)); });  // reads the block under its lock
    held.await();
    Call second([&] { must(disk.write(5, 0xb1)); });
    EXPECT_FALSE(second.settles());
    Call commit([&] { must(disk.sync()); });
    EXPECT_TRUE(commit.settles()) << "nobody of the sealed epoch is left";
    held.open();
    first.join();
    second.join();
    commit.join();
    EXPECT_THAT(disk.read(5), testing::Optional(0xb1));
    must(disk.sync());
    disk.kill();
    disk.open();
    EXPECT_THAT(disk.read(5), testing::Optional(0xb1));
    EXPECT_EQ(must(disk.read(9)), 0x91);
    EXPECT_THAT(disk.disk->check_map(), Succeeds());
}

TEST_F(EngineRace, WritesToPartsOfOneBlockDoNotUndoEachOther) {
    must(disk.write(5, 0));
    must(disk.sync());
    hold_next(Kind::read, Trap::at(disk.slot_offset(5)));
    Call first([&] { must(write_part(5, 10, 0xa2)); });
    held.await();
    Call second([&] { must(write_part(5, 100, 0xb2)); });
    EXPECT_FALSE(second.settles());
    held.open();
    first.join();
    second.join();
    EXPECT_EQ(block(5)[10], std::byte{0xa2});
    EXPECT_EQ(block(5)[100], std::byte{0xb2});
}

// O1. Whatever the order of entry and data inside the engine: a page that is durable names data
// that is.
TEST_F(EngineRace, O1_ASyncThatReturnsWhileAWriteIsOnItsWayIsAPromiseAllTheSame) {
    hold_next(Kind::write, Trap::at(own_slot(9)));
    Call write([&] { must(disk.write(9, 0x91)); });
    held.await();
    must(disk.write(5, 0xa1));
    Call sync([&] { must(disk.sync()); });
    const bool returned = sync.settles();
    {
        const auto cut = after_a_cut();
        const auto found = cut->read(5);
        ASSERT_THAT(found, Succeeds());
        if (returned) {
            EXPECT_EQ(*found, 0xa1) << "it was synced";
        }
    }
    held.open();
    write.join();
    sync.join();
    must(disk.sync());
    const auto cut = after_a_cut();
    EXPECT_EQ(must(cut->read(5)), 0xa1);
    EXPECT_EQ(must(cut->read(9)), 0x91) << "it had returned before the last sync";
}

TEST_F(EngineRace, O1_AnEpochOneOfWhoseWritesFailedGetsNoPages) {
    must(disk.write(5, 0xa1));
    must(disk.sync());
    bool page = false;
    hold_next(Kind::write, Trap::at(own_slot(9)), eio);
    Call write([&] { EXPECT_THAT(disk.write(9, 0x91), FailsWith(Errc::io)); });
    held.await();
    must(disk.write(5, 0xa2));
    Call sync([&] { EXPECT_THAT(disk.sync(), FailsWith(Errc::stopped)); });
    EXPECT_FALSE(sync.settles());
    trap.set(Kind::write, Trap::anywhere, [&] {
        page = true;
        return Result<void>();
    });
    held.open();
    write.join();
    sync.join();
    EXPECT_FALSE(page) << "something was written after the failure";
    EXPECT_EQ(must(after_a_cut()->read(5)), 0xa1);
}

// ENOSPC costs the write that it met, and not the one beside it.
TEST_F(EngineRace, AFirstWriteThatFindsNoSpaceLeavesTheOneInFlightAlone) {
    hold_next(Kind::write, Trap::at(own_slot(9)));
    Call write([&] { must(disk.write(9, 0x91)); });
    held.await();
    trap.set(Kind::write, Trap::at(own_slot(20)), enospc);
    EXPECT_THAT(disk.write(20, 0x20), FailsWith(Errc::no_space));
    held.open();
    write.join();
    EXPECT_FALSE(disk.disk->stats().stopped);
    must(disk.sync());
    const auto cut = after_a_cut();
    EXPECT_EQ(must(cut->read(9)), 0x91);
    EXPECT_EQ(must(cut->read(20)), 0);
    EXPECT_THAT(cut->disk->check_map(), Succeeds());
}

// The blocks of this epoch are overwritten last: until then there is a way back.
TEST_F(EngineRace, AWriteThatFindsNoSpaceHasNotTouchedWhatTheEpochHas) {
    must(disk.write(4, 0xa1, 2));
    trap.set(Kind::write, Trap::at(own_slot(6)), enospc);
    EXPECT_THAT(disk.write(4, 0xa2, 3), FailsWith(Errc::no_space));
    EXPECT_TRUE(trap.sprung());
    EXPECT_FALSE(disk.disk->stats().stopped);
    EXPECT_THAT(disk.read(4), testing::Optional(0xa1));
    EXPECT_THAT(disk.read(5), testing::Optional(0xa1));
    EXPECT_THAT(disk.read(6), testing::Optional(0));
}

// ---- Commits

TEST_F(EngineRace, O2_PagesAreWrittenOneEpochAfterAnother) {
    must(disk.write(5, 0xa1));
    hold_next(Kind::write);
    Call first([&] { must(disk.soft_commit()); });
    held.await();
    must(disk.write(6, 0xa2));
    Call second([&] { must(disk.soft_commit()); });
    EXPECT_FALSE(second.settles()) << "the pages of the epoch before are not written yet";
    held.open();
    first.join();
    second.join();
    const auto cut = after_a_cut();
    EXPECT_EQ(must(cut->read(5)), 0xa1);
    EXPECT_EQ(must(cut->read(6)), 0xa2);
}

// An epoch that was paged while the sync ran is not told of when that sync is.
TEST_F(EngineRace, O2_AnAckPageTellsOnlyWhatWasSynced) {
    must(disk.write(5, 0xa1));
    std::uint64_t slot = 0;
    trap.set(Kind::sync, Trap::anywhere, [&] {
        must(disk.write(6, 0xb1));
        must(disk.soft_commit());
        slot = disk.slot_offset(6);
        return Result<void>();
    });
    must(disk.sync());
    ASSERT_NE(slot, 0u);
    disk.pass(std::chrono::milliseconds(200));
    must(disk.disk->tick());             // the ACK page
    disk.image.punch(slot, kBlockSize);  // it never came to the device
    const auto cut = after_a_cut();
    EXPECT_EQ(must(cut->read(5)), 0xa1);
    EXPECT_THAT(cut->read(6), testing::Optional(0));
}

TEST_F(EngineRace, O7_OneSyncAtATimeAndOneServesAllWhoCameBefore) {
    must(disk.write(5, 0xa1));
    hold_next(Kind::sync);
    Call first([&] { must(disk.sync()); });
    held.await();
    must(disk.write(6, 0xa2));
    const auto syncs = disk.disk->stats().syncs;
    Call second([&] { must(disk.sync()); });
    Call third([&] { must(disk.sync()); });
    EXPECT_FALSE(second.settles());
    EXPECT_FALSE(third.settles());
    EXPECT_EQ(disk.disk->stats().syncs, syncs);
    held.open();
    first.join();
    second.join();
    third.join();
    EXPECT_EQ(disk.disk->stats().syncs, syncs + 1);
}

// The store fails a write while an fdatasync runs, and the fdatasync itself returns 0.
TEST_F(EngineRace, O7_AFailureDuringASyncIsNoSuccess) {
    must(disk.write(5, 0xa1));
    trap.set(Kind::sync, Trap::anywhere, [this] {
        trap.set(Kind::write, Trap::at(own_slot(9)), eio);
        EXPECT_THAT(disk.write(9, 0x91), FailsWith(Errc::io));
        return Result<void>();
    });
    EXPECT_THAT(disk.sync(), FailsWith(Errc::stopped));
    EXPECT_THAT(disk.sync(), FailsWith(Errc::stopped));
}

// The kernel reports a write-back error to one fdatasync. If that is the one of a header rewrite,
// the next commit must not take its own for a success.
TEST_F(EngineRace, O7_TheSyncOfAHeaderRewriteThatFailsStopsTheDisk) {
    must(disk.write(5, 0xa1));
    trap.set(Kind::sync, Trap::anywhere, eio);
    EXPECT_THAT(disk.disk->rewrap(crypto::Layer::one, disk.keys.record_of(crypto::Layer::one),
                                  [](const crypto::Envelope&) { return Result<void>(); }),
                FailsWith(Errc::io));
    ASSERT_TRUE(trap.sprung());
    EXPECT_THAT(disk.sync(), FailsWith(Errc::stopped)) << "the error was spent, the data is lost";
}

TEST_F(EngineRace, AHeaderIsRewrittenWhileACheckpointIsUnderWay) {
    must(disk.write(5, 0xa1));
    must(disk.sync());
    hold_next(Kind::write, leaf_of_block_5());
    Call tree([&] { checkpoint(); });
    held.await();
    auto record = disk.keys.record_of(crypto::Layer::two);
    record.push_back(std::byte{'!'});
    EXPECT_THAT(disk.disk->rewrap(crypto::Layer::two, record,
                                  [](const crypto::Envelope&) { return Result<void>(); }),
                Succeeds());
    held.open();
    tree.join();
    const auto cut = after_a_cut();
    EXPECT_EQ(must(cut->read(5)), 0xa1);
    EXPECT_EQ(must(cut->disk->envelope(crypto::Layer::two)).record, record);
}

// ---- Discards

// Write rule 3(b): until its hole is punched, the slot that a block owns is nobody's.
TEST_F(EngineRace, AWriteDuringThePunchOfItsBlockGoesElsewhere) {
    must(disk.write(5, 0xa1));
    must(disk.sync());
    must(disk.zero(5));
    trap.set(Kind::punch, Trap::at(own_slot(5)), [this] { return disk.write(5, 0xa2); });
    must(disk.sync());
    ASSERT_TRUE(trap.sprung());
    EXPECT_THAT(disk.read(5), testing::Optional(0xa2));
    must(disk.sync());
    EXPECT_THAT(after_a_cut()->read(5), testing::Optional(0xa2));
}

// ---- Readers

TEST_F(EngineRace, AReadWhoseSlotIsReusedMeanwhileFindsTheNewVersion) {
    must(disk.write(5, 0xa1));
    must(disk.sync());
    const std::uint64_t slot = disk.slot_offset(5);
    bool reused = false;
    trap.set(Kind::read, Trap::at(slot), [&] {
        must(disk.write(5, 0xa2));
        must(disk.sync());  // from here on the slot is the pool's
        for (std::uint8_t i = 0; i < 40 && !reused; ++i) {
            must(disk.write(6, i));
            reused = disk.slot_offset(6) == slot;
            must(disk.soft_commit());
        }
        return Result<void>();
    });
    EXPECT_THAT(disk.read(5), testing::Optional(0xa2));
    EXPECT_TRUE(reused);
}

// Two checkpoints pass between reading a reference and reading its page: the copy is another's now.
TEST_F(EngineRace, AReadOvertakenByCheckpointsLooksItsPageUpAgain) {
    must(disk.write(5, 0xa1));
    disk.reopen();
    trap.set(Kind::read, leaf_of_block_5(), [this] {
        for (const std::uint8_t fill : std::array<std::uint8_t, 2>{0xa2, 0xa3}) {
            must(disk.write(5, fill));
            must(disk.sync());
            checkpoint();
        }
        return Result<void>();
    });
    EXPECT_THAT(disk.read(5), testing::Optional(0xa3));
    EXPECT_TRUE(trap.sprung());
}

// And one checkpoint: the page it reads is still whole, and must not be taken for the new one.
TEST_F(EngineRace, AnOldPageIsNotFoundUnderANewReference) {
    must(disk.write(5, 0xa1));
    disk.reopen();
    trap.set(Kind::read, leaf_of_block_5(), [this] {
        must(disk.write(5, 0xa2));
        must(disk.sync());
        checkpoint();
        return Result<void>();
    });
    EXPECT_THAT(disk.read(5), testing::AnyOf(testing::Optional(0xa1), testing::Optional(0xa2)));
    EXPECT_TRUE(trap.sprung());
    EXPECT_THAT(disk.read(5), testing::Optional(0xa2));
}

// ---- The end

TEST_F(EngineRace, ClosingWaitsForAReadUnderWay) {
    must(disk.write(5, 0xa1));
    hold_next(Kind::read, Trap::at(disk.slot_offset(5)));
    Call read([&] { EXPECT_THAT(disk.read(5), testing::Optional(0xa1)); });
    held.await();
    Call close([&] { EXPECT_THAT(disk.disk->close(), Succeeds()); });
    if (close.settles()) {  // all that the read borrows is gone: there is no way on
        ADD_FAILURE() << "closed under a read";
        std::abort();
    }
    held.open();
    read.join();
    close.join();
}

TEST_F(EngineRace, AnUnmountDuringACommitIsCleanAndHasEverything) {
    must(disk.write(5, 0xa1));
    hold_next(Kind::sync);
    Call sync([&] { must(disk.sync()); });
    held.await();
    must(disk.write(6, 0xa2));  // after the epoch that is being synced
    Call close([&] { EXPECT_THAT(disk.disk->close(), Succeeds()); });
    EXPECT_FALSE(close.settles());
    held.open();
    sync.join();
    close.join();
    disk.open();
    EXPECT_TRUE(disk.disk->info().clean);
    EXPECT_EQ(must(disk.read(5)), 0xa1);
    EXPECT_EQ(must(disk.read(6)), 0xa2);
}

}  // namespace
}  // namespace twofold

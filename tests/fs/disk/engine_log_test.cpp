// Which log pages count. Each page here is authentic, made under the disk's own keys, and wrong in
// one field, or right and in the wrong company: what no crash leaves and no check value tells.
#include <gtest/gtest.h>

#include "fs/disk/header.h"
#include "fs/disk/layout.h"
#include "fs/disk/log_page.h"
#include "tests/support/recording_file.h"
#include "tests/support/test_disks.h"

namespace twofold {
namespace {

using fs::BlockRecord;
using fs::LogPage;
using testing::Optional;

constexpr DiskShape kShape{160, 80, 16, 1};

class EngineLog : public testing::Test {
protected:
    EngineLog()
        : layout(must(fs::Layout::create(
              kShape.blocks, {kShape.pool, kShape.log, kShape.segments_max}, fs::Limits::tiny()))) {
        disk.wrap = [this](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
            return std::make_unique<RecordingFile>(std::move(file), trace);
        };
        disk.open();
        must(disk.write(5, 0xa1));
        must(disk.sync());
        opened = must(fs::Header::open(*disk.image.open(), disk.keys, disk.note,
                                       disk.options.limits, fs::Libraries::fastest));
        trace->clear();
    }
    const crypto::Blake2b& mac() const { return opened->keys.macs().log; }

    // Offsets of the log pages written since the trace was cleared, in order.
    std::vector<std::uint64_t> pages() const {
        std::vector<std::uint64_t> all;
        for (const Operation& operation : trace->operations())
            if (operation.kind == Operation::Kind::write && operation.offset >= fs::kLogOffset &&
                operation.offset < layout.segment_table_offset(0))
                for (std::uint64_t at = 0; at < operation.length; at += fs::kSectorSize)
                    all.push_back(operation.offset + at);
        return all;
    }
    LogPage page_at(std::uint64_t offset) const {
        fs::PageBytes sector;
        disk.image.read(offset, sector);
        return must(LogPage::parse(sector, mac())).page;
    }
    // Changes the page at `offset`, under the right MAC.
    void forge(std::uint64_t offset, const std::function<void(LogPage&)>& change) {
        LogPage page = page_at(offset);
        change(page);
        disk.image.write(offset, page.encode(mac()).bytes);
    }
    // Writes version 2 of block 5, without a sync; the disk is killed, its one page changed, and
    // the disk opened again.
    Result<void> open_with(const std::function<void(LogPage&)>& change) {
        must(disk.write(5, 0xa2));
        must(disk.soft_commit());
        disk.kill();
        EXPECT_EQ(pages().size(), 1u);
        forge(pages().front(), change);
        return disk.try_open();
    }
    void expect_old() {
        EXPECT_THAT(disk.read(5), Optional(0xa1));
        EXPECT_THAT(disk.disk->check_map(), Succeeds());
    }

    std::shared_ptr<Trace> trace = std::make_shared<Trace>();
    TestDisk disk{kShape};
    fs::Layout layout;
    std::optional<fs::Header::Opened> opened;
};

TEST_F(EngineLog, APageThatNobodyChangedCounts) {
    must(open_with([](LogPage&) {}));
    EXPECT_THAT(disk.read(5), Optional(0xa2));
}

TEST_F(EngineLog, APageOfAnotherSequenceEndsTheLog) {
    must(open_with([](LogPage& page) { page.sequence += kShape.log; }));
    expect_old();
}

TEST_F(EngineLog, APageOfAnotherMountEndsTheLog) {
    must(open_with([](LogPage& page) { --page.mount_counter; }));
    expect_old();
}

TEST_F(EngineLog, APageOfANewerMountMeansThatASuperblockIsMissing) {
    EXPECT_THAT(open_with([](LogPage& page) { ++page.mount_counter; }),
                FailsWith(Errc::history_lost));
}

TEST_F(EngineLog, APageOfAnotherSaltEndsTheLog) {
    must(open_with([](LogPage& page) { page.salt[3] ^= std::byte{1}; }));
    expect_old();
}

TEST_F(EngineLog, APageThatFollowsAnotherEndsTheLog) {
    must(open_with([](LogPage& page) { page.chain[3] ^= std::byte{1}; }));
    expect_old();
}

TEST_F(EngineLog, APageOfALaterEpochThanTheNextIsABug) {
    EXPECT_THAT(open_with([](LogPage& page) { ++page.epoch; }), FailsWith(Errc::corrupt));
}

TEST_F(EngineLog, ARecordPastTheEndIsABug) {
    EXPECT_THAT(open_with([](LogPage& page) {
                    std::get<BlockRecord>(page.records[0]).block = fs::BlockIndex{kShape.blocks};
                }),
                FailsWith(Errc::corrupt));
}

TEST_F(EngineLog, ARangePastTheEndIsABug) {
    EXPECT_THAT(open_with([](LogPage& page) {
                    page.records = {fs::ZeroRecord{{fs::BlockIndex{5}, kShape.blocks}}};
                }),
                FailsWith(Errc::corrupt));
}

// The slot that another block owns: two would share it.
TEST_F(EngineLog, ASlotThatIsNotThePoolsIsABug) {
    must(disk.write(5, 0xa2));
    must(disk.sync());
    must(disk.write(6, 0xb1));
    must(disk.soft_commit());  // tells that the epoch before was synced
    disk.kill();
    ASSERT_EQ(pages().size(), 2u);
    forge(pages()[0], [this](LogPage& page) {
        std::get<BlockRecord>(page.records[0]).entry.slot =
            layout.implicit_slot(fs::BlockIndex{40});
    });
    // The next page continues the one before.
    fs::PageBytes first;
    disk.image.read(pages()[0], first);
    const auto value = must(LogPage::parse(first, mac())).mac;
    forge(pages()[1], [&](LogPage& page) { page.chain = value; });
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::corrupt));
}

// ---- Epochs of several pages

class LongEpochs : public EngineLog {
protected:
    // One epoch of two pages, not synced.
    void write_two_pages() {
        must(disk.write(60, 0xc1, 60));
        must(disk.soft_commit());
        ASSERT_EQ(pages().size(), 2u);
        disk.kill();
    }
};

TEST_F(LongEpochs, AreFoundWhole) {
    write_two_pages();
    disk.open();
    EXPECT_THAT(disk.read(60), Optional(0xc1));
    EXPECT_THAT(disk.read(119), Optional(0xc1));
}

TEST_F(LongEpochs, WithoutTheirCommitPageAreNothing) {
    write_two_pages();
    disk.image.punch(pages()[1], fs::kSectorSize);
    disk.open();
    EXPECT_THAT(disk.read(60), Optional(0));
    EXPECT_THAT(disk.read(119), Optional(0));
}

TEST_F(LongEpochs, OfFewerRecordsThanTheirCommitPageSaysAreABug) {
    write_two_pages();
    forge(pages()[1], [](LogPage& page) { ++page.epoch_records; });
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::corrupt));
}

// ---- Forks: one image, written on twice (attack n)

class Forks : public EngineLog {
protected:
    // Two virtual machines of one snapshot, the disk mounted: the same salt and counter.
    struct Fork {
        Fork(const TestDisk& of, const MemoryImage& image, std::uint8_t fill) : disk(kShape) {
            disk.image = image;
            disk.note = of.note;
            disk.open();  // both with the same random bytes
            must(disk.write(5, 0xa1));
            must(disk.sync());
            must(disk.write(5, fill));
            must(disk.soft_commit());
            must(disk.write(6, fill));
            must(disk.soft_commit());
            slot5 = disk.slot_offset(5);
            slot6 = disk.slot_offset(6);
            disk.kill();
        }
        TestDisk disk;
        std::uint64_t slot5 = 0, slot6 = 0;
    };
    static void copy_sector(TestDisk& from, TestDisk& to, std::uint64_t offset) {
        fs::PageBytes sector;
        from.image.read(offset, sector);
        to.image.write(offset, sector);
    }
};

TEST_F(Forks, OfOneMountDoNotContinueEachOther) {
    disk.close();
    Fork a(disk, disk.image, 0xaa), b(disk, disk.image, 0xbb);
    std::map<std::uint64_t, std::uint64_t> page_of;  // epoch: offset of its page
    for (std::uint64_t i = 0; i < kShape.log; ++i) {
        fs::PageBytes sector;
        b.disk.image.read(layout.log_page_offset(i), sector);
        if (const auto page = LogPage::parse(sector, mac()))
            page_of[page->page.epoch] = layout.log_page_offset(i);
    }
    ASSERT_EQ(page_of.size(), 4u) << "one of before";
    ASSERT_EQ(a.slot6, b.slot6);
    const std::uint64_t last = page_of.rbegin()->second;
    copy_sector(b.disk, a.disk, last);
    copy_sector(b.disk, a.disk, b.slot6);
    a.disk.open();
    EXPECT_THAT(a.disk.read(5), Optional(0xaa));
    EXPECT_THAT(a.disk.read(6), Optional(0)) << "a page of the other fork was followed";
}

// ---- What makes a mount's log its own

TEST_F(EngineLog, EachMountStartsALogThatNoOldPageFits) {
    const auto superblock = [this] {
        fs::PageBytes sector;
        disk.image.read(fs::superblock_offset(disk.disk->info().superblock_generation, 0), sector);
        return must(fs::Superblock::peek(sector));
    };
    must(disk.write(5, 0xa2));
    must(disk.soft_commit());
    const std::uint64_t slot = disk.slot_offset(5);
    const fs::Superblock before = superblock();
    const LogPage page = page_at(pages().back());
    disk.kill();
    disk.image.flip_bit(slot);  // so that its epoch is dropped
    disk.open();
    expect_old();
    const fs::Superblock after = superblock();
    EXPECT_EQ(after.mount_counter, before.mount_counter + 1);
    EXPECT_NE(after.log_salt, before.log_salt);
    EXPECT_NE(after.chain, before.chain);
    EXPECT_GT(after.log_start, page.sequence);
    EXPECT_EQ(after.settled_epoch, page.epoch) << "the number of a dropped epoch is not used again";
    must(disk.write(5, 0xa3));
    must(disk.sync());
    EXPECT_GT(disk.disk->info().acknowledged_epoch, page.epoch);
}

// ---- What is in an epoch

TEST_F(EngineLog, ARewriteOfADiscardedBlockOutlivesTheDiscard) {
    must(disk.zero(4, 4));
    must(disk.write(5, 0xa2));
    must(disk.write(6, 0xb2));
    must(disk.zero(6, 1));
    must(disk.soft_commit());
    EXPECT_EQ(pages().size(), 1u);
    disk.kill();
    disk.open();
    EXPECT_THAT(disk.read(4), Optional(0));
    EXPECT_THAT(disk.read(5), Optional(0xa2));
    EXPECT_THAT(disk.read(6), Optional(0));
}

TEST_F(EngineLog, NoNonceIsSeenTwice) {
    for (std::uint8_t round = 0; round < 6; ++round) {
        must(disk.write(round, round, 40));
        must(round % 2 == 0 ? disk.sync() : disk.soft_commit());
        if (round == 3) {
            disk.kill();
            disk.open();
        }
    }
    std::map<crypto::Nonce, int> nonces;
    std::size_t sealed = 0;
    for (const std::uint64_t offset : pages())
        for (const fs::LogRecord& record : page_at(offset).records)
            if (const auto* block = std::get_if<BlockRecord>(&record)) {
                ++nonces[block->entry.nonce];
                ++sealed;
            }
    EXPECT_EQ(sealed, 6u * 40u);
    EXPECT_EQ(nonces.size(), sealed);
}

}  // namespace
}  // namespace twofold

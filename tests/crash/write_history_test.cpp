#include "tests/crash/write_history.h"

#include "tests/support/matchers.h"

// The judge of every kill must be able to find guilty: each way to break a promise, by hand.
namespace twofold::crash {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class Judge : public testing::Test {
protected:
    static constexpr std::uint64_t kBlocks = 8;

    void write(WriterLog& log, std::uint64_t first, std::uint64_t count, Stamp stamp, Path path) {
        log.begin(first, count, stamp, path);
        log.end();
    }
    // The disk as somebody left it.
    void put(std::uint64_t block, Stamp stamp) { fill(at(block), block, stamp); }
    void put(std::uint64_t first, std::uint64_t count, Stamp stamp) {
        for (std::uint64_t b = first; b < first + count; ++b) put(b, stamp);
    }
    Words at(std::uint64_t block) {
        return Words(disk_.data() + block * fs::kBlockSize / 8, fs::kBlockSize / 8);
    }
    Verdict verdict() {
        auto found = must(history_.verify({&a_, &b_}, [&](std::uint64_t first, MutableBytes out) {
            std::memcpy(out.data(), at(first).data(), out.size());
            return Result<void>();
        }));
        a_ = b_ = WriterLog(ticks_);
        return found;
    }

    Ticks ticks_;
    WriterLog a_{ticks_}, b_{ticks_};
    DiskHistory history_{kBlocks};
    std::vector<std::uint64_t> disk_ = std::vector<std::uint64_t>(kBlocks * fs::kBlockSize / 8);
};

TEST_F(Judge, AcceptsWhatWasWrittenAndCounts) {
    write(a_, 0, 2, 1, Path::direct);
    a_.all_safe();
    write(a_, 0, 1, 2, Path::direct);
    write(b_, 4, 1, 3, Path::cached);
    put(0, 2, 1);
    put(0, 2);
    const Verdict found = verdict();
    EXPECT_THAT(found.violations, IsEmpty());
    EXPECT_EQ(found.blocks, kBlocks);
    EXPECT_EQ(found.safe_blocks, 2);
    EXPECT_EQ(found.lost_blocks, 1);               // block 4
    EXPECT_THAT(verdict().violations, IsEmpty());  // and it is still there
}

TEST_F(Judge, SeesASyncedWriteLost) {
    write(a_, 0, 1, 1, Path::cached);
    write(a_, 0, 1, 2, Path::cached);
    a_.all_safe();
    put(0, 1);
    EXPECT_THAT(verdict().violations, Contains(HasSubstr("older than what was synced")));
}

TEST_F(Judge, SeesADiscardThatCameBack) {
    write(a_, 0, 1, 1, Path::direct);
    write(a_, 0, 1, 0, Path::pieces);
    a_.all_safe();
    put(0, 1);
    EXPECT_THAT(verdict().violations, Contains(HasSubstr("older than what was synced")));
}

TEST_F(Judge, SeesAMixtureOfDirectWrites) {
    write(a_, 0, 1, 1, Path::direct);
    write(a_, 0, 1, 2, Path::direct);
    put(0, 2);
    disk_[100] = word_of(0, 1, 100);
    EXPECT_THAT(verdict().violations, Contains(HasSubstr("mixture")));
}

TEST_F(Judge, TakesAMixtureByThePageCacheOfUnsyncedWritesOnly) {
    write(a_, 0, 1, 1, Path::cached);
    a_.all_safe();
    write(a_, 0, 1, 2, Path::cached);
    write(a_, 0, 1, 3, Path::cached);
    put(0, 3);
    disk_[100] = word_of(0, 1, 100);
    const Verdict found = verdict();
    EXPECT_THAT(found.violations, IsEmpty());
    EXPECT_EQ(found.torn_in_cache, 1);
    EXPECT_THAT(verdict().violations, IsEmpty());  // it stays as it is
    disk_[100] ^= 1;
    EXPECT_THAT(verdict().violations, Contains(HasSubstr("untouched")));
}

TEST_F(Judge, SeesAWordOfASyncedWritesPredecessor) {
    write(a_, 0, 1, 1, Path::cached);
    write(a_, 0, 1, 2, Path::cached);
    a_.all_safe();
    write(a_, 0, 1, 3, Path::cached);
    put(0, 3);
    disk_[100] = word_of(0, 1, 100);
    EXPECT_THAT(verdict().violations, Contains(HasSubstr("mixture")));
}

TEST_F(Judge, SeesABlockInAnothersPlaceAndOneThatNobodyWrote) {
    write(a_, 0, 2, 1, Path::direct);
    put(0, 1);
    fill(at(1), 0, 1);
    EXPECT_THAT(verdict().violations, Contains(HasSubstr("block 1")));
    put(1, 1);
    at(5)[7] = 1;
    EXPECT_THAT(verdict().violations, Contains(HasSubstr("block 5: untouched")));
}

TEST_F(Judge, SeesHalfADirectWrite) {
    write(a_, 0, 4, 1, Path::direct);
    put(0, 3, 1);
    EXPECT_THAT(verdict().violations, Contains(HasSubstr("block 3 is not")));
}

TEST_F(Judge, TakesAHalfOfACachedWriteOrDiscard) {
    write(a_, 0, 4, 1, Path::cached);
    write(b_, 4, 4, 2, Path::pieces);
    put(0, 3, 1);
    put(5, 2, 2);
    EXPECT_THAT(verdict().violations, IsEmpty());
}

TEST_F(Judge, SeesALaterWriteWithoutAnEarlierOne) {
    write(a_, 0, 1, 1, Path::direct);
    write(b_, 4, 1, 2, Path::direct);
    put(4, 2);
    EXPECT_THAT(verdict().violations, Contains(HasSubstr("is missing, though it had ended")));
}

TEST_F(Judge, SeesALaterCachedWriteWithoutAnEarlierDirectOne) {
    write(a_, 0, 1, 1, Path::direct);
    write(b_, 4, 1, 2, Path::cached);
    put(4, 2);
    EXPECT_THAT(verdict().violations, Contains(HasSubstr("is missing, though it had ended")));
}

TEST_F(Judge, TakesEitherOfTwoThatOverlappedInTime) {
    a_.begin(0, 1, 1, Path::direct);
    write(b_, 4, 1, 2, Path::direct);
    a_.end();
    put(4, 2);
    EXPECT_THAT(verdict().violations, IsEmpty());
}

TEST_F(Judge, TakesACallThatNeverReturnedBothWays) {
    a_.begin(0, 2, 1, Path::direct);
    EXPECT_THAT(verdict().violations, IsEmpty());
    a_.begin(0, 2, 2, Path::direct);
    put(0, 2, 2);
    EXPECT_THAT(verdict().violations, IsEmpty());
}

}  // namespace
}  // namespace twofold::crash

// The parts of the engine that stand alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "fs/disk/backlog.h"
#include "fs/disk/block_locks.h"
#include "fs/disk/block_ranges.h"
#include "fs/disk/pool.h"
#include "fs/disk/scratch.h"
#include "fs/disk/versions.h"
#include "tests/support/fixed_keys.h"
#include "tests/support/seeds.h"

namespace twofold::fs {
namespace {

BlockRange range(std::uint64_t first, std::uint64_t count) { return {BlockIndex{first}, count}; }

TEST(BlockRanges, IsASetOfBlocks) {
    for (const std::uint64_t seed : seeds(1, 20)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        BlockRanges ranges;
        std::set<std::uint64_t> model;
        for (int step = 0; step < 300; ++step) {
            const std::uint64_t first = random() % 60, count = random() % 8;
            const bool add = random() % 2 == 0;
            add ? ranges.add(range(first, count)) : ranges.remove(range(first, count));
            for (std::uint64_t b = first; b < first + count; ++b)
                add ? void(model.insert(b)) : void(model.erase(b));
            std::set<std::uint64_t> found;
            std::uint64_t last_end = 0;
            ranges.each([&](BlockRange run) {
                EXPECT_TRUE(found.empty() || run.first.value() > last_end) << "runs touch";
                for (std::uint64_t b = run.first.value(); b < end_of(run); ++b) found.insert(b);
                last_end = end_of(run);
            });
            ASSERT_EQ(found, model);
            const std::uint64_t probe = random() % 70;
            EXPECT_EQ(ranges.contains(BlockIndex{probe}), model.contains(probe));
            const auto next = ranges.next(BlockIndex{probe});
            const auto expected = model.lower_bound(probe);
            ASSERT_EQ(next.has_value(), expected != model.end());
            if (!next) continue;
            EXPECT_EQ(next->first.value(), *expected);
        }
    }
}

TEST(Pool, HandsOutEachSlotOnceAndInRuns) {
    std::vector<Slot> slots;
    for (std::uint64_t s = 0; s < 64; ++s) slots.push_back(Slot{s});
    Pool pool(slots);
    std::vector<Slot> run;
    pool.take(20, run);
    for (std::uint64_t i = 0; i < 20; ++i) EXPECT_EQ(run[i], Slot{run[0].value() + i});
    pool.take(20, run);
    EXPECT_EQ(run[20], Slot{20}) << "the next run follows the last";
    EXPECT_EQ(pool.free_count(), 24u);
    EXPECT_EQ(pool.size(), 64u);
    EXPECT_EQ(pool.slots(), slots) << "taken ones are still the pool's";
    pool.exchange(Slot{3}, Slot{1000});
    EXPECT_EQ(pool.size(), 64u);
    EXPECT_EQ(pool.slots().back(), Slot{1000});
    pool.give_back(Slot{4});
    EXPECT_EQ(pool.free_count(), 26u);
}

TEST(Pool, NeverLosesASlot) {
    for (const std::uint64_t seed : seeds(1, 20)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        std::vector<Slot> slots;
        for (std::uint64_t s = 0; s < 50; ++s) slots.push_back(Slot{s});
        Pool pool(slots);
        std::vector<Slot> taken;
        std::vector<Slot> owned;
        for (std::uint64_t s = 50; s < 100; ++s) owned.push_back(Slot{s});
        for (int step = 0; step < 500; ++step) {
            const std::size_t count = random() % 12;
            if (count <= pool.free_count()) pool.take(count, taken);
            std::shuffle(taken.begin(), taken.end(), random);
            while (!taken.empty() && random() % 3 != 0) {
                if (random() % 2 == 0) {
                    pool.give_back(taken.back());
                } else {
                    Slot& block = owned[random() % owned.size()];
                    pool.exchange(taken.back(), block);
                    block = taken.back();
                }
                taken.pop_back();
            }
            std::vector<Slot> all = pool.slots();
            ASSERT_EQ(all.size(), 50u);
            all.insert(all.end(), owned.begin(), owned.end());
            std::sort(all.begin(), all.end());
            ASSERT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
            ASSERT_EQ(pool.free_count() + taken.size(), 50u);
        }
    }
}

TEST(Backlog, AZeroedBlockKeepsTheSlotThatIsKnownHere) {
    Backlog backlog;
    Entry data{.slot = Slot{5}, .data = true, .keyset = 1};
    backlog.put(BlockIndex{70}, data);
    backlog.zero(range(60, 20));
    EXPECT_EQ(backlog.find(BlockIndex{70}).entry, Entry::zero_at(Slot{5}));
    EXPECT_FALSE(backlog.find(BlockIndex{71}).entry);
    EXPECT_TRUE(backlog.find(BlockIndex{71}).zeroed);
    EXPECT_FALSE(backlog.find(BlockIndex{80}).zeroed);
    data.slot = Slot{6};
    backlog.put(BlockIndex{71}, data);
    EXPECT_EQ(backlog.find(BlockIndex{71}).entry, data) << "what comes later wins";
    EXPECT_EQ(backlog.next(BlockIndex{0}), BlockIndex{71});
}

TEST(Versions, TellOfEachEpochsFirstChangeAlsoAfterALateWriterOfTheOneBefore) {
    const Layout layout = must(
        Layout::create(16, {.pool_slots = 8, .log_pages = 8, .segments_max = 1}, Limits::tiny()));
    Versions::Start start;
    for (std::uint64_t s = 0; s < 8; ++s) start.pool.push_back(Slot{s});
    std::atomic<int> told{0};
    FixedClock clock;
    Versions versions(layout, std::move(start), clock, {}, [&](bool) { ++told; });
    const auto write = [&](EpochHold& epoch, std::uint64_t block) {
        auto attempt = versions.try_reserve(1, 1);
        ASSERT_EQ(attempt.shortage, Versions::Shortage::none);
        const std::array<Location, 1> before{{{Entry::zero_at(Slot{8 + block}), false}}};
        const std::array<Entry, 1> after{{{.slot = Slot{8 + block}, .data = true, .keyset = 1}}};
        versions.put(epoch, attempt.reservation, BlockIndex{block}, before, after);
    };
    std::thread sealing;
    {
        EpochHold first = versions.enter();
        write(first, 0);
        EXPECT_EQ(told, 1);
        sealing = std::thread([&] { EXPECT_EQ(versions.seal({})->changes.size(), 2u); });
        while (!versions.open_is_empty()) std::this_thread::yield();
        write(first, 1);  // into the epoch that waits for it
    }
    sealing.join();
    const int before = told;
    EpochHold second = versions.enter();
    write(second, 2);
    EXPECT_EQ(told, before + 1);
}

TEST(BlockLocks, AreHeldOnceAndServedInOrder) {
    BlockLocks locks;
    std::array<int, 32> counters{};  // each guarded by the lock of its block
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            std::mt19937_64 random(t);
            for (int i = 0; i < 500; ++i) {
                const std::uint64_t first = random() % 24;
                const auto held = locks.lock(range(first, 8));
                for (std::uint64_t b = first; b < first + 8; ++b) ++counters[b];
            }
        });
    for (std::thread& thread : threads) thread.join();
    int total = 0;
    for (const int count : counters) total += count;
    EXPECT_EQ(total, 4 * 500 * 8);
}

TEST(BlockLocks, OfDifferentBlocksDoNotMeet) {
    BlockLocks locks;
    const auto a = locks.lock(range(0, 10));
    const auto b = locks.lock(range(10, 10));
    SUCCEED() << "else this test hangs";
}

TEST(Scratch, IsWipedWhenItIsGivenBack) {
    ScratchPool pool;
    const std::byte* where = nullptr;
    {
        const auto scratch = pool.take(2);
        where = scratch.unit(0).data();
        std::ranges::fill(scratch.unit(1), std::byte{0x55});
    }
    const auto again = pool.take(2);
    ASSERT_EQ(again.unit(0).data(), where) << "the same pages";
    EXPECT_TRUE(all_zero(again.unit(1)));
}

}  // namespace
}  // namespace twofold::fs

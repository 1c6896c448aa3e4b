// Memory runs out at every allocation of fixed runs of a disk, once and from there on: while it is
// mounted, serves, commits, checkpoints, rewraps, is killed, recovers and is closed. The sanitizers
// run this, too, and find what leaks. TWOFOLD_SEEDS=n runs n times as many scripts.
#include <gtest/gtest.h>

#include <iostream>
#include <thread>

#include "keyring/crypto/secret.h"
#include "tests/fs/disk/fault_run.h"
#include "tests/support/seeds.h"

namespace twofold {
namespace {

constexpr DiskShape kShape{16, 6, 6, 1};

TEST(EngineMemory, EveryFailedAllocationLeavesWhatWasPromised) {
    std::uint64_t injections = 0, stops = 0, refusals = 0, failed = 0, absorbed = 0;
    for (const std::uint64_t seed : seeds(4200, 2)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const auto layers = all_layers();
        FaultRun runs(FaultScript::random(kShape, layers[seed % layers.size()], seed, 24), seed);
        runs.run_without();
        const std::uint64_t allocations = runs.allocations();
        for (std::uint64_t index = 0; index < allocations; ++index)
            for (const bool for_good : {false, true}) {
                runs.run({InjectedFault::Kind::no_memory, index, for_good});
                ASSERT_FALSE(testing::Test::HasFailure());
            }
        const auto& counts = runs.counts();
        EXPECT_EQ(counts.injections, 2 * allocations);
        injections += counts.injections;
        stops += counts.stops;
        refusals += counts.refusals;
        failed += counts.bad_reads;
        absorbed += counts.absorbed;
    }
    std::cout << injections << " injections: " << stops << " stops, " << refusals
              << " mounts refused, " << failed << " requests failed, " << absorbed << " absorbed\n";
    EXPECT_GT(injections, 1'000u);
    for (const std::uint64_t count : {stops, refusals, failed}) EXPECT_GT(count, 0u);
}

// With threads of its own: they must end, too, where the mount does not come about.
TEST(EngineMemory, AMountWithThreadsThatFindsNoMemoryLeavesNothing) {
    TestDisk disk(kShape);
    disk.open();
    must(disk.write(3, 0xa3));
    must(disk.soft_commit());
    disk.kill();
    const MemoryImage start = disk.image;
    disk.options.background = true;
    disk.real_time = true;
    int refused = 0;
    for (const bool for_good : {false, true})
        for (std::uint64_t index = 0;; ++index) {
            SCOPED_TRACE(index);
            disk.kill();
            disk.image = start;
            AllocationPlan plan{.fail_at = index, .for_good = for_good};
            bool opened = false;
            try {
                const AllocationPlan::Scope disks(&plan);
                opened = disk.try_open().has_value();
            } catch (const std::bad_alloc&) {
            }
            EXPECT_EQ(opened, disk.disk != nullptr);
            if (!opened) {
                ++refused;
                EXPECT_GT(plan.failed, 0u);
                disk.open();
            }
            EXPECT_EQ(must(disk.read(3)), 0xa3);
            must(disk.disk->close());
            if (plan.failed == 0) break;
        }
    std::cout << refused << " mounts refused\n";
    EXPECT_GT(refused, 100);
}

// Takes all of the arena that keys and OpenSSL's contexts live in, but for some.
class FullArena {
public:
    explicit FullArena(std::size_t pieces_left) {
        constexpr std::size_t kPiece = 64;
        for (const std::size_t size : {kPiece, std::size_t{16}})
            while (auto piece = crypto::SecretBytes::zeroed(size)) {
                if (size == kPiece)
                    pieces_.push_back(std::move(*piece));
                else
                    crumbs_.push_back(std::move(*piece));
            }
        pieces_.resize(pieces_.size() - pieces_left);
    }

private:
    std::vector<crypto::SecretBytes> pieces_, crumbs_;
};

TEST(SecretMemory, ThatIsFullIsACleanErrorInEveryCall) {
    const auto layers = all_layers();
    int mounts_refused = 0, calls_failed = 0, rounds = 0;
    for (const Layers& each : layers) {
        SCOPED_TRACE(each.name);
        TestDisk disk(kShape, each);
        disk.open();
        must(disk.write(3, 0xa3));
        must(disk.soft_commit());
        disk.kill();
        const MemoryImage start = disk.image;
        bool all_worked = false;
        for (std::size_t left = 0; !all_worked; ++left, ++rounds) {
            SCOPED_TRACE(std::to_string(left) + " pieces left");
            ASSERT_LT(left, 3'000u);
            disk.kill();
            disk.image = start;
            bool wrote = false;
            // A thread of its own, so that contexts for each thread are made anew.
            std::thread([&] {
                const FullArena full(left);
                const auto failed_cleanly = [&](const auto& result) {
                    if (result) return false;
                    ++calls_failed;
                    EXPECT_THAT(result, FailsWith(Errc::out_of_memory));
                    return true;
                };
                if (failed_cleanly(disk.try_open())) {
                    ++mounts_refused;
                    return;
                }
                const auto found = disk.read(3);
                EXPECT_TRUE(failed_cleanly(found) || *found == 0xa3);
                wrote = !failed_cleanly(disk.write(3, 0xb3));
                const bool synced = !failed_cleanly(disk.sync());
                all_worked = found && wrote && synced && !failed_cleanly(disk.disk->close());
            }).join();
            disk.open();
            EXPECT_EQ(must(disk.read(3)), wrote ? 0xb3 : 0xa3);
            EXPECT_THAT(disk.disk->check_map(), Succeeds());
        }
    }
    std::cout << rounds << " rounds, " << mounts_refused << " mounts refused, " << calls_failed
              << " calls failed\n";
    EXPECT_GT(mounts_refused, 0);
    EXPECT_GT(calls_failed, mounts_refused);
}

}  // namespace
}  // namespace twofold

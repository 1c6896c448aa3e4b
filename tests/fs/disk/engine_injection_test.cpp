// Every call of fixed runs fails in turn, in every way that fits it, once and from there on (fault
// model, section 4). TWOFOLD_SEEDS=n runs n times as many scripts; 30,000 injections take some 12.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/fs/disk/fault_run.h"
#include "tests/support/seeds.h"

namespace twofold {
namespace {

class EngineInjection : public testing::Test {
protected:
    static constexpr int kSteps = 48;

    static FaultScript script_of(std::uint64_t seed) {
        constexpr std::array kShapes{DiskShape{32, 16, 8, 1}, DiskShape{16, 6, 6, 1},
                                     DiskShape{24, 40, 20, 2}};
        const auto layers = all_layers();
        return FaultScript::random(kShapes[seed % kShapes.size()], layers[seed % layers.size()],
                                   seed, kSteps);
    }
};

FaultRun::Counts& operator+=(FaultRun::Counts& sum, const FaultRun::Counts& each) {
    sum.injections += each.injections;
    sum.calls_failed += each.calls_failed;
    sum.stops += each.stops;
    sum.refusals += each.refusals;
    sum.full += each.full;
    sum.bad_reads += each.bad_reads;
    sum.absorbed += each.absorbed;
    sum.states += each.states;
    return sum;
}

TEST_F(EngineInjection, EveryFailedCallLeavesWhatWasPromised) {
    FaultRun::Counts total;
    std::uint64_t calls = 0, faults = 0;
    for (const std::uint64_t seed : seeds(4000, 3)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        FaultRun runs(script_of(seed), seed);
        const auto sequence = runs.run_without();
        calls += sequence.size();
        for (std::uint64_t index = 0; index < sequence.size(); ++index)
            for (const InjectedFault& fault : faults_fitting(sequence[index], index)) {
                ++faults;
                runs.run(fault);
                ASSERT_FALSE(HasFailure());
            }
        total += runs.counts();
    }
    std::cout << calls << " calls, " << total.injections << " injections, " << total.calls_failed
              << " calls failed; " << total.stops << " stops, " << total.refusals
              << " mounts refused, " << total.full << " requests without space, " << total.bad_reads
              << " failed reads, " << total.absorbed << " absorbed; " << total.states
              << " images judged\n";
    EXPECT_EQ(total.injections, faults) << "a fault that was never met";
    EXPECT_GE(total.injections, 1'000u * seeds(4000, 3).size() * 2 / 3);
    for (const std::uint64_t count :
         {total.stops, total.refusals, total.full, total.bad_reads, total.absorbed})
        EXPECT_GT(count, 0u);
}

// A device that says it synced and did not, and then loses power: outside of what is promised, but
// never wrong data.
TEST_F(EngineInjection, ALyingDeviceYieldsAnOlderStateOrAnError) {
    FaultRun::Counts total;
    for (const std::uint64_t seed : seeds(4100, 2)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        FaultRun runs(script_of(seed), seed);
        const auto sequence = runs.run_without();
        for (std::uint64_t index = 0; index <= sequence.size(); ++index) {
            runs.run_on_a_liar(index);
            ASSERT_FALSE(HasFailure());
        }
        total += runs.counts();
    }
    std::cout << total.injections << " power cuts, " << total.states
              << " images: " << total.refusals << " refused, " << total.bad_reads
              << " blocks not readable\n";
    EXPECT_GT(total.injections, 200u);
    EXPECT_GT(total.refusals, 0u);
    EXPECT_LT(total.refusals, total.states);
}

}  // namespace
}  // namespace twofold

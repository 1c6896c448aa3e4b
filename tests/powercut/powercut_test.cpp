// Power cuts and kills at every operation of random workloads: promises D1, D2, S1, S2 and R2.
#include <gtest/gtest.h>

#include "tests/powercut/campaign.h"

namespace twofold::powercut {
namespace {

struct Case {
    std::string workload;
    std::uint64_t states;  // distinct ones
};
void PrintTo(const Case& each, std::ostream* out) { *out << each.workload; }

class PowerCut : public testing::TestWithParam<Case> {};

TEST_P(PowerCut, LosesNothingThatWasSynced) {
    Plan plan;
    plan.workload = find_workload(GetParam().workload);
    ASSERT_NE(plan.workload, nullptr);
    plan.states = GetParam().states;
    const Outcome outcome = explore(plan);
    const Tally& tally = outcome.tally;
    std::cout << tally.states << " states, " << tally.distinct << " distinct, " << tally.recrashed
              << " after a second crash, " << tally.third << " after a third, " << tally.kills
              << " kills\n";
    EXPECT_FALSE(outcome.violation) << outcome.violation->what;
    EXPECT_GE(tally.distinct, plan.states);
    EXPECT_GE(tally.recrashed, tally.states / 5);
    EXPECT_GE(tally.third, tally.states / 50);
    EXPECT_GE(tally.kills, tally.states / 50);
}

INSTANTIATE_TEST_SUITE_P(Workloads, PowerCut, testing::Values(Case{"mixed", 10'000}),
                         [](const auto& test) { return test.param.workload; });

}  // namespace
}  // namespace twofold::powercut

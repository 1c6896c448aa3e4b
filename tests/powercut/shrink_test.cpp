// That the simulator can fail: over an engine that breaks a rule it finds what breaks, makes it
// small, and shows it again from a file.
#include "tests/powercut/shrink.h"

#include <gtest/gtest.h>

#include <sstream>

#include "fs/disk/rule.h"

namespace twofold::powercut {
namespace {

using fs::Rule;

class Shrink : public testing::TestWithParam<Rule> {
protected:
    ~Shrink() override { fs::broken_rule = Rule::none; }
};

TEST_P(Shrink, AViolationIsFoundMadeSmallAndReplayed) {
    Plan plan;
    plan.workload = find_workload("mixed");
    plan.states = 20'000;
    fs::broken_rule = GetParam();
    const Outcome outcome = explore(plan);
    ASSERT_TRUE(outcome.violation) << "not found in " << outcome.tally.states << " states";
    std::cout << "found after " << outcome.tally.states << " states: " << outcome.violation->what
              << '\n';

    const Violation small = shrink(*outcome.violation);
    std::cout << small.what << '\n' << small.scenario.text();
    EXPECT_LE(small.scenario.script.size(), 12u);
    EXPECT_LE(small.scenario.script.size(), outcome.violation->scenario.script.size());

    std::istringstream file(small.scenario.text());
    const Scenario again = must(Scenario::parse(file));
    EXPECT_EQ(again.text(), small.scenario.text());
    const auto shown = replay(again);
    ASSERT_FALSE(shown);
    EXPECT_EQ(shown.error().line(), small.what);

    fs::broken_rule = Rule::none;
    EXPECT_THAT(replay(again), Succeeds()) << "the rule is what it takes";
}

INSTANTIATE_TEST_SUITE_P(Rules, Shrink,
                         testing::Values(Rule::acknowledgement_needs_a_sync,
                                         Rule::replaced_slot_rests, Rule::superblock_follows_a_sync,
                                         Rule::last_epochs_are_verified),
                         [](const auto& test) {
                             return "Rule" + std::to_string(static_cast<int>(test.param));
                         });

}  // namespace
}  // namespace twofold::powercut

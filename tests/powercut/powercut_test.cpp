// Power cuts and kills at every operation of random workloads: promises D1, D2, S1, S2 and R2.
// TWOFOLD_POWERCUT_STATES=n makes it n states a workload, TWOFOLD_SEED=n begins with that seed.
#include <gtest/gtest.h>

#include "tests/powercut/shrink.h"
#include "tests/powercut/stage.h"

namespace twofold::powercut {
namespace {

struct Case {
    std::string workload;
    std::uint64_t states;  // distinct ones
    Level level = Level::tg;
};
void PrintTo(const Case& each, std::ostream* out) { *out << each.workload; }

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::uint64_t states_of(const Case& each) {
#ifdef __SANITIZE_ADDRESS__
    constexpr std::uint64_t kSlower = 20;
#else
    constexpr std::uint64_t kSlower = 1;
#endif
    return number_from("TWOFOLD_POWERCUT_STATES", each.states / kSlower);
}

class PowerCut : public testing::TestWithParam<Case> {};

TEST_P(PowerCut, LosesNothingThatWasSynced) {
    Plan plan;
    plan.workload = find_workload(GetParam().workload);
    ASSERT_NE(plan.workload, nullptr);
    plan.level = GetParam().level;
    plan.seed = number_from("TWOFOLD_SEED", 1);
    plan.states = states_of(GetParam());
    const Outcome outcome = explore(plan);
    const Tally& tally = outcome.tally;
    std::cout << fmt::format(
        "{} states at {}, {} distinct, {} after a second crash, {} after a third, {} kills, {} "
        "nonces; {} crash points of {} scripts\n",
        tally.states, name_of(plan.level), tally.distinct, tally.recrashed, tally.third,
        tally.kills, tally.nonces, tally.crash_points, tally.scripts);
    if (outcome.violation)
        FAIL() << outcome.violation->what << "\nfor twofold-powercut --replay:\n"
               << shrink(*outcome.violation).scenario.text();
    EXPECT_GE(tally.distinct, plan.states);
    EXPECT_GE(tally.recrashed, tally.states / 4);
    EXPECT_GE(tally.third, tally.states / 20);
    EXPECT_GE(tally.kills, tally.states / 25);
    EXPECT_GE(tally.read_only, tally.states / 20);
    EXPECT_GE(tally.nonces, tally.states / 5);
    EXPECT_GE(tally.scripts, tally.states / 3'000);
}

INSTANTIATE_TEST_SUITE_P(Workloads, PowerCut,
                         testing::Values(Case{"mixed", 40'000}, Case{"writes", 12'000},
                                         Case{"rewrites", 18'000}, Case{"firsts", 14'000},
                                         Case{"discards", 18'000}, Case{"races", 30'000},
                                         Case{"full", 18'000}, Case{"checkpoints", 18'000},
                                         Case{"softs", 24'000}, Case{"kills", 18'000},
                                         Case{"rewraps", 14'000}, Case{"reads", 10'000},
                                         Case{"remounts", 8'000}),
                         [](const auto& test) { return test.param.workload; });
INSTANTIATE_TEST_SUITE_P(Ordering, PowerCut, testing::Values(Case{"mixed", 6'000, Level::t4k}),
                         [](const auto&) { return "T4K"; });
INSTANTIATE_TEST_SUITE_P(Tearing, PowerCut, testing::Values(Case{"mixed", 6'000, Level::t512}),
                         [](const auto&) { return "T512"; });

// The process dies between a superblock and its sync, and the power goes while the next mount
// recovers (format, case 15b): what that rests on must be on the device before it overwrites the
// copies that only the older superblock needs.
TEST(PowerCutInRecovery, RestsOnNothingThatOnlyTheCacheHas) {
    constexpr std::uint64_t kSeed = 3;
    const Play play = find_workload("full")->make(kSeed);
    Machine machine(play.shape, play.layers, kSeed);
    Ledger ledger;
    Counters counters;
    Stage first(machine, Level::tg, ledger, counters), killed(machine, Level::tg, ledger, counters),
        cut(machine, Level::tg, ledger, counters);
    Enumerator enumerator([&](std::uint64_t offset) { return machine.group_of(offset); }, kSeed);
    ASSERT_THAT(first.play(play.script), Succeeds());
    int superblocks = 0, states = 0;
    for (std::size_t issued = 1; issued <= first.trace().size(); ++issued) {
        const Operation& last = first.trace().operations()[issued - 1];
        if (last.kind != Operation::Kind::write || last.offset >= fs::kLogOffset) continue;
        ++superblocks;
        const End end = first.end(issued);
        Life life;
        life.after = Life::After::kill;
        killed.crash(end, life.after, {});
        ASSERT_THAT(killed.judge(life, end), Succeeds()) << "killed before " << issued;
        killed.leave();
        for (std::size_t later = 0; later <= killed.trace().size(); ++later) {
            const End end_later = killed.end_after(life, end, later);
            for (int sample = 0; sample < 4; ++sample, ++states) {
                cut.crash(end_later, Life::After::power_cut, enumerator.sample(end_later.medium));
                ASSERT_THAT(cut.judge({}, end_later), Succeeds())
                    << "killed before " << issued << ", cut before " << later;
                cut.leave();
            }
        }
    }
    std::cout << states << " states, after " << superblocks << " superblocks\n";
    EXPECT_GE(superblocks, 10);
    EXPECT_GE(states, 500);
}

}  // namespace
}  // namespace twofold::powercut

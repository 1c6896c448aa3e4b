// A disk under an input: its uses with a fault below them, or with power cuts in them.
#include <gtest/gtest.h>

#include "tests/fs/disk/fault_run.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"
#include "tests/powercut/campaign.h"

namespace twofold::fuzz {
namespace {

// Two or three bytes a step.
FaultScript script_of(Input& input, const DiskShape& shape) {
    using Step = FaultScript::Step;
    constexpr std::size_t kSteps = 64;
    FaultScript script{shape, two_layers(), {}};
    while (!input.empty() && script.steps.size() < kSteps) {
        Step step{static_cast<Step::Kind>(input.u8() % 9), 0, 0, script.steps.size() + 1, {}};
        const std::uint64_t where = input.u8();
        switch (step.kind) {
            case Step::Kind::write:
            case Step::Kind::patch:
            case Step::Kind::zero:
            case Step::Kind::read:
                step.first = where % shape.blocks;
                step.count = 1 + where / shape.blocks %
                                     std::min<std::uint64_t>(4, shape.blocks - step.first);
                break;
            case Step::Kind::tick:
                step.pass = std::chrono::milliseconds(where * 200);
                break;
            default:
                break;
        }
        script.steps.push_back(step);
    }
    return script;
}

}  // namespace

void fuzz_faults(Bytes bytes) {
    Input input(bytes);
    const std::uint8_t kind = input.u8();
    InjectedFault fault;
    fault.kind = static_cast<InjectedFault::Kind>(kind % InjectedFault::kKinds);
    if (fault.kind == InjectedFault::Kind::stall) fault.kind = InjectedFault::Kind::gone;
    fault.for_good = kind >= 128 || fault.kind == InjectedFault::Kind::gone;
    fault.index = input.u16();
    FaultRun run(script_of(input, DiskShape{16, 6, 6, 1}), 1);
    run.run_if_met(fault);
    if (testing::Test::HasFailure()) std::abort();
}

void fuzz_power_cuts(Bytes bytes) {
    using powercut::Action;
    Input input(bytes);
    powercut::Plan plan;
    plan.seed = input.u16();
    plan.states = plan.per_script = 8;
    powercut::Play play{DiskShape{8, 8, 8, 1}, two_layers(), {}};
    const std::uint64_t size = play.shape.blocks * fs::kBlockSize;
    while (!input.empty() && play.script.size() < 16) {
        const std::uint8_t what = input.u8();
        Action action{static_cast<Action::Kind>(what % 10), 0, 0,
                      static_cast<Action::When>(what / 10 % 4)};
        // Amid a sync only what other threads do: a tick, say, may be the sync itself.
        if (action.kind >= Action::Kind::read && action.kind != Action::Kind::soft)
            action.when = Action::When::now;
        switch (action.kind) {
            case Action::Kind::write:
            case Action::Kind::zero:
            case Action::Kind::read:
                action.a = input.u8() * 512u % size;
                action.b = std::min<std::uint64_t>(size - action.a, (1 + input.u8() % 32u) * 512u);
                break;
            case Action::Kind::pass:
                action.a = input.u8() * 200u;
                break;
            case Action::Kind::rewrap:
                action.a = 1 + input.u8() % 2u;
                break;
            default:
                break;
        }
        play.script.push_back(action);
    }
    const auto outcome = powercut::explore(play, plan);
    // What waits for the middle of a sync and meets that of an unmount is refused, as it should be.
    if (!outcome.violation || outcome.violation->what.ends_with("disk: closed")) return;
    fmt::print(stderr, "{}\n", outcome.violation->what);
    std::abort();
}

}  // namespace twofold::fuzz

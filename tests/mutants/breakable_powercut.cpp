// The power-cut simulator on an engine one of whose rules is broken, by its number:
//
//     TWOFOLD_BROKEN_RULE=n breakable_powercut STATES WORKLOAD SEED
//     TWOFOLD_BROKEN_RULE=n breakable_powercut STATES BLOCKS,POOL,LOG 'write 0 4096; soft; ...'
//
// Says what it found, after how many states. Exit code 1: a promise was broken.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "fs/disk/rule.h"
#include "keyring/crypto/secret.h"
#include "tests/powercut/campaign.h"

namespace twofold {
namespace {

Result<powercut::Play> read_play(const std::string& shape, const std::string& script) {
    powercut::Play play;
    play.layers = two_layers();
    char comma = 0;
    std::istringstream(shape) >> play.shape.blocks >> comma >> play.shape.pool >> comma >>
        play.shape.log;
    play.shape.segments_max = 1;
    std::istringstream lines(script);
    for (std::string line; std::getline(lines, line, ';');) {
        TF_ASSIGN(const auto action, powercut::Action::parse(line));
        play.script.push_back(action);
    }
    return play;
}

Result<powercut::Outcome> hunt(std::uint64_t states, const std::string& what,
                               const std::string& how) {
    powercut::Plan plan;
    plan.states = states;
    if (const auto* workload = powercut::find_workload(what)) {
        plan.workload = workload;
        plan.seed = std::strtoull(how.c_str(), nullptr, 10);
        plan.per_script = std::max<std::uint64_t>(states / 8, 200);
        return powercut::explore(plan);
    }
    TF_ASSIGN(const auto play, read_play(what, how));
    plan.per_script = states;
    return powercut::explore(play, plan);
}

}  // namespace
}  // namespace twofold

int main(int count, char** arguments) {
    using namespace twofold;
    const char* rule = std::getenv("TWOFOLD_BROKEN_RULE");
    if (count != 4 || rule == nullptr || !crypto::start()) return 2;
    fs::broken_rule = static_cast<fs::Rule>(std::atoi(rule));
    const auto outcome = hunt(std::strtoull(arguments[1], nullptr, 10), arguments[2], arguments[3]);
    if (!outcome) {
        std::cerr << outcome.error().line() << "\n";
        return 2;
    }
    std::cout << outcome->tally.states << " states\n";
    if (!outcome->violation) return 0;
    std::cout << "Failure\n" << outcome->violation->what << "\n";
    return 1;
}

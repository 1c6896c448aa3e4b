#include "tests/powercut/campaign.h"

#include <algorithm>

#include "tests/powercut/stage.h"

namespace twofold::powercut {
namespace {

using Kind = Operation::Kind;

constexpr int kDepthMax = 3;  // crashes after one another

// Explores the crash states of one script.
class Explorer {
public:
    Explorer(const Play& play, const Plan& plan, std::uint64_t seed, Ledger& ledger,
             Counters& counters, NumberMap& seen, Tally& tally)
        : play_(play),
          plan_(plan),
          seed_(seed),
          counters_(counters),
          seen_(seen),
          tally_(tally),
          machine_(play.shape, play.layers, seed),
          enumerator_([this](std::uint64_t offset) { return machine_.group_of(offset); }, seed),
          random_(seed) {
        for (int depth = 0; depth <= kDepthMax; ++depth)
            stages_.push_back(std::make_unique<Stage>(machine_, plan.level, ledger, counters));
    }

    std::optional<Violation> run();

private:
    Result<void> crash_points();
    Result<void> crash_point(const End& end, Moment moment);
    Result<void> power_cut(int depth, const End& end, Moment moment, const Choice& choice);
    Result<void> kill(int depth, const End& end, Moment moment);
    Result<void> visit(int depth, const End& end, const Life& life, const Choice& choice);
    Result<void> judge(int depth, const End& end, Life& life);
    Result<void> crash_again(int depth, const Life& life, const End& before, std::size_t issued);
    Script more_writes();
    bool chance(unsigned percent) { return random_() % 100 < percent; }
    bool enough() const { return tally_.distinct >= std::min(until_, plan_.states); }

    const Play& play_;
    const Plan& plan_;
    const std::uint64_t seed_;
    Counters& counters_;
    NumberMap& seen_;
    Tally& tally_;
    Machine machine_;
    Enumerator enumerator_;
    std::mt19937_64 random_;
    std::vector<std::unique_ptr<Stage>> stages_;  // by depth
    std::vector<Life> lives_;                     // up to the state that is being visited
    std::uint64_t until_ = 0;                     // distinct states, for this crash point
};

std::optional<Violation> Explorer::run() {
    ++tally_.scripts;
    Scenario scenario{plan_.workload == nullptr ? "" : plan_.workload->name,
                      play_.shape,
                      play_.layers,
                      plan_.level,
                      seed_,
                      counters_,
                      play_.script,
                      {}};
    auto done = stages_[0]->play(play_.script);
    if (done) done = crash_points();
    if (done) return std::nullopt;
    scenario.lives = lives_;
    return Violation{done.error().line(), std::move(scenario)};
}

// Before each operation, and at the end; marks belong to what comes after them. All of a long
// script get their turn, over several scripts: some of them at random.
Result<void> Explorer::crash_points() {
    constexpr std::uint64_t kStatesWanted = 16;  // at a point that is visited, about
    Stage& first = *stages_[0];
    const std::vector<Operation>& all = first.trace().operations();
    const std::uint64_t share =
        plan_.per_script * 100 / kStatesWanted / (all.size() + 1);  // percent
    for (std::size_t issued = 0; issued <= all.size(); ++issued) {
        if (tally_.distinct >= plan_.states) break;
        if (issued < all.size() && all[issued].is_mark()) continue;
        if (random_() % 100 >= share) continue;
        ++tally_.crash_points;
        TF_TRY(crash_point(first.end(issued), first.trace().moment(issued)));
    }
    return {};
}

// Most crash points get a few states; some are gone through to the end.
Result<void> Explorer::crash_point(const End& end, Moment moment) {
    if (chance(30)) TF_TRY(kill(1, end, moment));
    Enumerator::Effort effort = plan_.effort;
    until_ = tally_.distinct + plan_.per_script / 2;
    if (!chance(3)) {
        const std::uint64_t share =
            std::max<std::uint64_t>(16, plan_.per_script / (stages_[0]->trace().size() + 1));
        until_ = tally_.distinct + 4 * share;
        effort.exhaustive_max = std::min(effort.exhaustive_max, 2 * share);
        effort.group_max = std::min<std::uint64_t>(effort.group_max, chance(25) ? 2 * share : 0);
        effort.samples = std::min(effort.samples, share / 2);
    }
    Result<void> result;
    enumerator_.each(end.medium, effort, [&](const Choice& choice) {
        result = power_cut(1, end, moment, choice);
        return result && !enough();
    });
    return result;
}

// Contents count once for each promise that they may break: what was synced is part of a state.
Result<void> Explorer::power_cut(int depth, const End& end, Moment moment, const Choice& choice) {
    const std::uint64_t state = mix(choice.fingerprint(end.medium), end.after_power_cut.from);
    if (!seen_.add(mix(state, seed_))) return {};
    ++tally_.distinct;
    Life life;
    life.moment = moment;
    return visit(depth, end, life, choice);
}

Result<void> Explorer::kill(int depth, const End& end, Moment moment) {
    ++tally_.kills;
    ++tally_.distinct;
    Life life;
    life.after = Life::After::kill;
    life.moment = moment;
    return visit(depth, end, life, {});
}

Result<void> Explorer::visit(int depth, const End& end, const Life& life, const Choice& choice) {
    ++tally_.states;
    if (depth > 1) ++tally_.recrashed;
    if (depth > 2) ++tally_.third;
    lives_.push_back(life);
    const std::size_t place = lives_.size() - 1;
    stages_[static_cast<std::size_t>(depth)]->crash(end, life.after, choice);
    if (auto judged = judge(depth, end, lives_[place]); !judged) {
        if (life.after == Life::After::power_cut)
            lives_[place].picks = Picks::of(choice, end.medium);
        return judged;
    }
    stages_[static_cast<std::size_t>(depth)]->leave();
    lives_.pop_back();
    return {};
}

// A third is cut again in its recovery, some after going on.
Result<void> Explorer::judge(int depth, const End& end, Life& life) {
    Stage& stage = *stages_[static_cast<std::size_t>(depth)];
    const std::uint64_t dice = random_() % 100;
    const bool again = depth < kDepthMax && dice < 36;
    const bool on = depth < kDepthMax && dice >= 36 && dice < 50;
    life.twice = dice >= 50 && dice < 55;
    life.read_only = dice >= 88;
    life.counters = counters_;
    if (on) life.script = more_writes();
    if (life.read_only) ++tally_.read_only;
    TF_TRY(stage.judge(life, end));
    if (life.twice) TF_TRY(stage.judge_again());
    if (on) {
        TF_TRY(stage.go_on(life.script));
        const std::size_t mounted = stage.mounted_at();
        const std::size_t later = 1 + random_() % (stage.trace().size() - mounted);
        return crash_again(depth, life, end, mounted + later);
    }
    if (!again) return {};
    stage.leave();
    return crash_again(depth, life, end, random_() % (stage.trace().size() + 1));
}

Result<void> Explorer::crash_again(int depth, const Life& life, const End& before,
                                   std::size_t issued) {
    Stage& stage = *stages_[static_cast<std::size_t>(depth)];
    const End end = stage.end_after(life, before, issued);
    const Moment moment = stage.trace().moment(issued);
    if (chance(15)) return kill(depth + 1, end, moment);
    return power_cut(depth + 1, end, moment, enumerator_.sample(end.medium));
}

Script Explorer::more_writes() {
    Script script;
    const std::uint64_t blocks = play_.shape.blocks;
    const std::size_t count = 2 + random_() % 5;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t block = random_() % blocks;
        switch (random_() % 8) {
            case 0:
                script.push_back({Action::Kind::sync});
                break;
            case 1:
                script.push_back({Action::Kind::soft});
                break;
            case 2:
                script.push_back(
                    {Action::Kind::zero, block * 4096, (1 + random_() % (blocks - block)) * 4096});
                break;
            case 3:
                script.push_back({Action::Kind::write, block * 4096 + 512 * (random_() % 8), 512});
                break;
            default:
                script.push_back({Action::Kind::write, block * 4096, 4096});
        }
    }
    script.push_back({chance(60) ? Action::Kind::sync : Action::Kind::soft});
    return script;
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
    states += other.states;
    distinct += other.distinct;
    recrashed += other.recrashed;
    third += other.third;
    kills += other.kills;
    read_only += other.read_only;
    crash_points += other.crash_points;
    scripts += other.scripts;
    nonces += other.nonces;
    return *this;
}

Outcome explore(const Plan& plan) {
    Outcome outcome;
    Ledger ledger;
    Counters counters;
    NumberMap seen;
    counters.random_seed = mix(plan.seed, 0x5eed);
    for (std::uint64_t seed = plan.seed; outcome.tally.distinct < plan.states; ++seed) {
        const Play play = plan.workload->make(seed);
        outcome.violation = Explorer(play, plan, seed, ledger, counters, seen, outcome.tally).run();
        if (outcome.violation) break;
    }
    outcome.tally.nonces = ledger.size();
    return outcome;
}

Outcome explore(const Play& play, const Plan& plan) {
    Outcome outcome;
    Ledger ledger;
    Counters counters;
    NumberMap seen;
    counters.random_seed = mix(plan.seed, 0x5eed);
    outcome.violation =
        Explorer(play, plan, plan.seed, ledger, counters, seen, outcome.tally).run();
    outcome.tally.nonces = ledger.size();
    return outcome;
}

}  // namespace twofold::powercut

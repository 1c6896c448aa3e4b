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
    // What is known of a life when it ends.
    struct End {
        const Medium& medium;
        const History& history;
        Window after_power_cut, after_kill;
    };
    Result<void> crash_points();
    Result<void> crash_point(const End& end);
    Result<void> power_cut(int depth, const End& end, Choice choice);
    Result<void> kill(int depth, const End& end);
    Result<void> visit(int depth, const End& end, const Life& life, Window window);
    Result<void> follow_up(int depth, const End& end, const Life& life, std::size_t found);
    Result<void> crash_again(int depth, const End& end);
    Script more_writes();
    bool chance(unsigned percent) { return random_() % 100 < percent; }
    bool enough() const { return tally_.distinct >= until_; }

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
    std::uint64_t until_ = 0;
};

std::optional<Violation> Explorer::run() {
    ++tally_.scripts;
    until_ = std::min(plan_.states, tally_.distinct + plan_.per_script);
    auto done = stages_[0]->play(play_.script);
    if (done) done = crash_points();
    if (done) return std::nullopt;
    return Violation{done.error().line(),
                     plan_.workload == nullptr ? "" : plan_.workload->name,
                     {play_.shape, play_.layers, plan_.level, seed_, play_.script, lives_}};
}

// Before each operation, and at the end. Marks belong to what comes after them.
Result<void> Explorer::crash_points() {
    Stage& first = *stages_[0];
    const std::span<const Operation> all = first.trace().operations();
    for (std::size_t issued = 0; issued <= all.size() && !enough(); ++issued) {
        if (issued < all.size() && all[issued].is_mark()) continue;
        const auto before = all.first(issued);
        lives_.clear();
        ++tally_.crash_points;
        TF_TRY(crash_point({first.medium(issued), first.history(), History::after_power_cut(before),
                            History::after_kill(before)}));
    }
    return {};
}

// Most crash points get a share of the script's states; some are gone through to the end.
Result<void> Explorer::crash_point(const End& end) {
    if (chance(25)) TF_TRY(kill(1, end));
    Enumerator::Effort effort = plan_.effort;
    const std::uint64_t points = stages_[0]->trace().size();
    if (!chance(12)) {
        effort.exhaustive_max = std::min<std::uint64_t>(effort.exhaustive_max, 32);
        effort.group_max = std::min<std::uint64_t>(effort.group_max, chance(25) ? 32 : 0);
        effort.samples =
            std::clamp<std::uint64_t>(plan_.per_script / (points + 1), 5, effort.samples);
    }
    Result<void> result;
    enumerator_.each(end.medium, effort, [&](const Choice& choice) {
        result = power_cut(1, end, choice);
        return result && !enough();
    });
    return result;
}

// The state counts once for each promise that it may break: what was synced is part of it.
Result<void> Explorer::power_cut(int depth, const End& end, Choice choice) {
    const std::uint64_t state = mix(choice.fingerprint(end.medium), end.after_power_cut.from);
    const std::uint64_t before = seen_.size();
    seen_.insert(mix(state, seed_), 0);
    if (seen_.size() == before) return {};
    ++tally_.distinct;
    Life life;
    life.before = Life::Ended::power_cut;
    life.choice = std::move(choice);
    return visit(depth, end, life, end.after_power_cut);
}

Result<void> Explorer::kill(int depth, const End& end) {
    ++tally_.kills;
    ++tally_.distinct;
    Life life;
    life.before = Life::Ended::kill;
    return visit(depth, end, life, end.after_kill);
}

Result<void> Explorer::visit(int depth, const End& end, const Life& begun, Window window) {
    Life life = begun;
    life.read_only = chance(12);
    life.random_seed = ++counters_.random_seed;
    lives_.push_back(life);
    ++tally_.states;
    if (depth > 1) ++tally_.recrashed;
    if (depth > 2) ++tally_.third;
    if (life.read_only) ++tally_.read_only;
    Stage& stage = *stages_[static_cast<std::size_t>(depth)];
    stage.crash(end.medium, life);
    TF_ASSIGN(const std::size_t found, stage.judge(life, end.history, window));
    if (!life.read_only) TF_TRY(follow_up(depth, end, life, found));
    stage.leave();
    lives_.pop_back();
    return {};
}

// A third is cut again in its recovery, some after going on.
Result<void> Explorer::follow_up(int depth, const End& end, const Life& life, std::size_t found) {
    Stage& stage = *stages_[static_cast<std::size_t>(depth)];
    const unsigned dice = static_cast<unsigned>(random_() % 100);
    if (dice >= 55) return {};
    if (dice >= 50) return stage.judge_again();
    if (depth == kDepthMax) return {};
    if (dice >= 36) {
        lives_.back().script = more_writes();
        TF_TRY(stage.go_on(lives_.back().script));
        const std::span<const Operation> all = stage.trace().operations();
        const std::size_t mounted = stage.mounted_at();
        const std::size_t issued = mounted + 1 + random_() % (all.size() - mounted);
        const auto before = all.first(issued);
        return crash_again(depth, {stage.medium(issued), stage.history(),
                                   History::after_power_cut(before), History::after_kill(before)});
    }
    // Recovery comes to the same however often it is cut. Only where it started from what a killed
    // process left in the cache, and did not sync that yet, more may be lost.
    stage.leave();
    const Medium& medium = stage.medium(random_() % (stage.trace().size() + 1));
    const bool durable = life.before == Life::Ended::power_cut || medium.synced_once();
    return crash_again(depth,
                       {medium, end.history, durable ? Window{found, found} : end.after_power_cut,
                        Window{found, found}});
}

Result<void> Explorer::crash_again(int depth, const End& end) {
    if (chance(15)) return kill(depth + 1, end);
    return power_cut(depth + 1, end, enumerator_.sample(end.medium));
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
    exhausted += other.exhausted;
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

#include "tests/powercut/shrink.h"

#include <algorithm>

namespace twofold::powercut {
namespace {

class Shrinker {
public:
    Shrinker(const Violation& violation, std::uint64_t search, int& tried)
        : best_(violation), search_(search), tried_(tried) {}

    Violation run() {
        if (!fails(best_.scenario)) return best_;  // not of this scenario alone
        for (std::size_t before = ~std::size_t{0}; size() < before;) {
            before = size();
            drop_lives();
            drop_later_actions();
            drop_actions();
            simplify_mounts();
            restore_units();
        }
        return best_;
    }

private:
    std::size_t size() const;
    // Takes `scenario` if it fails, too.
    bool fails(Scenario scenario);
    bool found_in(const Scenario& scenario);
    void drop_lives();
    void drop_later_actions();
    void drop_actions();
    void simplify_mounts();
    void restore_units();
    // Removes pieces of a list, large ones first, while without(first, count) is a success.
    template <class Without>
    void drop_pieces(std::size_t size, Without without);

    Violation best_;
    const std::uint64_t search_;
    int& tried_;
};

std::size_t Shrinker::size() const {
    const Scenario& s = best_.scenario;
    std::size_t sum = s.script.size() + s.lives.size();
    for (const Life& life : s.lives) sum += life.picks.picks.size() + life.script.size();
    return sum;
}

bool Shrinker::fails(Scenario scenario) {
    ++tried_;
    const auto done = replay(scenario);
    if (done) return false;
    best_ = {done.error().line(), std::move(scenario)};
    return true;
}

// Another script writes elsewhere, and what was lost has other places: looks for it anew.
bool Shrinker::found_in(const Scenario& scenario) {
    if (search_ == 0) return false;
    Plan plan;
    plan.level = scenario.level;
    plan.seed = scenario.seed;
    plan.states = plan.per_script = search_;
    const Play play{scenario.shape, scenario.layers, scenario.script};
    const Outcome outcome = explore(play, plan);
    tried_ += static_cast<int>(outcome.tally.states);
    if (!outcome.violation) return false;
    Scenario found = outcome.violation->scenario;
    found.workload = scenario.workload;
    return fails(std::move(found));
}

template <class Without>
void Shrinker::drop_pieces(std::size_t size, Without without) {
    for (std::size_t piece = std::max<std::size_t>(size / 2, 1);; piece /= 2) {
        for (std::size_t first = 0; first < size;) {
            const std::size_t count = std::min(piece, size - first);
            if (without(first, count))
                size -= count;
            else
                first += count;
        }
        if (piece <= 1) return;
    }
}

void Shrinker::drop_lives() {
    for (std::size_t i = best_.scenario.lives.size(); i-- > 0;) {
        Scenario smaller = best_.scenario;
        if (i >= smaller.lives.size()) continue;
        smaller.lives.erase(smaller.lives.begin() + static_cast<std::ptrdiff_t>(i));
        fails(std::move(smaller));
    }
}

// What comes after the crash.
void Shrinker::drop_later_actions() {
    const auto cut = [](Script& script, const Life& next) {
        if (script.size() <= next.moment.action) return false;
        script.resize(next.moment.action);
        return true;
    };
    Scenario smaller = best_.scenario;
    bool any = false;
    for (std::size_t i = 0; i < smaller.lives.size(); ++i)
        any = cut(i == 0 ? smaller.script : smaller.lives[i - 1].script, smaller.lives[i]) || any;
    if (any) fails(std::move(smaller));
}

// Of the last script first. The moment of a crash moves with the action in which it is.
void Shrinker::drop_actions() {
    for (std::size_t i = best_.scenario.lives.size() + 1; i-- > 0;) {
        if (i > best_.scenario.lives.size()) continue;
        const auto script_of = [i](Scenario& s) -> Script& {
            return i == 0 ? s.script : s.lives[i - 1].script;
        };
        int searches = 24;
        drop_pieces(script_of(best_.scenario).size(), [&](std::size_t first, std::size_t count) {
            Scenario smaller = best_.scenario;
            Script& script = script_of(smaller);
            if (first + count > script.size()) return false;
            const auto from = script.begin() + static_cast<std::ptrdiff_t>(first);
            script.erase(from, from + static_cast<std::ptrdiff_t>(count));
            if (i < smaller.lives.size()) {
                Moment& moment = smaller.lives[i].moment;
                if (moment.action > first + count)
                    moment.action -= static_cast<std::uint32_t>(count);
                else if (moment.action > first)
                    moment.action = static_cast<std::uint32_t>(first);
            }
            if (fails(smaller)) return true;
            const std::size_t size_now = best_.scenario.script.size();
            return i == 0 && searches-- > 0 && found_in(smaller) &&
                   best_.scenario.script.size() < size_now;
        });
    }
}

void Shrinker::simplify_mounts() {
    for (std::size_t i = 0; i < best_.scenario.lives.size(); ++i) {
        Scenario smaller = best_.scenario;
        Life& life = smaller.lives[i];
        if (!life.read_only && !life.twice) continue;
        life.read_only = life.twice = false;
        fails(std::move(smaller));
    }
}

// Units that need be neither lost nor torn.
void Shrinker::restore_units() {
    for (std::size_t i = 0; i < best_.scenario.lives.size(); ++i)
        drop_pieces(best_.scenario.lives[i].picks.picks.size(),
                    [&](std::size_t first, std::size_t count) {
                        Scenario smaller = best_.scenario;
                        auto& picks = smaller.lives[i].picks.picks;
                        if (first + count > picks.size()) return false;
                        const auto from = picks.begin() + static_cast<std::ptrdiff_t>(first);
                        picks.erase(from, from + static_cast<std::ptrdiff_t>(count));
                        return fails(std::move(smaller));
                    });
}

}  // namespace

Violation shrink(const Violation& violation, std::uint64_t search, int* tried) {
    int count = 0;
    Violation small = Shrinker(violation, search, tried == nullptr ? count : *tried).run();
    return small;
}

}  // namespace twofold::powercut

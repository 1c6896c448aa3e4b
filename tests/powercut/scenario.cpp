#include "tests/powercut/scenario.h"

#include <algorithm>
#include <array>
#include <istream>
#include <sstream>

#include "tests/powercut/stage.h"

namespace twofold::powercut {
namespace {

constexpr std::string_view kFirstLine = "twofold-powercut 1";

void add_script(const Script& script, std::string& out) {
    for (const Action& action : script) out += fmt::format("do {}\n", action.text());
}

void add_life(const Life& life, std::string& out) {
    if (life.after == Life::After::kill) {
        out += fmt::format("kill {} {}\n", life.moment.action, life.moment.operations);
    } else {
        out += fmt::format("power-cut {} {} {} {}\n", life.moment.action, life.moment.operations,
                           life.picks.otherwise_new ? "new" : "old", life.picks.garbage_seed);
        for (const Picks::Pick& pick : life.picks.picks)
            out += pick.value == Choice::kGarbage
                       ? fmt::format("unit {} garbage\n", pick.unit)
                       : fmt::format("unit {} {}\n", pick.unit, pick.value);
    }
    out += fmt::format("mount {} {} {}\n",
                       life.read_only ? "read-only"
                       : life.twice   ? "twice"
                                      : "writable",
                       life.counters.version, life.counters.random_seed);
    add_script(life.script, out);
}

// Reads a scenario line by line.
class Parser {
public:
    explicit Parser(Scenario& into) : into_(into) {}
    Result<void> line(const std::string& text) {
        words_ = std::istringstream(text);
        std::string first;
        words_ >> first;
        if (first.empty() || first[0] == '#') return {};
        if (!word(first, text) || !words_) return fail(Errc::invalid, "scenario: '{}'", text);
        return {};
    }

private:
    bool word(const std::string& first, const std::string& text);
    bool level();
    bool layers();
    bool crash(Life::After after);
    bool unit();
    bool mount();

    Scenario& into_;
    std::istringstream words_;
};

bool Parser::word(const std::string& first, const std::string& text) {
    if (first == "workload") return bool(words_ >> into_.workload);
    if (first == "shape")
        return bool(words_ >> into_.shape.blocks >> into_.shape.pool >> into_.shape.log >>
                    into_.shape.segments_max);
    if (first == "layers") return layers();
    if (first == "level") return level();
    if (first == "seed")
        return bool(words_ >> into_.seed >> into_.counters.version >> into_.counters.random_seed);
    if (first == "power-cut") return crash(Life::After::power_cut);
    if (first == "kill") return crash(Life::After::kill);
    if (first == "unit") return unit();
    if (first == "mount") return mount();
    if (first != "do") return false;
    const auto action = Action::parse(text.substr(3));
    if (!action) return false;
    (into_.lives.empty() ? into_.script : into_.lives.back().script).push_back(*action);
    return true;
}

bool Parser::layers() {
    std::string name;
    words_ >> name;
    const auto all = all_layers();
    const auto found = std::ranges::find(all, name, &Layers::name);
    if (found == all.end()) return false;
    into_.layers = *found;
    return true;
}

bool Parser::level() {
    std::string name;
    words_ >> name;
    const auto found = find_level(name);
    if (found) into_.level = *found;
    return found.has_value();
}

bool Parser::crash(Life::After after) {
    Life& life = into_.lives.emplace_back();
    life.after = after;
    words_ >> life.moment.action >> life.moment.operations;
    if (after == Life::After::kill) return true;
    std::string rest;
    words_ >> rest >> life.picks.garbage_seed;
    life.picks.otherwise_new = rest == "new";
    return rest == "new" || rest == "old";
}

bool Parser::unit() {
    if (into_.lives.empty()) return false;
    Picks::Pick pick{};
    std::string value;
    words_ >> pick.unit >> value;
    if (value == "garbage") {
        pick.value = Choice::kGarbage;
    } else {
        unsigned number = 256;
        std::istringstream(value) >> number;
        if (number >= Choice::kGarbage) return false;
        pick.value = static_cast<std::uint8_t>(number);
    }
    into_.lives.back().picks.picks.push_back(pick);
    return true;
}

bool Parser::mount() {
    if (into_.lives.empty()) return false;
    Life& life = into_.lives.back();
    std::string how;
    words_ >> how >> life.counters.version >> life.counters.random_seed;
    life.read_only = how == "read-only";
    life.twice = how == "twice";
    return life.read_only || life.twice || how == "writable";
}

}  // namespace

std::string Scenario::text() const {
    std::string out = fmt::format("{}\n", kFirstLine);
    if (!workload.empty()) out += fmt::format("workload {}\n", workload);
    out +=
        fmt::format("shape {} {} {} {}\n", shape.blocks, shape.pool, shape.log, shape.segments_max);
    out += fmt::format("layers {}\nlevel {}\n", layers.name, name_of(level));
    out += fmt::format("seed {} {} {}\n", seed, counters.version, counters.random_seed);
    add_script(script, out);
    for (const Life& life : lives) add_life(life, out);
    return out;
}

Result<Scenario> Scenario::parse(std::istream& in) {
    Scenario scenario;
    Parser parser(scenario);
    std::string line;
    if (!std::getline(in, line) || line != kFirstLine)
        return fail(Errc::invalid, "scenario: does not begin with '{}'", kFirstLine);
    while (std::getline(in, line)) TF_TRY(parser.line(line));
    if (scenario.shape.blocks == 0 || scenario.layers.name.empty())
        return fail(Errc::invalid, "scenario: no shape or no layers");
    return scenario;
}

Result<void> replay(const Scenario& scenario) {
    Machine machine(scenario.shape, scenario.layers, scenario.seed);
    Ledger ledger;
    Counters counters = scenario.counters;
    std::vector<std::unique_ptr<Stage>> stages;
    const auto next_stage = [&]() -> Stage& {
        stages.push_back(std::make_unique<Stage>(machine, scenario.level, ledger, counters));
        return *stages.back();
    };
    Stage* stage = &next_stage();
    TF_TRY(stage->play(scenario.script));
    std::optional<End> end;
    const Life* before = nullptr;
    for (const Life& life : scenario.lives) {
        const std::size_t issued = stage->trace().issued_at(life.moment);
        end.emplace(before == nullptr ? stage->end(issued)
                                      : stage->end_after(*before, *end, issued));
        stage = &next_stage();
        stage->crash(*end, life.after,
                     life.after == Life::After::kill ? Choice() : life.picks.on(end->medium));
        counters = life.counters;
        TF_TRY(stage->judge(life, *end));
        if (life.twice) TF_TRY(stage->judge_again());
        if (!life.script.empty()) TF_TRY(stage->go_on(life.script));
        before = &life;
    }
    return {};
}

}  // namespace twofold::powercut

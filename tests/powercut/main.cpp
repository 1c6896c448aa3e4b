// Campaigns of the power-cut simulator, and replay of what they found.
#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iostream>

#include "keyring/crypto/secret.h"
#include "tests/powercut/shrink.h"

namespace twofold::powercut {
namespace {

struct Options {
    bool list = false, json = false, no_shrink = false;
    std::string replay, workload, level = "TG", save;
    std::uint64_t states = 100'000, seed = 1;
};

int list() {
    for (const Workload& workload : workloads())
        std::cout << fmt::format("{:<12} {}\n", workload.name, workload.about);
    return 0;
}

int replay_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) {
        std::cerr << path << ": cannot be read\n";
        return 2;
    }
    const auto scenario = Scenario::parse(file);
    if (!scenario) {
        std::cerr << path << ": " << scenario.error().line() << '\n';
        return 2;
    }
    const auto played = replay(*scenario);
    std::cout << (played ? "no violation" : "violation: " + played.error().line()) << '\n';
    return played ? 0 : 1;
}

void report(const Violation& found, const Options& options) {
    std::cerr << "violation: " << found.what << '\n';
    const Violation small = options.no_shrink ? found : shrink(found);
    std::string text = small.scenario.text();
    text.insert(text.find('\n') + 1, "# " + small.what + "\n");
    if (options.save.empty()) {
        std::cerr << "shrunk; for --replay:\n" << text;
    } else {
        std::ofstream(options.save) << text;
        std::cerr << "shrunk, in " << options.save << ": " << small.what << '\n';
    }
}

// One line for all that ran.
void print(const Options& options, const Tally& tally, std::uint64_t violations, double seconds) {
    const std::string workload = options.workload.empty() ? "all" : options.workload;
    const double rate = seconds > 0 ? static_cast<double>(tally.states) / seconds : 0;
    if (options.json)
        std::cout << fmt::format(
            R"({{"workload":"{}","level":"{}","seed":{},"scripts":{},"crashPoints":{},"states":{},)"
            R"("distinct":{},"recrashed":{},"third":{},"kills":{},"readOnly":{},"nonces":{},)"
            R"("violations":{},"seconds":{:.1f},"statesPerSecond":{:.0f}}})"
            "\n",
            workload, options.level, options.seed, tally.scripts, tally.crash_points, tally.states,
            tally.distinct, tally.recrashed, tally.third, tally.kills, tally.read_only,
            tally.nonces, violations, seconds, rate);
    else
        std::cout << fmt::format(
            "{} at {}: {} states, {} distinct, {} after a second crash, {} after a third, {} "
            "kills, {} nonces; {} scripts from seed {}; {} violations; {:.1f} s, {:.0f} a second\n",
            workload, options.level, tally.states, tally.distinct, tally.recrashed, tally.third,
            tally.kills, tally.nonces, tally.scripts, options.seed, violations, seconds, rate);
}

int campaign(const Options& options, const std::vector<const Workload*>& chosen, Level level) {
    const auto started = std::chrono::steady_clock::now();
    Tally tally;
    std::uint64_t violations = 0;
    for (const Workload* workload : chosen) {
        Plan plan;
        plan.workload = workload;
        plan.level = level;
        plan.seed = options.seed;
        plan.states = options.states / chosen.size();
        const Outcome outcome = explore(plan);
        tally += outcome.tally;
        if (!outcome.violation) continue;
        ++violations;
        report(*outcome.violation, options);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    print(options, tally, violations, took.count());
    return violations == 0 ? 0 : 1;
}

int run(int argc, char** argv) {
    Options options;
    CLI::App app("Cuts the power of twofold disks in memory, and checks what is left.");
    app.add_flag("--list", options.list, "list the workloads");
    app.add_option("--replay", options.replay, "play a scenario; exit 1 if it breaks a promise");
    app.add_option("--states", options.states, "distinct crash states, of all workloads together");
    app.add_option("--seed", options.seed, "of the first script; the others count up");
    app.add_option("--workload", options.workload, "this one alone");
    app.add_option("--level", options.level, "T4K, T512 or TG");
    app.add_flag("--json", options.json, "the result as one line of JSON");
    app.add_option("--save", options.save, "file for the scenario of a violation");
    app.add_flag("--no-shrink", options.no_shrink, "leave a violation as it was found");
    CLI11_PARSE(app, argc, argv);
    if (options.list) return list();
    if (auto started = crypto::start(); !started) {
        std::cerr << started.error().line() << '\n';
        return 2;
    }
    if (!options.replay.empty()) return replay_file(options.replay);
    const auto level = find_level(options.level);
    std::vector<const Workload*> chosen;
    for (const Workload& workload : workloads())
        if (options.workload.empty() || workload.name == options.workload)
            chosen.push_back(&workload);
    if (!level || chosen.empty()) {
        std::cerr << "no such level or workload\n";
        return 2;
    }
    return campaign(options, chosen, *level);
}

}  // namespace
}  // namespace twofold::powercut

int main(int argc, char** argv) { return twofold::powercut::run(argc, argv); }

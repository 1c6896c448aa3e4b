#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <random>
#include <thread>

#include "tests/crash/disk_load.h"
#include "tests/crash/machine.h"

// kill -9 of the daemon under load, again and again: seven writers on one disk, each in its manner,
// the daemon killed at a random moment, the next mount by the plain command, and the whole disk
// judged by what the writers know (write_history.h).
//
//     kill_cycles --cycles 1000 --rotating 200 --seed 7 --json results.jsonl
//
// Ended before by --seconds or SIGTERM it reports the cycles that it did.
// A seed gives the same choices again; when a write meets the kill is the scheduler's affair. Exit
// 1: a promise was broken, and the lines before say which.
namespace twofold::crash {
namespace {

using std::chrono::milliseconds;

struct Options {
    std::string twofold = "twofold", directory, json;
    std::uint64_t cycles = 20, rotating = 4, seconds = 0, seed = std::random_device{}();
    std::uint64_t disk_size = 32 << 20;
};

struct Counts {
    std::uint64_t cycles = 0, kills = 0, while_rotating = 0, in_recovery = 0, in_unmount = 0,
                  rotations = 0;
    std::uint64_t checks = 0, mended = 0, writes = 0, syncs = 0, blocks = 0, safe_blocks = 0,
                  lost_blocks = 0;
    std::uint64_t torn_in_cache = 0, violations = 0;
};

// SIGTERM: the cycle under way is the last.
volatile std::sig_atomic_t interrupted = 0;

class Campaign {
public:
    explicit Campaign(const Options& options)
        : options_(options),
          random_(options.seed),
          machine_(options.twofold, options.directory, options.disk_size),
          history_(options.disk_size / fs::kBlockSize) {
        TF_CHECK(options.rotating <= options.cycles);
    }

    // False: a promise was broken.
    bool run() {
        for (std::uint64_t i = 0; i < options_.cycles && counts_.violations == 0 && !time_up();
             ++i) {
            cycle_ = i;
            cycle(is_rotating(i));
            ++counts_.cycles;
        }
        mounted();
        verify({});
        expect_done(machine_.umount(), "umount");
        check();
        return counts_.violations == 0;
    }
    const Counts& counts() const { return counts_; }

private:
    std::uint64_t below(std::uint64_t end) { return random_() % end; }
    void sleep(std::uint64_t ms_max) {
        std::this_thread::sleep_for(std::chrono::microseconds(below(ms_max * 1000)));
    }
    bool time_up() const {
        return interrupted != 0 ||
               (options_.seconds > 0 && std::chrono::steady_clock::now() - started_ >=
                                            std::chrono::seconds(options_.seconds));
    }
    // Spread evenly over the cycles.
    bool is_rotating(std::uint64_t i) const {
        return (i + 1) * options_.rotating / options_.cycles !=
               i * options_.rotating / options_.cycles;
    }
    void violation(const std::string& line) {
        ++counts_.violations;
        std::printf("VIOLATION, seed %llu, cycle %llu: %s\n",
                    static_cast<unsigned long long>(options_.seed),
                    static_cast<unsigned long long>(cycle_), line.c_str());
    }
    bool expect_done(const Outcome& outcome, const std::string& what) {
        if (outcome.code != 0)
            violation(fmt::format("{}: exit {}: {}", what, outcome.code, outcome.text));
        return outcome.code == 0;
    }

    void cycle(bool rotating) {
        const bool hold_dead_mount = below(2) == 0, die_in_unmount = !rotating && below(6) == 0;
        if (!mounted()) return;
        UniqueFd held(hold_dead_mount ? ::open(machine_.file().c_str(), O_RDONLY | O_CLOEXEC) : -1);
        std::vector<const WriterLog*> logs;
        DiskLoad load(machine_.file(), history_.blocks(), random_(), ticks_);
        if (rotating)
            rotate_until_killed(load);
        else if (die_in_unmount)
            kill_in_unmount(load);
        else
            kill_after(load, 400);
        load.join();
        for (const std::string& line : load.failures()) violation(line);
        counts_.writes += load.writes();
        counts_.syncs += load.syncs();
        if (below(4) == 0) check();  // as the kill left it
        if (below(4) == 0) kill_in_recovery();
        if (mounted()) verify(load.logs());
        held.reset();
        if (below(3) == 0) expect_done(machine_.umount(), "umount");  // else it goes on as it is
    }

    bool mounted() {
        if (machine_.daemon()) return true;
        return expect_done(machine_.mount(), "mount without any other step");
    }
    void kill(DiskLoad& load) {
        load.daemon_is_to_die();
        ++counts_.kills;
        if (!machine_.kill_daemon()) violation("the daemon had ended by itself");
    }
    void kill_after(DiskLoad& load, std::uint64_t ms_max) {
        std::this_thread::sleep_for(milliseconds(20));
        sleep(ms_max);
        kill(load);
    }

    // Both sides of a rotation may die: the daemon for certain, the command now and then before.
    void rotate_until_killed(DiskLoad& load) {
        ++counts_.while_rotating;
        std::atomic<bool> over{false};
        std::thread rotator([&, seed = random_()] {
            std::mt19937_64 random(seed);
            for (int turn = 0; !over; ++turn) {
                Process rotate(machine_.command(machine_.rotation(turn)));
                if (random() % 4 == 0) {
                    std::this_thread::sleep_for(milliseconds(random() % 60));
                    rotate.kill();
                    rotate.wait();
                } else if (rotate.wait() == 0) {
                    ++counts_.rotations;
                }
            }
        });
        std::this_thread::sleep_for(milliseconds(100));
        kill_after(load, 600);
        over = true;
        rotator.join();
    }
    void kill_in_unmount(DiskLoad& load) {
        std::this_thread::sleep_for(milliseconds(20));
        sleep(200);
        load.daemon_is_to_die();
        ++counts_.in_unmount;
        // Open files keep umount(2) out, but not a signal, which detaches the mount from them.
        if (const auto pid = machine_.daemon()) ::kill(*pid, SIGTERM);
        sleep(60);
        ++counts_.kills;
        machine_.kill_daemon();
        for (int i = 0; i < 100 && machine_.daemon(); ++i)
            std::this_thread::sleep_for(milliseconds(10));
    }
    void kill_in_recovery() {
        Process mount(
            machine_.command({"mount", machine_.store(), machine_.mountpoint(), "--foreground"}));
        sleep(120);
        kill_and_wait(mount.pid());
        mount.wait();
        ++counts_.kills;
        ++counts_.in_recovery;
    }

    // A rotation that was killed may leave an envelope of one header copy half overwritten, which
    // looks like damage. That is all that there may be to mend.
    void check() {
        ++counts_.checks;
        if (machine_.run_twofold({"check", machine_.store()}).code == 0) return;
        ++counts_.mended;
        machine_.run_twofold({"check", machine_.store(), "--repair"});
        expect_done(machine_.run_twofold({"check", machine_.store()}), "check");
    }
    void verify(const std::vector<const WriterLog*>& logs) {
        const auto verdict = history_.verify_file(logs, machine_.file());
        if (!verdict) return violation("D1: " + verdict.error().line());
        for (const std::string& line : verdict->violations) violation(line);
        counts_.blocks += verdict->blocks;
        counts_.safe_blocks += verdict->safe_blocks;
        counts_.lost_blocks += verdict->lost_blocks;
        counts_.torn_in_cache += verdict->torn_in_cache;
    }

    const Options options_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    std::mt19937_64 random_;
    Machine machine_;
    DiskHistory history_;
    Ticks ticks_;
    std::uint64_t cycle_ = 0;
    Counts counts_;
};

std::string to_json(const Options& options, const Counts& c, double seconds) {
    return fmt::format(
        R"({{"part":"kill_cycles","seed":{},"cycles":{},"kills":{},"while_rotating":{},)"
        R"("rotations":{},"in_recovery":{},"in_unmount":{},"checks":{},"mended":{},"writes":{},"syncs":{},)"
        R"("blocks_verified":{},"safe_blocks_verified":{},"unsynced_blocks_lost":{},)"
        R"("torn_in_page_cache":{},"violations":{},"seconds":{:.0f}}})",
        options.seed, c.cycles, c.kills, c.while_rotating, c.rotations, c.in_recovery, c.in_unmount,
        c.checks, c.mended, c.writes, c.syncs, c.blocks, c.safe_blocks, c.lost_blocks,
        c.torn_in_cache, c.violations, seconds);
}

int main_of(const Options& options) {
    std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
    std::fflush(stdout);
    const auto start = std::chrono::steady_clock::now();
    std::signal(SIGTERM, [](int) { interrupted = 1; });
    Campaign campaign(options);
    const bool kept = campaign.run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const std::string line = to_json(options, campaign.counts(), took.count());
    std::printf("%s\n", line.c_str());
    if (!options.json.empty() && !append_line(options.json, line)) return 2;
    // A kill that met nobody, or nothing to verify, proves nothing.
    const Counts& counts = campaign.counts();
    const bool all = counts.cycles < options.cycles || counts.while_rotating == options.rotating;
    const bool proves = counts.kills >= counts.cycles && all && counts.safe_blocks > 0;
    if (kept && !proves) std::printf("too little happened to prove anything\n");
    return kept && proves ? 0 : 1;
}

}  // namespace
}  // namespace twofold::crash

int main(int argc, char** argv) {
    using namespace twofold::crash;
    Options options;
    if (const char* seed = std::getenv("TWOFOLD_SEED"))
        options.seed = std::strtoull(seed, nullptr, 10);
    const char* const temporary = std::getenv("TMPDIR");
    options.directory = temporary != nullptr ? temporary : "/tmp";
    CLI::App program("Kills the daemon under load, remounts, and verifies the disk.");
    program.add_option("--twofold", options.twofold, "the program")->capture_default_str();
    program.add_option("--directory", options.directory, "where to work")->capture_default_str();
    program.add_option("--cycles", options.cycles)->capture_default_str();
    program.add_option("--rotating", options.rotating, "cycles with rotations under way")
        ->capture_default_str();
    program.add_option("--seconds", options.seconds, "no further cycle after so long; 0: no limit");
    program.add_option("--seed", options.seed, "also TWOFOLD_SEED");
    program.add_option("--size", options.disk_size, "bytes of the disk")->capture_default_str();
    program.add_option("--json", options.json, "append the line of results to this file");
    CLI11_PARSE(program, argc, argv);
    return main_of(options);
}

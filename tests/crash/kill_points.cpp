#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>

#include "tests/crash/disk_load.h"
#include "tests/crash/machine.h"

// A second opinion on injected faults, from outside the program: strace kills the daemon as it
// begins its N-th call of a kind (as a thread of it does), or lets that call fail, for every N that
// a small workload with its mount and unmount reaches. Then the plain mount, and the judge of
// write_history.h.
//
//     kill_points --every 1 --seed 7 --json results.jsonl      every point; --every 5 each fifth
//
// Exit 1: a promise was broken, and the lines before say which.
namespace twofold::crash {
namespace {

struct Options {
    std::string twofold = "twofold", directory, json;
    std::uint64_t every = 1, seed = std::random_device{}();
    int steps = 24;
};

struct Fault {
    const char* call;
    const char* inject;  // strace's word for it
};
// How the program keeps things: images and small files. A call that only claims to have failed
// stops the mount, with the same promises for whatever was synced before.
constexpr Fault kFaults[] = {
    {"pwritev", "signal=SIGKILL"},   {"fdatasync", "signal=SIGKILL"},
    {"fallocate", "signal=SIGKILL"}, {"renameat", "signal=SIGKILL"},
    {"fsync", "signal=SIGKILL"},     {"pwritev", "error=EIO"},
    {"pwritev", "error=ENOSPC"},     {"fdatasync", "error=EIO"},
};
constexpr Manner kSolo[] = {Manner::discarding, Manner::direct_dsync, Manner::buffered};

class Campaign {
public:
    explicit Campaign(const Options& options)
        : options_(options),
          random_(options.seed),
          machine_(options.twofold, options.directory, kSize),
          history_(kSize / fs::kBlockSize) {}

    bool run() {
        for (const Fault& fault : kFaults) {
            std::uint64_t reached = 0;
            // The first call, which every kind has; then each so many, from a random one on.
            std::uint64_t next = 2 + random_() % options_.every;
            for (std::uint64_t n = 1; violations_ == 0 && point(fault, n); next += options_.every) {
                ++reached;
                n = next;
            }
            std::printf("%s %s: %llu points\n", fault.call, fault.inject,
                        static_cast<unsigned long long>(reached));
            points_ += reached;
            all_reached_ = all_reached_ && reached > 0;
        }
        return violations_ == 0;
    }
    std::string to_json(double seconds) const {
        return fmt::format(
            R"({{"part":"kill_points","seed":{},"every":{},"points":{},"writes":{},"syncs":{},)"
            R"("safe_blocks_verified":{},"violations":{},"seconds":{:.0f}}})",
            options_.seed, options_.every, points_, writes_, syncs_, safe_blocks_, violations_,
            seconds);
    }
    bool proves() const { return all_reached_ && safe_blocks_ > 0; }

private:
    static constexpr std::uint64_t kSize = 8 << 20;

    // Space is allocated once in the life of a disk; what comes after that punches.
    static Manner manner_of(const Fault& fault, std::uint64_t n) {
        if (fault.call == std::string_view("fallocate")) return Manner::discarding;
        return kSolo[n % std::size(kSolo)];
    }
    // False: the workload ended before its N-th call.
    bool point(const Fault& fault, std::uint64_t n) {
        where_ = fmt::format("{} {} at call {}", fault.call, fault.inject, n);
        const std::string trace = machine_.directory() + "/trace";
        std::vector<std::string> words = {"strace", "-f", "-qq", "-o", trace};
        for (const std::string& word :
             {fmt::format("trace={}", fault.call),
              fmt::format("inject={}:{}:when={}", fault.call, fault.inject, n)})
            words.insert(words.end(), {"-e", word});
        const auto command = machine_.command({"mount", machine_.store(), machine_.mountpoint(),
                                               "--foreground", "-o", "max_threads=1"});
        words.insert(words.end(), command.begin(), command.end());
        Process daemon(words);
        SoloRun load{WriterLog(ticks_), 0, "never mounted"};
        if (serves(daemon))
            load = run_alone(machine_.file(), history_.blocks(), manner_of(fault, n),
                             options_.steps, random_(), ticks_);
        if (load.failure.empty() || !daemon.ended()) machine_.umount();
        daemon.wait();
        writes_ += load.log.writes().size();
        syncs_ += load.syncs;
        verify(load.log);
        const std::string calls = contents_of(trace);
        return calls.find("INJECTED") != std::string::npos ||
               calls.find("killed by SIGKILL") != std::string::npos;
    }
    // Until it is mounted; false: it ended before.
    bool serves(Process& daemon) {
        while (!daemon.ended()) {
            if (::access(machine_.file().c_str(), F_OK) == 0) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return false;
    }
    void verify(const WriterLog& log) {
        if (const Outcome mounted = machine_.mount(); mounted.code != 0)
            return violation(fmt::format("mount without any other step: exit {}: {}", mounted.code,
                                         mounted.text));
        const auto verdict = history_.verify_file({&log}, machine_.file());
        if (!verdict) return violation("D1: " + verdict.error().line());
        for (const std::string& line : verdict->violations) violation(line);
        safe_blocks_ += verdict->safe_blocks;
        if (const Outcome ended = machine_.umount(); ended.code != 0)
            violation(fmt::format("umount: exit {}: {}", ended.code, ended.text));
    }
    void violation(const std::string& line) {
        ++violations_;
        std::printf("VIOLATION, seed %llu, %s: %s\n",
                    static_cast<unsigned long long>(options_.seed), where_.c_str(), line.c_str());
    }

    const Options options_;
    std::mt19937_64 random_;
    Machine machine_;
    DiskHistory history_;
    Ticks ticks_;
    std::string where_;
    bool all_reached_ = true;
    std::uint64_t points_ = 0, writes_ = 0, syncs_ = 0, safe_blocks_ = 0, violations_ = 0;
};

int main_of(const Options& options) {
    std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
    std::fflush(stdout);
    const auto start = std::chrono::steady_clock::now();
    Campaign campaign(options);
    const bool kept = campaign.run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const std::string line = campaign.to_json(took.count());
    std::printf("%s\n", line.c_str());
    if (!options.json.empty() && !append_line(options.json, line)) return 2;
    if (kept && !campaign.proves()) std::printf("too little happened to prove anything\n");
    return kept && campaign.proves() ? 0 : 1;
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
    CLI::App program("Kills the daemon at chosen system calls, remounts, and verifies the disk.");
    program.add_option("--twofold", options.twofold, "the program")->capture_default_str();
    program.add_option("--directory", options.directory, "where to work")->capture_default_str();
    program.add_option("--every", options.every, "take each n-th point")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    program.add_option("--steps", options.steps, "of the workload")->capture_default_str();
    program.add_option("--seed", options.seed, "also TWOFOLD_SEED");
    program.add_option("--json", options.json, "append the line of results to this file");
    CLI11_PARSE(program, argc, argv);
    return main_of(options);
}

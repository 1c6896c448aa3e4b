#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "tests/mount/exerciser.h"

// The exerciser on a disk that somebody mounted: for campaigns, and to replay what failed.
namespace twofold::fs {
namespace {

constexpr const char* kExample = R"(FILE loses its contents.

Example, on a throw-away disk; the three cache modes are --mode buffered, the same with the option
of the mount, and --mode direct:
  scripts/mount-dev --size 64M --options no_writeback_cache bash -c \
      'build/dev/tests/mount/twofold-exerciser "$DISKS/data0.img" --operations 1000000 \
           --seed 7 --label write_through --json results.jsonl'

A sequence that failed is printed, shortened, one operation a line; --replay runs such lines again.)";

struct Options {
    std::string file, mode = "buffered", label, replay, json;
    std::uint64_t seed = std::random_device{}(), operations = 20000;
    int tries = 300;
};

void print(const std::vector<Operation>& operations) {
    for (const Operation& operation : operations) std::printf("%s\n", operation.text().c_str());
}

std::optional<std::vector<Operation>> read_lines(const std::string& path) {
    std::ifstream file(path);
    std::vector<Operation> operations;
    for (std::string line; std::getline(path == "-" ? std::cin : file, line);) {
        const auto operation = Operation::parse(line);
        if (!operation) return std::nullopt;
        operations.push_back(*operation);
    }
    return operations;
}

int run_again(Exerciser& exerciser, const std::string& path) {
    const auto operations = read_lines(path);
    if (!operations || operations->empty()) {
        std::fprintf(stderr, "%s: no operations\n", path.c_str());
        return 2;
    }
    const auto failure = replay(exerciser, *operations);
    std::printf("%zu operations: %s\n", operations->size(),
                failure ? failure->line().c_str() : "no difference");
    return failure ? 1 : 0;
}

int run(Exerciser& exerciser, const Options& options) {
    std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
    std::fflush(stdout);
    const auto start = std::chrono::steady_clock::now();
    if (const auto cleared = exerciser.clear(); !cleared) {
        std::fprintf(stderr, "%s\n", cleared.error().line().c_str());
        return 2;
    }
    const Exercised done = exercise(exerciser, options.seed, options.operations);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const std::string line = fmt::format(
        R"({{"part":"exerciser","mode":"{}","seed":{},"operations":{},"violations":{},"seconds":{:.0f}}})",
        options.label.empty() ? options.mode : options.label, options.seed, done.operations.size(),
        done.failure ? 1 : 0, took.count());
    std::printf("%s\n", line.c_str());
    if (!options.json.empty()) std::ofstream(options.json, std::ios::app) << line << '\n';
    if (!done.failure) return 0;
    std::printf("operation %zu: %s\nshortened:\n", done.operations.size(),
                done.failure->line().c_str());
    print(shrink(exerciser, done.operations, options.tries));
    return 1;
}

int main_of(const Options& options) {
    struct stat st {};
    if (::stat(options.file.c_str(), &st) != 0) {
        std::perror(options.file.c_str());
        return 2;
    }
    std::vector<std::byte> model(static_cast<std::size_t>(st.st_size));
    Exerciser exerciser(options.file, *reach_of(options.mode), model);
    return options.replay.empty() ? run(exerciser, options) : run_again(exerciser, options.replay);
}

}  // namespace
}  // namespace twofold::fs

int main(int argc, char** argv) {
    using namespace twofold::fs;
    Options options;
    CLI::App program("Random system calls on a disk's file, beside a model in memory.");
    program.footer(kExample);
    program.add_option("FILE", options.file, "MOUNTPOINT/<disk>.img, 512 KiB at least")->required();
    program.add_option("--seed", options.seed);
    program.add_option("--operations", options.operations)->capture_default_str();
    program.add_option("--mode", options.mode)
        ->check(CLI::IsMember({"buffered", "direct", "mixed"}))
        ->capture_default_str();
    program.add_option("--label", options.label, "for the results: how it is mounted");
    program.add_option("--replay", options.replay, "a file of operations, or - for standard input");
    program.add_option("--tries", options.tries, "how often to run again in order to shorten")
        ->capture_default_str();
    program.add_option("--json", options.json, "append the line of results to this file");
    CLI11_PARSE(program, argc, argv);
    return main_of(options);
}

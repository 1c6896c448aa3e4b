// Every rule of the engine, broken in turn: some test must fail. A rule that nothing misses is a
// rule that is not needed, or a test that is.
#include "tests/mutants/mutants.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <regex>
#include <set>

namespace twofold {

void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.name; }
void PrintTo(const Hunt& hunt, std::ostream* out) { *out << hunt.name; }

namespace {

using fs::Rule;

// What became of a run of tests in a process of its own.
struct Outcome {
    int status = 0;  // as of waitpid
    std::string output;

    bool passed() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
    bool ran_something() const { return output.find("[ RUN      ]") != std::string::npos; }
    bool timed_out() const { return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM; }
    std::string how() const {
        if (passed()) return "passed";
        if (timed_out()) return "timed out";
        if (output.find("internal error") != std::string::npos) return "an assertion of the engine";
        return output.find("Failure\n") != std::string::npos ? "an expectation"
                                                             : "the process died";
    }
    // "after 17 states", where the test counts them.
    std::string after() const {
        std::smatch found;
        static const std::regex states("([0-9]+) states");
        return std::regex_search(output, found, states) ? "after " + found[1].str() + " states"
                                                        : "";
    }
    std::string tail() const {
        return output.substr(output.size() - std::min<std::size_t>(output.size(), 3000));
    }
};

Outcome run(const std::vector<std::string>& command, Rule broken) {
    constexpr unsigned kSeconds = 100;
    std::array<int, 2> pipe_ends{};
    if (pipe(pipe_ends.data()) != 0) std::abort();
    const pid_t child = fork();
    if (child == 0) {
        dup2(pipe_ends[1], STDOUT_FILENO);
        dup2(pipe_ends[1], STDERR_FILENO);
        close(pipe_ends[0]);
        close(pipe_ends[1]);
        setenv("TWOFOLD_BROKEN_RULE", std::to_string(static_cast<int>(broken)).c_str(), 1);
        alarm(kSeconds);
        std::vector<char*> arguments;
        for (const std::string& word : command)
            arguments.push_back(const_cast<char*>(word.c_str()));
        arguments.push_back(nullptr);
        execv(arguments[0], arguments.data());
        _exit(127);
    }
    close(pipe_ends[1]);
    Outcome result;
    std::array<char, 4096> buffer;
    for (ssize_t got; (got = read(pipe_ends[0], buffer.data(), buffer.size())) > 0;)
        result.output.append(buffer.data(), static_cast<std::size_t>(got));
    close(pipe_ends[0]);
    waitpid(child, &result.status, 0);
    return result;
}

Outcome run_tests(const std::string& filter, Rule broken) {
    return run(
        {BREAKABLE_TESTS, "--gtest_filter=" + filter, "--gtest_fail_fast", "--gtest_color=no"},
        broken);
}

Outcome run_hunt(const Hunt& hunt, Rule broken) {
    return run({BREAKABLE_POWERCUT, std::to_string(kHuntStates), hunt.where, hunt.what}, broken);
}

class MutantTest : public testing::TestWithParam<Mutant> {};

TEST_P(MutantTest, IsCaught) {
    const Mutant& mutant = GetParam();
    const auto start = std::chrono::steady_clock::now();
    const Outcome result = run_tests(mutant.caught_by, mutant.rule);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - start);
    ASSERT_TRUE(result.ran_something()) << "no such test: " << mutant.caught_by << "\n"
                                        << result.tail();
    EXPECT_FALSE(result.timed_out());
    EXPECT_FALSE(result.passed()) << "survived " << mutant.caught_by << " " << result.after();
    const std::string how = result.how() + (result.after().empty() ? "" : ", " + result.after());
    std::cout << "caught by " << mutant.caught_by << ": " << how << ", " << took.count() << " ms\n";
    if (const char* table = std::getenv("TWOFOLD_MUTANTS_TABLE"))
        std::ofstream(table, std::ios::app)
            << "| " << mutant.name << " | " << mutant.caught_by << " | " << how << " |\n";
}

INSTANTIATE_TEST_SUITE_P(Engine, MutantTest, testing::ValuesIn(mutants()),
                         [](const auto& test) { return test.param.name; });

class MutantHunt : public testing::TestWithParam<Mutant> {};

std::vector<Mutant> mutants_that_crashes_tell() {
    std::vector<Mutant> some;
    std::ranges::copy_if(mutants(), std::back_inserter(some),
                         [](const Mutant& mutant) { return !mutant.found_in.empty(); });
    return some;
}

TEST_P(MutantHunt, IsFoundByTheSimulator) {
    const Mutant& mutant = GetParam();
    const auto hunt = std::ranges::find(hunts(), mutant.found_in, &Hunt::name);
    ASSERT_NE(hunt, hunts().end()) << mutant.found_in;
    const Outcome result = run_hunt(*hunt, mutant.rule);
    EXPECT_FALSE(result.timed_out());
    EXPECT_FALSE(result.passed()) << "survived " << result.after();
    std::cout << "found in " << hunt->name << " " << result.after() << ": " << result.tail();
    if (const char* table = std::getenv("TWOFOLD_MUTANTS_TABLE"))
        std::ofstream(table, std::ios::app) << "| " << mutant.name << " | simulator, " << hunt->name
                                            << " | " << result.after() << " |\n";
}

INSTANTIATE_TEST_SUITE_P(Engine, MutantHunt, testing::ValuesIn(mutants_that_crashes_tell()),
                         [](const auto& test) { return test.param.name; });

class HuntTest : public testing::TestWithParam<Hunt> {};

TEST_P(HuntTest, FindsNothingWhereNothingIsBroken) {
    const Outcome result = run_hunt(GetParam(), Rule::none);
    EXPECT_TRUE(result.passed()) << result.tail();
    std::cout << result.output;
}

INSTANTIATE_TEST_SUITE_P(Engine, HuntTest, testing::ValuesIn(hunts()),
                         [](const auto& test) { return test.param.name; });

// The same tests pass when nothing is broken: it is the mutant that they miss.
TEST(Mutants, WithoutOneEveryTestPasses) {
    std::set<std::string> filters;
    for (const Mutant& mutant : mutants()) filters.insert(mutant.caught_by);
    std::string all;
    for (const std::string& filter : filters) all += (all.empty() ? "" : ":") + filter;
    const Outcome result = run_tests(all, Rule::none);
    EXPECT_TRUE(result.passed()) << result.tail();
    std::cout << filters.size() << " catchers\n";
}

TEST(Mutants, EveryRuleHasOne) {
    std::set<Rule> rules;
    for (const Mutant& mutant : mutants())
        EXPECT_TRUE(rules.insert(mutant.rule).second) << mutant.name;
    EXPECT_EQ(rules.count(Rule::none), 0u);
    EXPECT_EQ(rules.size(), static_cast<std::size_t>(Rule::count) - 1);
    EXPECT_EQ(mutants().size(), 117u);
    EXPECT_EQ(mutants_that_crashes_tell().size(), 30u);
}

}  // namespace
}  // namespace twofold

// Every input of the corpora runs through its target again, under the sanitizers too: what a fuzzer
// found interesting once, and all that it ever found wrong.
#include <gtest/gtest.h>

#include <iostream>

#include "base/io/io.h"
#include "tests/fuzz/target.h"
#include "tests/support/matchers.h"

namespace twofold::fuzz {
namespace {

class Corpus : public testing::TestWithParam<Target> {};

TEST_P(Corpus, RunsWithoutAFinding) {
    const Target& target = GetParam();
    const auto directory = must(io::open_posix_directory(std::string(TWOFOLD_FIXTURES "/corpora/") +
                                                         std::string(target.name)));
    const auto entries = must(directory->list());
    std::size_t replayed = 0;
    for (const io::Entry& entry : entries) {
        SCOPED_TRACE(entry.name);
        ASSERT_FALSE(entry.is_directory);
        const auto input = must(directory->read(entry.name, target.size_max), "an input");
        target.run(input);
        ++replayed;
        ASSERT_FALSE(HasFailure());
    }
    std::cout << replayed << " inputs replayed\n";
    EXPECT_GE(replayed, 5u);
    EXPECT_EQ(replayed, entries.size());
    // What no corpus has.
    target.run({});
    target.run(std::vector<std::byte>(target.size_max));
    target.run(std::vector<std::byte>(target.size_max, std::byte{0xff}));
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus, testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Corpora, HaveATargetEach) {
    const auto directory = must(io::open_posix_directory(TWOFOLD_FIXTURES "/corpora"));
    std::size_t corpora = 0;
    for (const io::Entry& entry : must(directory->list())) {
        if (!entry.is_directory) continue;
        EXPECT_NE(find_target(entry.name), nullptr) << entry.name;
        ++corpora;
    }
    EXPECT_EQ(corpora, targets().size());
}

}  // namespace
}  // namespace twofold::fuzz

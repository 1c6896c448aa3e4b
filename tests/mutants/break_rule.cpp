// Breaks the rule that the environment names by its number, before the first test.
#include <gtest/gtest.h>

#include <cstdlib>

#include "fs/disk/rule.h"

namespace twofold {
namespace {

class BreakRule final : public testing::Environment {
    void SetUp() override {
        const char* number = std::getenv("TWOFOLD_BROKEN_RULE");
        if (number != nullptr) fs::broken_rule = static_cast<fs::Rule>(std::atoi(number));
    }
};

[[maybe_unused]] const auto* const g_break = testing::AddGlobalTestEnvironment(new BreakRule);

}  // namespace
}  // namespace twofold

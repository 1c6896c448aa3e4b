#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/result.h"

namespace twofold {

// ASSERT_THAT(result, Succeeds()): prints the error's line otherwise.
MATCHER(Succeeds, "succeeds") {
    if (arg.has_value()) return true;
    *result_listener << "failed: " << name_of(arg.error().code) << ": " << arg.error().line();
    return false;
}

// EXPECT_THAT(result, FailsWith(Errc::busy)).
MATCHER_P(FailsWith, code, "fails with " + std::string(name_of(code))) {
    if (arg.has_value()) {
        *result_listener << "succeeded";
        return false;
    }
    *result_listener << name_of(arg.error().code) << ": " << arg.error().line();
    return arg.error().code == code;
}

// The value of a Result that the test takes for granted; stops the test program with the error's line.
template <class T>
T must(Result<T> result, const char* what = "") {
    if (!result) {
        ADD_FAILURE() << what << ": " << result.error().line();
        std::abort();
    }
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace twofold

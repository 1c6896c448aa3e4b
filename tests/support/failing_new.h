#pragma once

#include <cstdint>

namespace twofold {

// Allocations by `new` that fail, in a test program that links twofold::failing_new: there the
// global operators are replaced. Only what the thread allocates inside a Scope is counted and can
// fail.
struct AllocationPlan {
    std::uint64_t fail_at = UINT64_MAX;  // the number of the first that fails
    bool for_good = false;               // and all later ones

    std::uint64_t counted = 0;
    std::uint64_t failed = 0;

    // While this lives the thread's allocations are the plan's; null: nobody's, for what is the
    // test's own. Scopes nest.
    class Scope {
    public:
        explicit Scope(AllocationPlan* plan);
        ~Scope();
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

    private:
        AllocationPlan* before_;
    };
};

}  // namespace twofold

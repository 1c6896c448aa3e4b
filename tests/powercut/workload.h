#pragma once

#include <functional>
#include <span>
#include <string>

#include "tests/powercut/script.h"
#include "tests/support/test_disks.h"

namespace twofold::powercut {

// A disk and what is done to it: all of it follows from a workload and a seed.
struct Play {
    DiskShape shape;
    Layers layers;
    Script script;
};

struct Workload {
    std::string name, about;
    std::function<Play(std::uint64_t seed)> make;
};
std::span<const Workload> workloads();
const Workload* find_workload(const std::string& name);  // null: there is none

}  // namespace twofold::powercut

#pragma once

#include "tests/powercut/campaign.h"

namespace twofold::powercut {

// A violation of the same disk that is as small as could be found by undoing things while it still
// fails: units that were lost or torn, what the user did, crashes. Where a smaller script fails no
// more at the same moment, so many states of it are searched. `tried`, if given: replays that it
// took.
Violation shrink(const Violation& violation, std::uint64_t search = 2'000, int* tried = nullptr);

}  // namespace twofold::powercut

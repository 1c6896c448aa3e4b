#pragma once

#include <functional>

namespace twofold::fs {

// Runs `body` in a child process of a session of its own, and returns in the parent as soon as the
// child has called `ready` (0), or has ended before (its exit code; 1 where a signal ended it). The
// child keeps standard error until it is ready, so that its error line reaches the user, and has
// /dev/null for all three afterwards; it never returns from this call. Call it before threads are
// made.
int run_detached(const std::function<int(const std::function<void()>& ready)>& body);

}  // namespace twofold::fs

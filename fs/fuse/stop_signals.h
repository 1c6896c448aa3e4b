#pragma once

#include <functional>
#include <thread>

#include "base/unique_fd.h"

namespace twofold::fs {

// Turns SIGTERM, SIGINT and SIGHUP into one call of `stop`, in a thread of its own. Further signals
// are taken and change nothing: a second ^C does not cut the commit short. SIGPIPE is ignored.
// block() belongs before the first thread of the process, as threads inherit the mask; signals wait
// from then on.
class StopSignals {
public:
    static void block();
    explicit StopSignals(std::function<void()> stop);
    // Signals stay blocked: what follows (closing the disks) is not to be cut either.
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

private:
    UniqueFd signals_, end_;
    std::thread thread_;
};

}  // namespace twofold::fs

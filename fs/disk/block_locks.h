#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <utility>

#include "fs/disk/block_ranges.h"

namespace twofold::fs {

// Exclusive locks on runs of blocks. A run is taken at once, never block by block, and overlapping
// requests are served in the order in which they came: so nobody waits for a block while holding a
// part of what another waits for (the format's "ascending order" is the same promise made the
// other way), and nobody starves.
//
// Order of locks in the engine: a block lock is taken *before* an epoch is entered (format, write
// step 2) and after space was reserved. Were it the other way round, writer A could enter epoch e,
// then wait for the block that writer B holds in e+1: the versions of one block would run
// backwards.
class BlockLocks {
    struct Request {
        BlockRange range;
    };

public:
    // Held until destroyed.
    class Held {
    public:
        Held(Held&& other) noexcept
            : locks_(std::exchange(other.locks_, nullptr)), request_(other.request_) {}
        Held& operator=(Held&&) = delete;
        ~Held();

    private:
        friend class BlockLocks;
        Held(BlockLocks* locks, std::list<Request>::iterator request)
            : locks_(locks), request_(request) {}
        BlockLocks* locks_;
        std::list<Request>::iterator request_;
    };

    // Waits until no earlier request overlaps `range`. Thread-safe.
    [[nodiscard]] Held lock(BlockRange range);

private:
    bool first_in_line(std::list<Request>::iterator request) const;

    std::mutex mutex_;
    std::condition_variable released_;
    std::list<Request> requests_;  // held and waiting, in the order of arrival; a few
};

}  // namespace twofold::fs

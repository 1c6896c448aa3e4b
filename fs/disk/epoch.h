#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <unordered_map>

#include "fs/disk/block_ranges.h"
#include "fs/disk/entry.h"

namespace twofold::fs {

// All changes between two commits (format, section 6). An epoch is *open* while writers enter it,
// *sealed* once it has a number and a successor, *paged* when its last log page was written, and
// gone when it was acknowledged. Versions' mutex guards everything but the nonces; after sealing,
// once the last holder has left, nothing changes any more, so the one that commits reads it freely.
//
// `changes` and `zeroed` overlap in one way only: a change wins over a range that covers its block,
// because zeroing a range drops the changes inside it. So a record of each range, followed by a
// record of each change, says the same to recovery.
class Epoch {
public:
    struct Change {
        Entry entry;    // DATA
        Slot previous;  // owned before this epoch; the entry's own by write rule 3(b)
        bool from_pool() const { return entry.slot != previous; }
    };
    using NoncePrefix = std::array<std::byte, 16>;  // P of the format, section 5

    explicit Epoch(const NoncePrefix& prefix) : prefix_(prefix) {}

    bool empty() const { return changes.empty() && zeroed.empty(); }
    std::size_t record_count() const { return changes.size() + zeroed.run_count(); }
    std::uint64_t page_count() const { return (record_count() + kLogRecords - 1) / kLogRecords; }

    // P || c: each sealing of this epoch gets the next c, also versions that are overwritten later.
    // Errc::failed after 2^32, GCM's bound for one key (far out of reach). Thread-safe.
    Result<crypto::Nonce> next_nonce();

    std::uint64_t number = 0;  // given when it is sealed
    std::unordered_map<std::uint64_t, Change> changes;
    BlockRanges zeroed;
    std::uint32_t holders = 0;  // writers inside
    // Clock::monotonic() of the first change.
    std::optional<std::chrono::nanoseconds> first_change;

private:
    NoncePrefix prefix_;
    std::atomic<std::uint64_t> sealings_{0};
};

}  // namespace twofold::fs

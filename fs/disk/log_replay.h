#pragma once

#include <set>
#include <unordered_set>

#include "fs/disk/log_page.h"
#include "fs/disk/recovery.h"

namespace twofold::fs {

// Reads the commit log of a disk that was not unmounted (format, section 7, steps 5 to 8).
//
// A page verifies by itself (its MAC) and in its place (sequence, salt, mount counter, chain). The
// log is followed from its start while each page fits the one before; what comes after the first
// that does not is history only if some page, anywhere in the ring, says that it was acknowledged:
// then a superblock or page is missing that was durable once, and we refuse. Otherwise it was
// never promised to anybody.
//
//     superblock  | E+1 .. a: some page says acknowledged | a+1 .. n: complete              | gap
//     as of E     | applied, whatever their slots hold:   | applied as far as their blocks  |
//                 | later epochs may have reused them     | verify (a prefix); the rest was |
//                 |                                       | never synced, and is dropped    |
class LogReplay {
public:
    // What is missing is told in `into` either way.
    LogReplay(EngineContext& context, Recovered& into, MissingHistory missing,
              std::uint64_t anchored_epoch);
    Result<void> run();

private:
    struct Epoch {
        std::uint64_t number = 0;
        std::vector<LogRecord> records;
    };
    using PageAt = std::array<std::byte, kSectorSize>;

    Result<void> scan_ring();
    Result<void> find_missing();
    Result<void> follow(std::vector<Epoch>& unacknowledged);
    Result<bool> fits(const LogPage& page) const;
    Result<void> check_structure(const LogPage& page, const Epoch& gathered) const;
    Result<void> check_bounds(const LogRecord& record) const;
    Result<void> verify_and_apply(const std::vector<Epoch>& epochs);
    Result<void> judge(const Epoch& epoch, std::set<std::uint64_t>& bad);
    Result<bool> verifies(const BlockRecord& record);
    Result<void> apply(const Epoch& epoch);
    Result<void> apply(const BlockRecord& record);

    EngineContext& context_;
    Recovered& into_;
    const Superblock& superblock_;
    const Layout& layout_;
    const MissingHistory missing_;
    std::unordered_set<std::uint64_t> pool_;  // slots, after what was applied
    const std::uint64_t anchored_epoch_;      // acknowledged, as the anchor says
    // Of every page that verifies, wherever it lies.
    std::uint64_t acknowledged_ = 0;
    std::uint64_t highest_counter_ = 0;
    // Following.
    std::uint64_t sequence_;
    ChainValue chain_;
    std::uint64_t next_epoch_;  // u of the format, in the end
};

}  // namespace twofold::fs

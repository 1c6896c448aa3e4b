#pragma once

#include <memory>
#include <optional>

#include "tests/powercut/campaign.h"
#include "tests/powercut/history.h"
#include "tests/powercut/user.h"

namespace twofold::powercut {

// One life of a disk, as it is played: an image that a crash left, mounted, judged, and used.
class Stage {
public:
    Stage(Machine& machine, Level level, Ledger& ledger, Counters& counters)
        : machine_(machine), medium_(level), ledger_(ledger), counters_(counters) {
        recording_.view = &view_;
    }

    // The first life: a disk as it was made, and its script. An error is a violation.
    Result<void> play(const Script& script);

    // What the crash of another life left. `before` must outlive this stage's use of it.
    void crash(const Medium& before, const Life& life);
    // Mounts it: it must open, by itself; hold one state of `history` that is in `window`; and,
    // when it may write, own each slot once. An error is a violation. The state found.
    Result<std::size_t> judge(const Life& life, const History& history, Window window);
    // The process dies and mounts again: the same must be found.
    Result<void> judge_again();
    // Goes on writing. Afterwards history() is that of this life, which begins with what was found.
    Result<void> go_on(const Script& script);

    const Trace& trace() const { return trace_; }
    const History& history() const { return *history_; }
    std::size_t mounted_at() const { return mounted_at_; }  // operations of the mount itself
    // The medium before operation `issued` of this life; forward only.
    const Medium& medium(std::size_t issued);
    void leave();

private:
    Result<History::Prints> read_all();

    Machine& machine_;
    Overlay device_;  // what the crash left
    Medium medium_;
    Overlay view_;  // what is written on it, cache included
    Trace trace_;
    Recording recording_;
    Ledger& ledger_;
    Counters& counters_;
    std::optional<History> history_;
    std::unique_ptr<Mount> mount_;
    std::size_t mounted_at_ = 0, fed_ = 0;
    std::vector<std::byte> contents_;
};

}  // namespace twofold::powercut

#pragma once

#include <memory>
#include <optional>

#include "tests/powercut/history.h"
#include "tests/powercut/scenario.h"

namespace twofold::powercut {

// How a life ended: what the store and its cache hold, and what may be found of it.
struct End {
    const Medium& medium;
    const History& history;
    Window after_power_cut, after_kill;
    Bytes anchor;  // the newest that was kept
};

// One life of a disk, as it is played: an image that a crash left, mounted, judged, and used.
class Stage {
public:
    Stage(Machine& machine, Level level, Ledger& ledger, Counters& counters)
        : machine_(machine), medium_(level), ledger_(ledger), counters_(counters) {
        recording_.view = &view_;
    }

    // The first life: a disk as it was made, and its script. An error is a violation.
    Result<void> play(const Script& script);

    // What a crash of the life before left, which must outlive this stage's use of it.
    void crash(const End& before, Life::After after, const Choice& choice);
    // Mounts it, with the counters as they are: it must open, by itself; hold one state that may be
    // found; and, when it may write, own each slot once. An error is a violation.
    Result<void> judge(const Life& life, const End& before);
    // The process dies and mounts again: the same must be found.
    Result<void> judge_again();
    // Goes on writing: a history of its own, which begins with what was found.
    Result<void> go_on(const Script& script);
    void leave() { mount_.reset(); }

    const Trace& trace() const { return trace_; }
    std::size_t mounted_at() const { return mounted_at_; }  // operations of the mount itself
    // How this life ends before operation `issued`; of one stage only ever later ones. The second
    // one is for a life that a crash began.
    End end(std::size_t issued);
    End end_after(const Life& life, const End& before, std::size_t issued);

private:
    Result<History::Prints> read_all();
    const Medium& medium(std::size_t issued);
    Bytes anchor(std::size_t issued) const;
    void set_anchor(Bytes record);

    Machine& machine_;
    Overlay device_;  // what the crash left
    Medium medium_;
    Overlay view_;  // what is written on it, cache included
    Trace trace_;
    Recording recording_;
    Ledger& ledger_;
    Counters& counters_;
    std::optional<History> history_;  // of what this life changed
    std::unique_ptr<Mount> mount_;
    Bytes first_anchor_;     // as this life found it
    std::size_t found_ = 0;  // the state of the history before
    std::size_t mounted_at_ = 0, fed_ = 0;
    std::vector<std::byte> contents_;
};

}  // namespace twofold::powercut

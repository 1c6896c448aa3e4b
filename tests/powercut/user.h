#pragma once

#include <deque>

#include "tests/powercut/history.h"
#include "tests/powercut/ledger.h"
#include "tests/powercut/machine.h"
#include "tests/powercut/script.h"

namespace twofold::powercut {

// Numbers that no two things of a run share.
struct Counters {
    std::uint64_t version = 0;      // of contents
    std::uint64_t random_seed = 0;  // of mounts; starts at the seed of the run
};

// Uses a disk as a script says, on an image that is recorded, and writes down the history of its
// contents. Whatever fails is a fault of the disk: nothing is done to it here that may fail.
class User {
public:
    // `history` begins with what the image holds; its newest state is what a mount must find.
    User(Machine& machine, Recording& recording, History& history, Ledger& ledger,
         Counters& counters)
        : machine_(machine),
          recording_(recording),
          history_(history),
          ledger_(ledger),
          counters_(counters) {}
    ~User() { recording_.during = nullptr; }

    Result<void> mount();
    // Goes on with a disk that is mounted, whose contents are the history's newest.
    void take_over(std::unique_ptr<Mount> mount);
    Result<void> perform(const Action& action);
    // As perform() with each, numbering them in the trace from `number` on.
    Result<void> perform(const Script& script, std::uint32_t number = 1);
    Result<void> check_map() { return mount_->disk->check_map(); }
    void kill() { mount_.reset(); }

private:
    Result<void> run(const Action& action);
    Result<void> write(std::uint64_t offset, std::uint64_t length);
    Result<void> zero(std::uint64_t offset, std::uint64_t length);
    Result<void> read(std::uint64_t offset, std::uint64_t length);
    Result<void> flush(fs::Durability durability);
    Result<void> die_and_return();
    Result<void> rewrap(crypto::Layer layer);
    Result<void> note_nonces(std::uint64_t offset, std::uint64_t length);
    bool has_room(std::uint64_t blocks) const;
    std::optional<Action::When> moment_of(const Operation& operation) const;
    bool possible(const Action& action) const;
    void during(const Operation& operation);
    void began(std::size_t state);

    Machine& machine_;
    Recording& recording_;
    History& history_;
    Ledger& ledger_;
    Counters& counters_;
    std::unique_ptr<Mount> mount_;
    std::size_t soft_ = 0;      // the newest state that a kill can't take
    std::deque<Action> later_;  // for the next sync, page or checkpoint
    bool inside_ = false;       // one of those runs
    // What is under way: a change, whose place in the history is taken already; an unmount; a read.
    bool changing_ = false, closing_ = false, reading_ = false;
    // At most so many records in the open epoch, and in the one that is being sealed.
    std::uint64_t open_records_ = 0, sealing_records_ = 0;
    int soft_commits_ = 0;  // since the last sync
    Result<void> inside_result_;
    std::vector<std::byte> buffer_;
};

}  // namespace twofold::powercut

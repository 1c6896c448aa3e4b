#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/fs/disk/contents.h"
#include "tests/support/failing_new.h"
#include "tests/support/faulty_file.h"
#include "tests/support/kernel_cache.h"

namespace twofold {

// A fixed run of a disk, from a mount to its end, that follows from a seed. It goes the same way
// each time, to the call, until something fails.
struct FaultScript {
    struct Step {
        // patch: part of a block is written as it is. kill: the daemon dies and is started again.
        enum class Kind { write, patch, zero, read, sync, soft, tick, rewrap, kill };
        Kind kind;
        std::uint64_t first = 0, count = 0;  // blocks
        std::uint64_t version = 0;
        std::chrono::milliseconds pass{0};
    };
    DiskShape shape;
    Layers layers;
    std::vector<Step> steps;

    static FaultScript random(DiskShape shape, Layers layers, std::uint64_t seed, int steps);
};

// What goes wrong below: the call of that number, or that one and all later ones that it fits.
struct InjectedFault {
    enum class Kind {
        read_error,
        write_error,
        write_torn,  // some of it is done, then EIO
        write_full,  // ENOSPC
        sync_error,
        allocate_error,
        allocate_full,
        punch_error,
        punch_unsupported,
        gone,       // whatever the call is, EIO
        stall,      // whatever the call is, it does not return until released
        no_memory,  // not a call: an allocation by `new`, in a call of the disk
    };
    static constexpr int kKinds = 12;
    Kind kind;
    std::uint64_t index = 0;
    bool for_good = false;
    std::string name() const;
};
std::vector<InjectedFault> faults_fitting(FileCall::Kind call, std::uint64_t index);

// Runs of one script on one disk, each from the same image, with one fault each. Judges while it
// runs what must hold at once (fault model, section 4): errors say what happened, a failed write,
// commit or sync stops the disk with one event, nothing succeeds afterwards, reads go on and
// return what was written. And at the end, the fault being lifted, what the image holds: after the
// death of the daemon alone and after power cuts one state of the history, not older than what was
// promised.
class FaultRun {
public:
    explicit FaultRun(const FaultScript& script, std::uint64_t seed);

    // The calls of a run without a fault; judges it, too.
    std::vector<FileCall::Kind> run_without();
    // And the allocations of it, in a program that links twofold::failing_new.
    std::uint64_t allocations() const { return memory_.counted; }
    void run(const InjectedFault& fault);
    // The same where the run may never come to that call.
    void run_if_met(const InjectedFault& fault);
    // On a device whose syncs do nothing; the power goes at that call. Found is then a state of the
    // history, if an old one, or an error.
    void run_on_a_liar(std::uint64_t index);

    struct Counts {
        std::uint64_t injections = 0;  // runs in which the fault was met
        std::uint64_t calls_failed = 0;
        std::uint64_t stops = 0;      // mounts that stopped
        std::uint64_t refusals = 0;   // mounts that were refused
        std::uint64_t full = 0;       // requests that found no space, and went on
        std::uint64_t bad_reads = 0;  // requests that failed, the mount going on
        std::uint64_t absorbed = 0;   // calls that failed and cost nothing
        std::uint64_t states = 0;     // images judged
    };
    const Counts& counts() const { return counts_; }

private:
    using Step = FaultScript::Step;
    using BlockRange = fs::BlockRange;
    void begin(const std::optional<InjectedFault>& fault);
    void run_script();
    void run_beside_a_reader();
    Result<void> before_call(FileCall& call);
    bool is_due(FileCall::Kind call);
    Result<void> inject(FileCall& call);
    void stall();

    template <class Body>
    auto in_disk(Body body) -> decltype(body());
    bool mount();             // false: refused, which is the end
    bool take_found_state();  // what a mount found is what it goes on from
    void close();
    void perform(const Step& step);
    Result<void> call_disk(const Step& step);
    Result<void> read(const Step& step);
    void judge_success(const Step& step, bool hit, bool was_stopped);
    void judge_failure(const Step& step, const Error& error, bool hit, bool was_stopped);
    void judge_absorbed();
    void settle(const Step& step, bool done, bool was_stopped);
    void read_beside(const Step& step);
    std::uint64_t hits() const { return hits_ + memory_.failed; }
    bool stopped() { return disk_.disk->stats().stopped; }

    void judge_image();
    void judge_state(std::size_t from, const char* after);
    void judge_lies();
    void go_on(const DiskState& found);

    const FaultScript script_;
    TestDisk disk_;
    KernelCache cache_;
    MemoryImage start_image_;
    Counts counts_;

    // One run
    std::optional<InjectedFault> fault_;
    std::vector<FileCall::Kind> calls_;
    AllocationPlan memory_;
    std::uint64_t hits_ = 0;
    bool sync_failed_ = false;
    std::vector<DiskState> history_;
    std::size_t synced_ = 0, soft_ = 0;  // of history_: what a power cut, a kill may not lose
    std::optional<Step> under_way_;      // of an open disk
    BlockRange doubtful_{};              // of the write that stopped the disk

    // A stalled call: who runs the script, and how far it is.
    enum class Stall { not_yet, stalled, over };
    std::thread::id runner_;
    std::atomic<Stall> stall_{Stall::not_yet};
};

}  // namespace twofold

#pragma once

#include <map>
#include <random>
#include <vector>

#include "tests/support/recording_file.h"
#include "tests/support/test_disks.h"

namespace twofold {

// What each block holds: the version that wrote it, 0 for zeros. Contents follow from block and
// version, so that a mixture or a foreign block is seen.
using DiskState = std::vector<std::uint64_t>;

std::vector<std::byte> contents_of(std::uint64_t block, std::uint64_t version);
// Errc::failed: a block holds what nobody wrote there.
Result<DiskState> read_state(TestDisk& disk, std::uint64_t blocks);

// A random run of a disk, recorded: the history of its states, and how far it was promised to
// survive.
class CrashWorkload {
public:
    struct Options {
        DiskShape shape;
        Layers layers = two_layers();
        std::uint64_t write_max = 4;  // blocks
        int steps = 40;
        bool anchored = false;
    };
    CrashWorkload(const Options& options, std::uint64_t seed);

    void run();
    PowerCut power_cut() const { return {start_, trace_->operations()}; }

    // Which states may be found after a crash, judging by the marks before operation `index`.
    struct Legal {
        std::size_t synced = 0;  // not older than history[synced]
        std::size_t killed = 0;  // ... if the page cache survived
        std::size_t newest = 0;  // nor newer
    };
    Legal legal(std::size_t index) const;
    // The first legal index that explains `state`; nothing if none does.
    std::optional<std::size_t> explain(const DiskState& state, std::size_t from,
                                       std::size_t to) const;
    TestDisk& disk() { return disk_; }
    const MemoryAnchors::Record& first_anchor() const { return first_anchor_; }
    const Options& options() const { return options_; }

private:
    enum class Mark : std::uint64_t { began, synced, soft };
    void mark(Mark mark, std::size_t state) {
        trace_->mark(static_cast<std::uint64_t>(mark) << 56 | state);
    }
    void step();
    void write();
    void zero();
    void kill();

    const Options options_;
    std::mt19937_64 random_;
    TestDisk disk_;
    MemoryImage start_;
    const MemoryAnchors::Record first_anchor_;
    std::shared_ptr<Trace> trace_ = std::make_shared<Trace>();
    std::vector<DiskState> history_;
    std::uint64_t next_version_ = 1;
    std::size_t soft_ = 0;  // index of the newest state that a kill can't lose
};

}  // namespace twofold

#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/io/io.h"
#include "fs/disk/entry.h"
#include "fs/disk/layout.h"
#include "fs/disk/scratch.h"

namespace twofold::fs {

// Reads sealed blocks, in runs of adjacent slots up to 1 MiB, and opens them, in worker threads
// where there are some. One batch at a time, while the caller gathers the next.
class BlockScan {
public:
    struct Sealed {
        BlockIndex block;
        Entry entry;  // DATA
    };
    struct Failure {
        BlockIndex block;
        Slot slot;
        std::uint32_t keyset = 0;
        Error error;
    };
    // Opens one block in place: 4096 bytes, and scratch behind them. Called by all threads at the
    // same time.
    using Open = std::function<Result<void>(const Sealed&, MutableBytes unit)>;

    // Fewer threads where the system gives no more.
    BlockScan(io::File& file, const Layout& layout, Open open, unsigned threads);
    ~BlockScan();
    BlockScan(const BlockScan&) = delete;
    BlockScan& operator=(const BlockScan&) = delete;

    void start(std::vector<Sealed> batch);  // no other one is under way
    // The blocks of the batch that could not be read or opened, ascending. Errors: what is wrong
    // with us and not with the image.
    Result<std::vector<Failure>> wait();

private:
    struct Run {
        std::size_t first = 0, count = 0;  // in batch_
    };
    void divide();
    void work();
    bool take(Run& run);
    void scan(const Run& run);
    Result<void> read(std::span<const Sealed> blocks, const ScratchPool::Scratch& units);
    void open(std::span<const Sealed> blocks, const ScratchPool::Scratch& units);
    void note(const Sealed& sealed, Error error);

    io::File& file_;
    const Layout layout_;
    const Open open_;
    ScratchPool scratch_;
    std::vector<std::thread> threads_;

    std::mutex mutex_;  // guards all below; the batch itself stands still while it is scanned
    std::condition_variable changed_;
    std::vector<Sealed> batch_;  // by slot
    std::vector<Run> runs_;
    std::size_t next_run_ = 0, runs_done_ = 0;
    std::vector<Failure> failures_;
    std::optional<Error> trouble_;
    bool ending_ = false;
};

}  // namespace twofold::fs

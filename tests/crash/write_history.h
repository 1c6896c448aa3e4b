#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "fs/block/block_device.h"

// What programs wrote to a disk, as they know it, and what may therefore be found there after its
// daemon was killed. Kept in the memory of the writers: nothing on the disk is asked about itself.
namespace twofold::crash {

// A block's contents follow from its index and the stamp of the write; no two writes have one
// stamp. Stamp 0 stands for zeros: never written, or discarded.
using Stamp = std::uint64_t;
using Words = std::span<std::uint64_t, fs::kBlockSize / 8>;
using ConstWords = std::span<const std::uint64_t, fs::kBlockSize / 8>;
std::uint64_t word_of(std::uint64_t block, Stamp stamp, std::size_t index);
void fill(Words out, std::uint64_t block, Stamp stamp);

// Counts what happens in a run, so that of two moments the earlier is known.
class Ticks {
public:
    std::uint64_t next() { return ++last_; }

private:
    std::atomic<std::uint64_t> last_{0};
};

enum class Path {
    direct,  // the device has taken the write when the call returns, as a whole if it is 1 MiB at
             // most
    pieces,  // likewise, but block by block: a discard
    cached,  // the kernel's page cache has; the device gets pages later, in any order
};

struct Write {
    static constexpr std::uint64_t kNever = ~std::uint64_t{0};

    std::uint64_t first, count;  // blocks
    Stamp stamp;
    Path path;
    std::uint64_t began, ended = kNever;  // ticks
};

// The writes of one thread, which has the blocks that it writes to itself.
class WriterLog {
public:
    explicit WriterLog(Ticks& ticks) : ticks_(&ticks) {}

    void begin(std::uint64_t first, std::uint64_t count, Stamp stamp, Path path) {
        writes_.push_back({first, count, stamp, path, ticks_->next()});
    }
    void end() { writes_.back().ended = ticks_->next(); }
    // An fsync(2), msync(2) or close(2) that returned 0: all writes so far survive the daemon.
    void all_safe() { safe_ = writes_.size(); }

    const std::vector<Write>& writes() const { return writes_; }
    std::size_t safe() const { return safe_; }

private:
    Ticks* ticks_;
    std::vector<Write> writes_;
    std::size_t safe_ = 0;
};

struct Verdict {
    std::vector<std::string> violations;  // lines for people; empty is good
    std::uint64_t blocks = 0;             // looked at
    std::uint64_t safe_blocks = 0;        // of these, with a write that had to survive
    std::uint64_t lost_blocks = 0;        // unsynced values found missing, as they may be
    std::uint64_t torn_in_cache = 0;      // blocks mixed by the page cache from unsynced writes
};

// The words of blocks that were found torn.
using TornBlocks = std::unordered_map<std::uint64_t, std::vector<std::uint64_t>>;

// The disk between one kill and the next.
class DiskHistory {
public:
    explicit DiskHistory(std::uint64_t blocks) : stamps_(blocks, 0) {}
    std::uint64_t blocks() const { return stamps_.size(); }

    // Reads every block and checks, against what was found last and the logs since:
    // D1  each block holds its last safe write or a later one, whole. (A page that was being
    // changed
    //     while the kernel wrote it back may hold words of several writes, none of them safe: no
    //     disk can help that.)
    // D2  there is a moment such that every direct write that ended before it is there, and nothing
    //     that began after it; and a direct write is there whole or not at all.
    // What was found is where the next run starts. Failure: the disk could not be read.
    using ReadBlocks = std::function<Result<void>(std::uint64_t first, MutableBytes out)>;
    Result<Verdict> verify(const std::vector<const WriterLog*>& logs, const ReadBlocks& read);
    Result<Verdict> verify_file(const std::vector<const WriterLog*>& logs, const std::string& path);

private:
    std::vector<Stamp> stamps_;
    TornBlocks torn_;
};

}  // namespace twofold::crash

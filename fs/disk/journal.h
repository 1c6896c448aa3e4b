#pragma once

#include <atomic>
#include <chrono>

#include "fs/disk/engine_context.h"
#include "fs/disk/epoch.h"
#include "fs/disk/log_page.h"
#include "fs/disk/versions.h"

namespace twofold::fs {

// Writes the pages of the commit log (format, sections 4 and 6), in the order of epochs and of
// sequences (O2). One caller at a time, the holder of Committer's pen; the observers are
// thread-safe. Any error is the caller's to stop on.
class Journal {
public:
    struct Identity {
        LogSalt salt{};
        std::uint64_t mount_counter = 0;
    };
    // `start`: where the newest superblock says that the log starts; nothing follows it.
    // `acknowledged`: the epoch that it settled.
    Journal(EngineContext& context, const Identity& identity, const LogPosition& start,
            std::uint64_t acknowledged);

    // The pages of one sealed epoch, all of whose writes have returned (O1). `acknowledged`: the
    // newest epoch whose sync has returned; `log_start`: of the newest durable superblock (O5).
    Result<LogPosition> append(const Epoch& epoch, std::uint64_t acknowledged,
                               std::uint64_t log_start);
    Result<LogPosition> append_ack(std::uint64_t acknowledged, std::uint64_t log_start);

    // What the newest page, or the superblock, says is acknowledged, and when it was written
    // (Clock::monotonic).
    std::uint64_t told() const { return told_; }
    std::chrono::nanoseconds last_page_at() const {
        return std::chrono::nanoseconds(last_page_at_.load());
    }

private:
    LogPage next_page(std::uint16_t flags, std::uint64_t epoch, std::uint64_t acknowledged) const;
    void encode(const LogPage& page);
    Result<void> write_out(std::uint64_t log_start);

    EngineContext& context_;
    const Identity identity_;
    LogPosition next_;
    std::vector<std::byte> pages_;  // encoded, not written; the last one ends before next_
    std::atomic<std::uint64_t> told_;
    std::atomic<std::int64_t> last_page_at_;
};

}  // namespace twofold::fs

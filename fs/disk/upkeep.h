#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "fs/disk/checkpoint.h"
#include "fs/disk/committer.h"
#include "fs/disk/versions.h"

namespace twofold::fs {

// Does what is due by the clock or for want of space (format, section 6): soft commits and ACK
// pages, commits, discards, checkpoints. Everything that is due follows from the state of Versions,
// the clock and the place of the last log page; nothing is counted here. With start() two threads
// do it: one writes pages, the other one syncs, so that soft commits go on while an fdatasync runs.
// Without, whoever calls run_due() does it all. Nothing due: the threads sleep until wake().
class Upkeep {
public:
    Upkeep(EngineContext& context, Versions& versions, Committer& committer,
           Checkpointer& checkpointer);
    ~Upkeep() { stop(); }

    Result<void> start();  // Errc::io: no threads
    void stop();           // returns when both threads have ended
    // Something new may be due; `urgent`: now. Else whoever sleeps for a bounded time is left
    // asleep: it looks again soon enough (pages: 100 ms, syncs: 5 s). Cheap; thread-safe.
    void wake(bool urgent);
    Result<void> run_due();

private:
    using Duration = std::chrono::nanoseconds;
    // Does what is due of its kind; returns when to look again, nothing if there is nothing to wait
    // for.
    using Task = Result<std::optional<Duration>> (Upkeep::*)();
    struct Worker {
        std::thread thread;
        bool woken = false;
        bool dozing = false;  // asleep, for a bounded time
    };

    Result<std::optional<Duration>> write_due_pages();
    Result<std::optional<Duration>> sync_due();
    bool commit_due(const Versions::Work& work) const;
    bool checkpoint_due(const Versions::Work& work) const;
    std::optional<Duration> next_sync(const Versions::Work& work) const;
    void work(Worker& worker, Task task);

    EngineContext& context_;
    Versions& versions_;
    Committer& committer_;
    Checkpointer& checkpointer_;
    std::mutex mutex_;
    std::condition_variable changed_;
    Worker pages_, syncs_;   // their flags are guarded by mutex_
    bool stopping_ = false;  // guarded by mutex_
};

}  // namespace twofold::fs

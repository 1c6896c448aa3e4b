#include "fs/disk/upkeep.h"

#include <algorithm>
#include <system_error>

namespace twofold::fs {
namespace {

constexpr std::size_t kBacklogLeavesMax = 8192;

using OptionalDuration = std::optional<std::chrono::nanoseconds>;

void take_earlier(OptionalDuration& earliest, std::chrono::nanoseconds in) {
    in = std::max(in, std::chrono::nanoseconds(0));
    earliest = earliest ? std::min(*earliest, in) : in;
}

}  // namespace

Upkeep::Upkeep(EngineContext& context, Versions& versions, Committer& committer,
               Checkpointer& checkpointer)
    : context_(context), versions_(versions), committer_(committer), checkpointer_(checkpointer) {}

Result<void> Upkeep::run_due() {
    TF_ASSIGN([[maybe_unused]] const auto pages, write_due_pages());
    TF_ASSIGN([[maybe_unused]] const auto syncs, sync_due());
    return {};
}

// ---- Soft commits and ACK pages

Result<OptionalDuration> Upkeep::write_due_pages() {
    TF_TRY(context_.health.check());
    const Duration every = context_.options.soft_commit_every;
    auto work = versions_.work();
    if (work.open_since && context_.clock.monotonic() >= *work.open_since + every)
        TF_TRY(committer_.soft_commit_if_room());
    if (committer_.ack_page_wanted() &&
        context_.clock.monotonic() >= committer_.last_page_at() + every)
        TF_TRY(committer_.write_ack_page());

    OptionalDuration next;
    work = versions_.work();
    const Duration now = context_.clock.monotonic();
    // As many epochs wait as may, or no page is free: a commit or checkpoint comes first, and wakes
    // us.
    if (work.open_since && work.sealed < Committer::kSoftEpochsMax)
        take_earlier(next, *work.open_since + every - now);
    if (committer_.ack_page_wanted() && work.ack_page_fits)
        take_earlier(next, committer_.last_page_at() + every - now);
    return next;
}

// ---- Commits, discards, checkpoints

Result<OptionalDuration> Upkeep::sync_due() {
    TF_TRY(context_.health.check());
    if (commit_due(versions_.work())) TF_TRY(committer_.commit());
    if (versions_.work().punches) {
        TF_TRY(context_.health.check());
        const auto role = committer_.take_sync_role();
        TF_ASSIGN([[maybe_unused]] const bool all, committer_.punch_some(role));
    }
    const std::uint64_t generation = checkpointer_.current().generation;
    if (checkpoint_due(versions_.work()))
        TF_TRY(checkpointer_.run_after(generation, committer_, versions_));
    return next_sync(versions_.work());
}

bool Upkeep::commit_due(const Versions::Work& work) const {
    if (!work.unsynced_since) return false;
    return context_.clock.monotonic() >= *work.unsynced_since + context_.options.commit_every ||
           work.pool_free < work.pool_size / 2 || work.unsettled_pages > work.log_pages / 4 ||
           work.sealed >= Committer::kSoftEpochsMax;
}

bool Upkeep::checkpoint_due(const Versions::Work& work) const {
    if (work.settled_pages > work.log_pages / 2) return true;
    if (work.backlog_leaves >= kBacklogLeavesMax) return true;
    return !work.backlog_empty && !work.unsynced_since &&
           context_.clock.monotonic() >=
               committer_.last_page_at() + context_.options.checkpoint_when_idle;
}

OptionalDuration Upkeep::next_sync(const Versions::Work& work) const {
    OptionalDuration next;
    const Duration now = context_.clock.monotonic();
    if (commit_due(work) || checkpoint_due(work) || work.punches) return Duration(0);
    if (work.unsynced_since)
        take_earlier(next, *work.unsynced_since + context_.options.commit_every - now);
    else if (!work.backlog_empty)
        take_earlier(next, committer_.last_page_at() + context_.options.checkpoint_when_idle - now);
    // Not longer: who starts to write does not wake a dozing worker.
    if (next) next = std::min<Duration>(*next, context_.options.commit_every);
    return next;
}

// ---- Threads

Result<void> Upkeep::start() try {
    pages_.thread = std::thread([this] { work(pages_, &Upkeep::write_due_pages); });
    syncs_.thread = std::thread([this] { work(syncs_, &Upkeep::sync_due); });
    return {};
} catch (const std::system_error& error) {
    return fail_errno(error.code().value(), "disk: no thread to be had");
}

void Upkeep::stop() {
    {
        const std::scoped_lock hold(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    for (Worker* worker : {&pages_, &syncs_})
        if (worker->thread.joinable()) worker->thread.join();
}

void Upkeep::wake(bool urgent) {
    const std::scoped_lock hold(mutex_);
    for (Worker* worker : {&pages_, &syncs_}) {
        if (worker->dozing && !urgent) continue;
        worker->woken = true;
        changed_.notify_all();
    }
}

void Upkeep::work(Worker& worker, Task task) {
    std::unique_lock hold(mutex_);
    const auto ready = [&] { return stopping_ || worker.woken; };
    while (!stopping_) {
        worker.woken = false;
        hold.unlock();
        const auto next = stop_without_memory(context_.health, [&] { return (this->*task)(); });
        hold.lock();
        if (!next) {  // the disk stopped: nothing more is due, ever
            changed_.wait(hold, [&] { return stopping_; });
        } else if (!*next) {
            changed_.wait(hold, ready);
        } else {
            worker.dozing = true;
            changed_.wait_for(hold, **next, ready);
            worker.dozing = false;
        }
    }
}

}  // namespace twofold::fs

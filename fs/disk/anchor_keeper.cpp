#include "fs/disk/anchor_keeper.h"

#include <algorithm>
#include <new>
#include <system_error>

namespace twofold::fs {

namespace {

constexpr std::chrono::seconds kPauseMin{1}, kPauseMax{64};

}  // namespace

AnchorKeeper::AnchorKeeper(AnchorPlace place, const Uuid& deployment,
                           const crypto::Blake2b& anchor_mac, const Clock& clock, Report report)
    : place_(std::move(place)),
      name_{deployment, place_.node, place_.disk},
      mac_(anchor_mac),
      clock_(clock),
      report_(std::move(report)),
      pause_(kPauseMin) {}

Result<void> AnchorKeeper::put(const Anchor& anchor) try {
    return place_.store->save(anchor.encode(name_, mac_));
} catch (const std::bad_alloc&) {  // the disk goes on; so must we
    return fail(Errc::out_of_memory, "anchor: out of memory");
}

// The report comes last, and without the lock: it may ask what the trouble is.
void AnchorKeeper::note(const Result<void>& saved) {
    bool news = false;
    {
        const std::scoped_lock hold(mutex_);
        news = saved.has_value() == trouble_.has_value();
        if (saved) {
            trouble_.reset();
            pause_ = kPauseMin;
        } else {
            if (!trouble_) trouble_ = AnchorTrouble{clock_.now(), {}};
            next_try_ = clock_.monotonic() + pause_;
            pause_ = std::min<Duration>(2 * pause_, kPauseMax);
            trouble_->text = saved.error().line();  // the last step, as memory may run out
        }
    }
    if (news) report_(saved ? nullptr : &saved.error());
}

Result<void> AnchorKeeper::save(const Anchor& anchor) {
    auto saved = put(anchor);
    if (!saved) return saved;
    {
        const std::scoped_lock hold(mutex_);
        newest_ = {anchor.superblock_generation, anchor.acknowledged_epoch};
        pending_.reset();
    }
    note(saved);
    return {};
}

void AnchorKeeper::follow(const Anchor& anchor) {
    std::unique_lock hold(mutex_);
    const std::pair state{anchor.superblock_generation, anchor.acknowledged_epoch};
    if (state <= newest_) return;
    newest_ = state;
    pending_ = anchor;
    if (thread_.joinable())
        changed_.notify_all();
    else
        save_pending(hold);
}

void AnchorKeeper::retry_due() {
    std::unique_lock hold(mutex_);
    if (!thread_.joinable()) save_pending(hold);
}

std::optional<AnchorTrouble> AnchorKeeper::trouble() const {
    const std::scoped_lock hold(mutex_);
    return trouble_;
}

bool AnchorKeeper::pending_due() const {
    return pending_ && !saving_ && (!trouble_ || clock_.monotonic() >= next_try_);
}

// One caller saves at a time; what others bring meanwhile is his to save too.
void AnchorKeeper::save_pending(std::unique_lock<std::mutex>& hold) {
    while (!stopping_ && pending_due()) {
        const Anchor anchor = *pending_;
        saving_ = true;
        hold.unlock();
        const auto saved = put(anchor);
        try {
            note(saved);
        } catch (const std::bad_alloc&) {  // nobody hears of it; what counts is noted
        }
        hold.lock();
        saving_ = false;
        if (saved && pending_ == anchor) pending_.reset();
    }
}

// ---- Thread

Result<void> AnchorKeeper::start() try {
    thread_ = std::thread([this] { work(); });
    return {};
} catch (const std::system_error& error) {
    return fail_errno(error.code().value(), "disk: no thread to be had");
}

void AnchorKeeper::stop() {
    {
        const std::scoped_lock hold(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

void AnchorKeeper::work() {
    std::unique_lock hold(mutex_);
    while (!stopping_) {
        save_pending(hold);
        if (stopping_) break;
        if (pending_ && trouble_)
            changed_.wait_for(hold, next_try_ - clock_.monotonic());
        else if (!pending_)
            changed_.wait(hold);
    }
}

}  // namespace twofold::fs

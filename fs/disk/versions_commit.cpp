// Versions on their way down: from the open epoch to the log, to the backlog, to the tree.
#include <algorithm>

#include "fs/disk/rule.h"
#include "fs/disk/versions.h"

namespace twofold::fs {
namespace {

constexpr std::size_t kSlice = 256;  // changes moved under one hold of the mutex

}  // namespace

// ---- Committing

std::shared_ptr<const Epoch> Versions::seal(const Epoch::NoncePrefix& prefix) {
    auto next = std::make_shared<Epoch>(prefix);
    std::unique_lock hold(mutex_);
    if (open_->empty()) return nullptr;
    const std::shared_ptr<Epoch> epoch = open_;
    sealed_.push_back({epoch, false, {}});
    epoch->number = ++last_number_;
    open_ = std::move(next);
    told_first_ = false;
    if (!broken(Rule::sealing_waits_for_writers) && !broken(Rule::pages_follow_data))
        left_.wait(hold, [&] { return epoch->holders == 0; });
    return epoch;
}

void Versions::paged(LogPosition after) {
    const std::scoped_lock hold(mutex_);
    const auto sealed = std::find_if(sealed_.begin(), sealed_.end(),
                                     [](const Sealed& each) { return !each.paged; });
    TF_CHECK(sealed != sealed_.end());
    TF_CHECK(after.sequence == log_next_ + sealed->epoch->page_count());
    sealed->paged = true;
    sealed->after = after;
    if (broken(Rule::replaced_slot_rests))
        for (auto& change : sealed->epoch->changes) release_replaced(change.second);
    log_next_ = after.sequence;
}

void Versions::ack_paged(LogPosition after) {
    const std::scoped_lock hold(mutex_);
    TF_CHECK(after.sequence == log_next_ + 1);
    // A log start may lie behind the ACK page where it could lie before it.
    if (settled_.sequence == log_next_) settled_ = after;
    for (Sealed& sealed : sealed_)
        if (sealed.paged && sealed.after.sequence == log_next_) sealed.after = after;
    log_next_ = after.sequence;
}

std::uint64_t Versions::newest_paged() const {
    const std::scoped_lock hold(mutex_);
    for (auto sealed = sealed_.rbegin(); sealed != sealed_.rend(); ++sealed)
        if (sealed->paged) return sealed->epoch->number;
    return acknowledged_;
}

std::uint64_t Versions::acknowledged() const {
    const std::scoped_lock hold(mutex_);
    return acknowledged_;
}

std::uint64_t Versions::newest_write() const {
    const std::scoped_lock hold(mutex_);
    return open_->empty() ? last_number_ : last_number_ + 1;
}

bool Versions::open_is_empty() const {
    const std::scoped_lock hold(mutex_);
    return open_->empty();
}

std::size_t Versions::unacknowledged_count() const {
    const std::scoped_lock hold(mutex_);
    return sealed_.size();
}

void Versions::acknowledge(std::uint64_t number, bool punch) {
    for (;;) {
        std::shared_ptr<const Epoch> epoch;
        {
            const std::scoped_lock hold(mutex_);
            if (sealed_.empty() || sealed_.front().epoch->number > number) break;
            TF_CHECK(sealed_.front().paged);
            epoch = sealed_.front().epoch;
        }
        merge(*epoch, punch);
        const std::scoped_lock hold(mutex_);
        settled_ = sealed_.front().after;
        acknowledged_ = epoch->number;
        sealed_.pop_front();
        told_pressed_ = false;
        space_changed();
    }
    tell({true, false});
}

// In slices, so that readers and writers get the mutex between them. While it lasts the epoch is
// still found above the backlog, with the same entries, so nobody sees the difference. What it
// replaced is free from here on (O3): the epoch is durable.
void Versions::merge(const Epoch& epoch, bool punch) {
    {
        const std::scoped_lock hold(mutex_);
        epoch.zeroed.each([&](BlockRange range) {
            backlog_.zero(range);
            if (punch) punches_.add(range);
        });
    }
    auto change = epoch.changes.begin();
    while (change != epoch.changes.end()) {
        const std::scoped_lock hold(mutex_);
        for (std::size_t i = 0; i < kSlice && change != epoch.changes.end(); ++i, ++change) {
            backlog_.put(BlockIndex{change->first}, change->second.entry);
            if (!broken(Rule::replaced_slot_rests)) release_replaced(change->second);
        }
    }
}

void Versions::release_replaced(const Epoch::Change& change) {
    if (change.from_pool()) pool_.exchange(change.entry.slot, change.previous);
}

std::optional<BlockRange> Versions::next_punch() const {
    const std::scoped_lock hold(mutex_);
    return punches_.next(BlockIndex{0});
}

void Versions::punched(BlockRange range) {
    const std::scoped_lock hold(mutex_);
    punches_.remove(range);
}

// ---- Checkpoints

Versions::Frozen Versions::freeze() {
    auto empty = std::make_shared<Backlog>();
    const std::scoped_lock hold(mutex_);
    TF_CHECK(!frozen_);
    Frozen frozen{nullptr, pool_.slots(), acknowledged_, settled_,
                  settled_.sequence == log_next_ && open_->empty() && sealed_.empty()};
    if (broken(Rule::log_starts_behind_its_epoch))
        for (const Sealed& sealed : sealed_)
            if (sealed.paged) frozen.log = sealed.after;
    if (broken(Rule::checkpoint_is_as_of_its_epoch))
        for (const Sealed& sealed : sealed_)
            for (const auto& [block, change] : sealed.epoch->changes)
                backlog_.put(BlockIndex{block}, change.entry);
    std::swap(*empty, backlog_);
    frozen.backlog = frozen_ = std::move(empty);
    return frozen;
}

void Versions::thaw(std::uint64_t log_start) {
    const std::scoped_lock hold(mutex_);
    frozen_.reset();
    log_start_ = log_start;
    told_pressed_ = false;
    space_changed();
}

// ---- What is due

Versions::Work Versions::work() const {
    const std::scoped_lock hold(mutex_);
    Work work;
    if (!open_->empty()) work.open_since = open_->first_change;
    work.unsynced_since = sealed_.empty() ? work.open_since : sealed_.front().epoch->first_change;
    work.acknowledged = acknowledged_;
    work.pool_size = pool_.size();
    work.pool_free = pool_.free_count();
    work.log_pages = layout_.shape().log_pages;
    work.log_used = log_next_ - log_start_;
    work.settled_pages = settled_.sequence - log_start_;
    work.unsettled_pages = log_next_ - settled_.sequence + promised_pages();
    work.sealed = sealed_.size();
    work.backlog_leaves = backlog_.leaf_count();
    work.backlog_empty = backlog_.empty();
    work.punches = !punches_.empty();
    work.ack_page_fits = work.log_used + promised_pages() + 1 <= work.log_pages;
    return work;
}

Result<void> Versions::check_bijection(std::span<const Entry> entries) const {
    const std::scoped_lock hold(mutex_);
    std::vector<bool> owned(layout_.slot_count());
    const auto own = [&](Slot slot) {
        if (slot.value() >= owned.size() || owned[slot.value()]) return false;
        owned[slot.value()] = true;
        return true;
    };
    for (std::size_t block = 0; block < entries.size(); ++block)
        if (!own(entries[block].slot))
            return fail(Errc::corrupt, "map: block {}: slot {} twice or out of range", block,
                        entries[block].slot.value());
    const std::vector<Slot> pool = pool_.slots();
    if (pool.size() != layout_.shape().pool_slots)
        return fail(Errc::corrupt, "pool: {} slots, not {}", pool.size(),
                    layout_.shape().pool_slots);
    for (const Slot slot : pool)
        if (!own(slot))
            return fail(Errc::corrupt, "pool: slot {} twice or owned by a block", slot.value());
    return {};
}

}  // namespace twofold::fs

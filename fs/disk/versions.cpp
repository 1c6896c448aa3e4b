#include "fs/disk/versions.h"

#include <algorithm>

#include "fs/disk/rule.h"

namespace twofold::fs {
namespace {

// For an ACK.
std::uint64_t spare_pages() { return broken(Rule::a_page_stays_free_for_an_ack) ? 0 : 1; }

std::uint64_t pages_for(std::uint64_t records) { return (records + kLogRecords - 1) / kLogRecords; }

}  // namespace

Versions::Versions(const Layout& layout, Start start, const Clock& clock, Epoch::NoncePrefix prefix,
                   std::function<void(bool urgent)> on_work)
    : layout_(layout),
      clock_(clock),
      on_work_(std::move(on_work)),
      open_(std::make_shared<Epoch>(prefix)),
      backlog_(std::move(start.backlog)),
      punches_(std::move(start.punches)),
      pool_(start.pool),
      log_start_(start.log.sequence),
      log_next_(start.log.sequence),
      settled_(start.log),
      acknowledged_(start.settled_epoch),
      last_number_(start.settled_epoch) {}

// ---- Looking up

void Versions::find(BlockRange range, std::span<Found> out) const {
    TF_CHECK(out.size() == range.count);
    const std::scoped_lock hold(mutex_);
    for (std::uint64_t i = 0; i < range.count; ++i)
        out[i] = find_one(BlockIndex{range.first.value() + i});
}

Found Versions::find_one(BlockIndex block) const {
    Found found;
    const auto look_into = [&](const Epoch& epoch) {
        if (const auto change = epoch.changes.find(block.value()); change != epoch.changes.end()) {
            const Entry& entry = change->second.entry;
            found.known.entry = found.known.zeroed ? Entry::zero_at(entry.slot) : entry;
            found.recent = true;
        } else if (epoch.zeroed.contains(block)) {
            found.known.zeroed = true;
            found.recent = true;
        }
        return found.known.entry.has_value();
    };
    if (look_into(*open_)) return found;
    for (auto sealed = sealed_.rbegin(); sealed != sealed_.rend(); ++sealed)
        if (look_into(*sealed->epoch)) return found;
    const Known below = known_below_epochs(block);
    if (below.entry)
        found.known.entry = found.known.zeroed ? Entry::zero_at(below.entry->slot) : *below.entry;
    found.known.zeroed = found.known.zeroed || below.zeroed;
    found.recent = found.recent ||
                   (punches_.contains(block) && !broken(Rule::own_slot_is_written_after_its_punch));
    return found;
}

Known Versions::known_below_epochs(BlockIndex block) const {
    Known known = backlog_.find(block);
    if (known.entry || !frozen_) return known;
    const Known older = frozen_->find(block);
    if (older.entry) known.entry = known.zeroed ? Entry::zero_at(older.entry->slot) : *older.entry;
    known.zeroed = known.zeroed || older.zeroed;
    return known;
}

Known Versions::find_acknowledged(BlockIndex block) const {
    const std::scoped_lock hold(mutex_);
    return known_below_epochs(block);
}

std::optional<BlockIndex> Versions::next(BlockIndex from) const {
    const std::scoped_lock hold(mutex_);
    std::optional<BlockIndex> best = backlog_.next(from);
    const auto consider = [&](BlockIndex block) {
        if (block >= from && (!best || block < *best)) best = block;
    };
    if (frozen_)
        if (const auto block = frozen_->next(from)) consider(*block);
    for (const auto& change : open_->changes) consider(BlockIndex{change.first});
    for (const Sealed& sealed : sealed_)
        for (const auto& change : sealed.epoch->changes) consider(BlockIndex{change.first});
    return best;
}

// ---- Space

bool Versions::can_hold(std::uint64_t slots, std::uint64_t records) const {
    return slots <= layout_.shape().pool_slots &&
           pages_for(records) + spare_pages() <= layout_.shape().log_pages;
}

// Pages that the head will need for what was reserved and what is not paged yet.
std::uint64_t Versions::promised_pages() const {
    std::uint64_t pages = reserved_pages_ + open_->page_count();
    for (auto sealed = sealed_.rbegin(); sealed != sealed_.rend() && !sealed->paged; ++sealed)
        pages += sealed->epoch->page_count();
    return pages;
}

Versions::Attempt Versions::try_reserve(std::uint64_t slots, std::uint64_t records) {
    const std::scoped_lock hold(mutex_);
    const std::uint64_t pages = pages_for(records);
    Attempt attempt;
    if (reserved_slots_ + slots > pool_.free_count()) {
        attempt.shortage = Shortage::pool;
    } else if (log_next_ - log_start_ + promised_pages() + pages + spare_pages() >
                   layout_.shape().log_pages &&
               !broken(Rule::log_wraps_behind_a_checkpoint)) {
        attempt.shortage = Shortage::log;
    } else {
        reserved_slots_ += slots;
        reserved_pages_ += pages;
        attempt.reservation.versions_ = this;
        attempt.reservation.slots_ = slots;
        attempt.reservation.pages_ = pages;
    }
    attempt.space_version = space_version_;
    attempt.uncommitted = !open_->empty() || !sealed_.empty();
    attempt.settled = settled_.sequence > log_start_;
    return attempt;
}

void Versions::wait_for_space(std::uint64_t space_version, const Health& health) {
    std::unique_lock hold(mutex_);
    space_.wait(hold, [&] { return space_version_ != space_version || health.stopped(); });
}

void Versions::space_changed() {
    ++space_version_;
    space_.notify_all();
}

void Versions::wake() {
    const std::scoped_lock hold(mutex_);
    space_.notify_all();
}

Reservation::Reservation(Reservation&& other) noexcept
    : versions_(std::exchange(other.versions_, nullptr)),
      slots_(std::exchange(other.slots_, 0)),
      pages_(std::exchange(other.pages_, 0)),
      taken_(std::move(other.taken_)) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
    if (this != &other) {
        release();
        versions_ = std::exchange(other.versions_, nullptr);
        slots_ = std::exchange(other.slots_, 0);
        pages_ = std::exchange(other.pages_, 0);
        taken_ = std::move(other.taken_);
    }
    return *this;
}

void Reservation::release() noexcept {
    if (versions_ == nullptr) return;
    const std::scoped_lock hold(versions_->mutex_);
    versions_->reserved_slots_ -= slots_;
    versions_->reserved_pages_ -= pages_;
    if (!broken(Rule::refused_write_gives_slots_back))
        for (const Slot slot : taken_) versions_->pool_.give_back(slot);  // without allocating
    versions_->space_changed();
    versions_ = nullptr;
    taken_.clear();
}

// ---- Writers

EpochHold Versions::enter() {
    const std::scoped_lock hold(mutex_);
    ++open_->holders;
    return EpochHold(*this, open_);
}

EpochHold::~EpochHold() {
    if (!epoch_) return;  // moved from
    const std::scoped_lock hold(versions_.mutex_);
    if (--epoch_->holders == 0) versions_.left_.notify_all();
}

void Versions::place(EpochHold& hold_epoch, Reservation& reservation, BlockIndex first,
                     std::span<const Location> before, std::span<Placement> out) {
    TF_CHECK(before.size() == out.size());
    const std::scoped_lock hold(mutex_);
    const Epoch& epoch = *hold_epoch.epoch_;
    std::vector<std::size_t> from_pool;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto change = epoch.changes.find(first.value() + i);
        if (change != epoch.changes.end())  // (a) the same slot again
            out[i] = {change->second.entry.slot, true};
        else if (before[i].recent && before[i].entry.data &&
                 broken(Rule::slot_is_reused_in_its_epoch_only))
            out[i] = {before[i].entry.slot, true};
        else if ((!before[i].recent || broken(Rule::own_slot_is_written_when_durably_zero)) &&
                 !before[i].entry.data)  // (b) the slot it owns
            out[i] = {before[i].entry.slot, false};
        else  // (c)
            from_pool.push_back(i);
    }
    TF_CHECK(from_pool.size() <= reservation.slots_);
    pool_.take(from_pool.size(), reservation.taken_);
    reservation.slots_ -= from_pool.size();
    reserved_slots_ -= from_pool.size();
    const std::size_t base = reservation.taken_.size() - from_pool.size();
    for (std::size_t i = 0; i < from_pool.size(); ++i)
        out[from_pool[i]] = {reservation.taken_[base + i], false};
}

void Versions::put(EpochHold& hold_epoch, Reservation& reservation, BlockIndex first,
                   std::span<const Location> before, std::span<const Entry> after) {
    const auto now = clock_.monotonic();
    News found;
    {
        const std::scoped_lock hold(mutex_);
        Epoch& epoch = *hold_epoch.epoch_;
        if (!epoch.first_change) epoch.first_change = now;
        for (std::size_t i = 0; i < after.size(); ++i) {
            const auto [change, fresh] = epoch.changes.try_emplace(
                first.value() + i, Epoch::Change{after[i], before[i].entry.slot});
            if (!fresh) change->second.entry = after[i];
        }
        reservation.taken_.clear();  // named by changes now
        found = news(epoch);
    }
    tell(found);
}

void Versions::zero(EpochHold& hold_epoch, Reservation&, BlockRange range) {
    const auto now = clock_.monotonic();
    News found;
    {
        const std::scoped_lock hold(mutex_);
        Epoch& epoch = *hold_epoch.epoch_;
        const auto drop = [&](auto change) {
            if (change->second.from_pool() && !broken(Rule::discard_gives_slots_back))
                pool_.give_back(change->second.entry.slot);
            return epoch.changes.erase(change);
        };
        if (range.count < epoch.changes.size()) {
            for (std::uint64_t block = range.first.value(); block < end_of(range); ++block)
                if (const auto change = epoch.changes.find(block); change != epoch.changes.end())
                    drop(change);
        } else {
            for (auto change = epoch.changes.begin(); change != epoch.changes.end();)
                change = change->first >= range.first.value() && change->first < end_of(range)
                             ? drop(change)
                             : std::next(change);
        }
        if (!epoch.first_change) epoch.first_change = now;
        epoch.zeroed.add(range);
        if (broken(Rule::punch_waits_for_acknowledgement)) punches_.add(range);
        space_changed();
        found = news(epoch);
    }
    tell(found);
}

// Whether a commit or checkpoint is due for want of space (format, section 6).
bool Versions::pressed() const {
    const std::uint64_t used = log_next_ - log_start_;
    const std::uint64_t log_pages = layout_.shape().log_pages;
    return pool_.free_count() < pool_.size() / 2 ||
           log_next_ - settled_.sequence + promised_pages() > log_pages / 4 || used > log_pages / 2;
}

// What whoever commits does not know yet.
Versions::News Versions::news(const Epoch& epoch) {
    News found;
    // Of a sealed epoch that a late writer adds to, its committer knows: he waits for the writer.
    if (&epoch == open_.get()) found.any = !std::exchange(told_first_, true);
    if (!told_pressed_ && pressed()) found.urgent = told_pressed_ = true;
    return found;
}

void Versions::tell(News found) const {
    if (found.any || found.urgent) on_work_(found.urgent);
}

}  // namespace twofold::fs

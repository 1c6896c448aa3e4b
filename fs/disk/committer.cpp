#include "fs/disk/committer.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "fs/disk/rule.h"

namespace twofold::fs {

Result<Epoch::NoncePrefix> draw_nonce_prefix(EngineContext& context, const Uuid& mount,
                                             std::uint64_t epoch) {
    if (broken(Rule::each_epoch_draws_its_prefix)) return Epoch::NoncePrefix{};
    std::array<std::byte, 32> fresh;
    TF_TRY(context.random.fill(fresh));
    std::array<std::byte, 16> numbers;
    Writer w(numbers);
    w.u64_le(epoch);
    w.u64_le(static_cast<std::uint64_t>(context.clock.monotonic().count()));
    Epoch::NoncePrefix prefix;
    const std::array<Bytes, 3> parts{fresh, mount.bytes, numbers};
    context.keys.macs().nonce.mac(parts, prefix);
    return prefix;
}

Committer::Committer(EngineContext& context, Versions& versions, Map& map, const Uuid& mount,
                     const Journal::Identity& log, const LogPosition& log_start)
    : context_(context),
      versions_(versions),
      map_(map),
      mount_(mount),
      journal_(context, log, log_start, versions.acknowledged()),
      next_epoch_(versions.acknowledged() + 1),
      log_start_(log_start.sequence) {}

Result<void> Committer::commit() {
    TF_TRY(context_.health.check());
    const std::uint64_t wanted = versions_.newest_write();
    if (versions_.acknowledged() >= wanted) return {};
    return stop_without_memory(context_.health, [&]() -> Result<void> {
        const SyncRole role = take_sync_role();
        TF_TRY(context_.health.check());
        if (versions_.acknowledged() >= wanted) return {};  // somebody's sync served us too
        TF_ASSIGN([[maybe_unused]] const bool written, write_pages(kSoftEpochsMax + 1));
        TF_TRY(sync(role));
        ++context_.counters.commits;
        TF_ASSIGN([[maybe_unused]] const bool all, punch_some(role));
        return {};
    });
}

Result<void> Committer::soft_commit() {
    TF_TRY(context_.health.check());
    TF_ASSIGN(const bool written,
              stop_without_memory(context_.health, [&] { return write_pages(kSoftEpochsMax); }));
    return written ? Result<void>() : commit();
}

Result<void> Committer::soft_commit_if_room() {
    TF_TRY(context_.health.check());
    TF_ASSIGN([[maybe_unused]] const bool written,
              stop_without_memory(context_.health, [&] { return write_pages(kSoftEpochsMax); }));
    return {};
}

// Seals the open epoch and writes its pages. False, and nothing done: too many wait already.
Result<bool> Committer::write_pages(std::size_t unacknowledged_max) {
    std::unique_lock pen(pen_);
    if (broken(Rule::pages_come_in_order)) pen.unlock();
    TF_TRY(context_.health.check());
    if (versions_.open_is_empty()) return true;  // no page and no number
    if (versions_.unacknowledged_count() >= unacknowledged_max &&
        !broken(Rule::soft_epochs_are_bounded))
        return false;
    auto prefix = draw_nonce_prefix(context_, mount_, next_epoch_ + 1);
    if (!prefix) return context_.health.stop(std::move(prefix).error());
    const std::shared_ptr<const Epoch> epoch = versions_.seal(*prefix);
    if (!epoch) return true;  // what was in it was given back meanwhile
    next_epoch_ = epoch->number + 1;
    // A writer of this epoch may have failed: O1 would be broken.
    if (!broken(Rule::failed_epoch_gets_no_pages)) TF_TRY(context_.health.check());
    const std::uint64_t acknowledged =
        broken(Rule::page_tells_what_was_synced) ? epoch->number - 1 : versions_.acknowledged();
    const auto written = journal_.append(*epoch, acknowledged, log_start_);
    if (!written && broken(Rule::failed_page_stops)) return fail(written.error());
    if (!written) return context_.health.stop(Error(written.error()).in("commit log"));
    versions_.paged(*written);
    ++context_.counters.soft_commits;
    return true;
}

Result<void> Committer::write_ack_page() {
    return stop_without_memory(context_.health, [&]() -> Result<void> {
        const std::scoped_lock pen(pen_);
        TF_TRY(context_.health.check());
        if (!ack_page_wanted() || !versions_.work().ack_page_fits) return {};
        const std::uint64_t acknowledged = broken(Rule::ack_page_tells_what_was_synced)
                                               ? versions_.newest_paged()
                                               : versions_.acknowledged();
        const auto written = journal_.append_ack(acknowledged, log_start_);
        if (!written) return context_.health.stop(Error(written.error()).in("commit log"));
        versions_.ack_paged(*written);
        return {};
    });
}

Result<void> Committer::sync(const SyncRole& role) {
    TF_CHECK(role.owns_lock() && role.mutex() == &sync_role_);
    TF_TRY(context_.health.check());
    // Pages written from here on, while the sync runs, are not covered by it (commit step 4).
    std::uint64_t covered = versions_.newest_paged();
    ++context_.counters.syncs;
    auto synced =
        broken(Rule::acknowledgement_needs_a_sync) ? Result<void>() : context_.file.sync();
    if (!synced && broken(Rule::failed_sync_stops)) return synced;
    if (!synced) return context_.health.stop(std::move(synced).error().in("fdatasync"));
    if (broken(Rule::sync_covers_what_was_paged_before)) covered = versions_.newest_paged();
    // Whatever failed meanwhile: never a false success.
    if (!broken(Rule::stop_during_a_sync_is_no_success)) TF_TRY(context_.health.check());
    versions_.acknowledge(covered, context_.discard_reaches_store() && can_punch_.load());
    return {};
}

// ---- Discards

Result<bool> Committer::punch_some(const SyncRole& role) {
    TF_CHECK(role.owns_lock());
    constexpr std::uint64_t kBlocksAtOnce = 16 * kSegmentSlots;
    for (std::uint64_t done = 0; done < kBlocksAtOnce;) {
        auto range = versions_.next_punch();
        if (!range) return true;
        range->count = std::min(range->count, kBlocksAtOnce - done);
        if (auto punched = punch_range(*range); !punched && !broken(Rule::failed_punch_stops))
            return context_.health.stop(std::move(punched).error().in("discard"));
        versions_.punched(*range);
        done += range->count;
    }
    return false;
}

// Only slots of blocks that are ZERO in the acknowledged state: a slot that was discarded and then
// replaced is the pool's. Nobody else can change that state: acknowledging takes the sync role,
// which we hold. Nobody writes to these slots: rule (b) is off while the punch is pending.
Result<void> Committer::punch_range(BlockRange range) {
    std::vector<std::uint64_t> slots;
    for (std::uint64_t b = range.first.value(); b < end_of(range); ++b) {
        const Known known = versions_.find_acknowledged(BlockIndex{b});
        bool data = false;
        Slot slot;
        if (known.entry) {
            data = known.entry->data;
            slot = known.entry->slot;
        } else {
            TF_ASSIGN(const Entry entry, map_.entry(BlockIndex{b}));
            data = entry.data && !known.zeroed;
            slot = entry.slot;
        }
        if (!data || broken(Rule::only_zero_blocks_are_punched) ||
            broken(Rule::punch_waits_for_acknowledgement))
            slots.push_back(slot.value());
    }
    // Neighbours in the file, whatever blocks they held: a call each.
    std::sort(slots.begin(), slots.end());
    for (std::size_t i = 0; i < slots.size() && can_punch_;) {
        std::size_t end = i + 1;
        while (end < slots.size() && adjacent(Slot{slots[end - 1]}, Slot{slots[end]})) ++end;
        TF_TRY(punch_slots(Slot{slots[i]}, end - i));
        i = end;
    }
    return {};
}

Result<void> Committer::punch_slots(Slot first, std::uint64_t count) {
    auto punched = context_.file.punch(context_.layout.slot_offset(first), count * kSectorSize);
    if (punched ||
        (punched.error().sys_errno != EOPNOTSUPP && punched.error().code != Errc::no_space))
        return punched;
    can_punch_ = false;  // the store keeps the space: no harm
    return {};
}

}  // namespace twofold::fs

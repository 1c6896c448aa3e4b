#include "fs/disk/log_replay.h"

#include <algorithm>

#include "fs/disk/rule.h"
#include "fs/disk/scratch.h"

namespace twofold::fs {

LogReplay::LogReplay(EngineContext& context, Recovered& into, MissingHistory missing,
                     std::uint64_t anchored_epoch)
    : context_(context),
      into_(into),
      superblock_(into.superblock),
      layout_(into.map->layout()),
      missing_(missing),
      anchored_epoch_(anchored_epoch),
      acknowledged_(superblock_.settled_epoch),
      highest_counter_(superblock_.mount_counter),
      sequence_(superblock_.log_start),
      chain_(superblock_.chain),
      next_epoch_(superblock_.settled_epoch + 1) {
    for (const Slot slot : into.pool) pool_.insert(slot.value());
}

Result<void> LogReplay::run() {
    into_.applied_epoch = into_.highest_epoch = superblock_.settled_epoch;
    into_.next_sequence = superblock_.log_start;
    TF_TRY(scan_ring());
    std::vector<Epoch> unacknowledged;
    TF_TRY(follow(unacknowledged));
    TF_TRY(find_missing());
    TF_TRY(verify_and_apply(unacknowledged));
    into_.pool.clear();
    for (const std::uint64_t slot : pool_) into_.pool.push_back(Slot{slot});
    std::sort(into_.pool.begin(), into_.pool.end());
    return {};
}

// Step 6.
Result<void> LogReplay::find_missing() {
    const bool superblock_lost = highest_counter_ > superblock_.mount_counter &&
                                 !broken(Rule::newer_mount_in_the_log_is_history_lost);
    const bool pages_lost =
        acknowledged_ >= next_epoch_ && !broken(Rule::synced_epoch_missing_is_history_lost);
    if (!superblock_lost && !pages_lost) return {};
    into_.missing = Recovered::Missing{next_epoch_, into_.highest_epoch, highest_counter_};
    if (missing_ == MissingHistory::accept) return {};
    if (superblock_lost)
        return fail(Errc::history_lost,
                    "log: a page of mount {} while the newest superblock is of mount {}: a "
                    "superblock was lost",
                    highest_counter_, superblock_.mount_counter);
    return fail(Errc::history_lost,
                "log: epoch {} was synced once, but the log ends before epoch {}: pages or a "
                "superblock were lost",
                acknowledged_, next_epoch_);
}

// Every page of the ring, also those that can't be reached any more: what they say was acknowledged
// counts, and no sequence or epoch of theirs is used again.
Result<void> LogReplay::scan_ring() {
    constexpr std::uint64_t kPagesAtOnce = 256;
    const std::uint64_t ring = layout_.shape().log_pages;
    std::vector<std::byte> buffer(std::min(kPagesAtOnce, ring) * kSectorSize);
    for (std::uint64_t first = 0; first < ring; first += kPagesAtOnce) {
        const std::uint64_t count = std::min(kPagesAtOnce, ring - first);
        const MutableBytes bytes(buffer.data(), count * kSectorSize);
        TF_TRY(context_.file.read(layout_.log_page_offset(first), bytes));
        for (std::uint64_t i = 0; i < count; ++i) {
            const auto sector = bytes.subspan(i * kSectorSize).first<kSectorSize>();
            if (all_zero(sector.first(8))) continue;  // never written
            auto parsed = LogPage::parse(sector, context_.keys.macs().log);
            if (!parsed && parsed.error().code == Errc::unauthentic) continue;
            if (!parsed) return fail(std::move(parsed).error());
            const LogPage& page = parsed->page;
            if (!broken(Rule::acknowledgement_counts_past_a_gap))
                acknowledged_ = std::max(acknowledged_, page.acknowledged);
            highest_counter_ = std::max(highest_counter_, page.mount_counter);
            into_.highest_epoch = std::max({into_.highest_epoch, page.epoch, page.acknowledged});
            into_.next_sequence = std::max(into_.next_sequence, page.sequence + 1);
        }
    }
    return {};
}

// ---- Following the log (step 5)

Result<void> LogReplay::follow(std::vector<Epoch>& unacknowledged) {
    Epoch gathered{next_epoch_, {}};
    for (std::uint64_t read = 0; read < layout_.shape().log_pages; ++read) {
        PageAt sector;
        TF_TRY(context_.file.read(layout_.log_page_offset(sequence_), sector));
        auto parsed = LogPage::parse(sector, context_.keys.macs().log);
        if (!parsed && parsed.error().code == Errc::unauthentic) return {};
        if (!parsed) return fail(std::move(parsed).error());
        LogPage& page = parsed->page;
        TF_ASSIGN(const bool next, fits(page));
        if (!next) return {};
        TF_TRY(check_structure(page, gathered));
        ++sequence_;
        ++into_.log_pages;
        chain_ = parsed->mac;
        if (page.ack()) continue;
        for (const LogRecord& record : page.records) TF_TRY(check_bounds(record));
        gathered.records.insert(gathered.records.end(), page.records.begin(), page.records.end());
        if (!page.commit() && !broken(Rule::epoch_ends_with_its_commit_page)) continue;
        if (gathered.records.size() != page.epoch_records &&
            !broken(Rule::epoch_has_all_its_records) &&
            !broken(Rule::epoch_ends_with_its_commit_page))
            return fail(Errc::corrupt, "log page {}: epoch {} of {} records, not {}", page.sequence,
                        page.epoch, gathered.records.size(), page.epoch_records);
        ++next_epoch_;
        // Pages of one epoch are held only until it is complete; those known acknowledged (step 7)
        // are applied at once, so that what waits is at most what nobody had synced.
        const bool synced = gathered.number <= acknowledged_;
        const bool anchored = gathered.number <= anchored_epoch_;
        if ((synced && !broken(Rule::synced_epochs_are_not_judged)) ||
            (anchored && !broken(Rule::anchored_epochs_are_not_judged)))
            TF_TRY(apply(gathered));
        else
            unacknowledged.push_back(std::move(gathered));
        gathered = Epoch{next_epoch_, {}};
    }
    return {};
}

Result<bool> LogReplay::fits(const LogPage& page) const {
    const Superblock& mount = superblock_;
    return (page.sequence == sequence_ || broken(Rule::page_has_the_next_sequence)) &&
           (page.mount_counter == mount.mount_counter || broken(Rule::page_is_of_this_mount)) &&
           (page.salt == mount.log_salt || broken(Rule::page_has_this_salt)) &&
           (page.chain == chain_ || broken(Rule::page_continues_the_chain));
}

// A page that fits was written by this disk's holder, right behind the one before. So anything
// wrong from here on is a bug, and not a crash.
Result<void> LogReplay::check_structure(const LogPage& page, const Epoch& gathered) const {
    if (broken(Rule::pages_of_an_epoch_are_in_order)) return {};
    const bool amid = !gathered.records.empty();
    if (page.ack() ? amid || page.epoch >= next_epoch_
                   : page.epoch != next_epoch_ || page.first() == amid || page.records.empty())
        return fail(Errc::corrupt, "log page {}: not what follows in epoch {}", page.sequence,
                    next_epoch_);
    return {};
}

Result<void> LogReplay::check_bounds(const LogRecord& record) const {
    if (broken(Rule::records_are_within_the_disk)) return {};
    if (const auto* zero = std::get_if<ZeroRecord>(&record)) {
        const std::uint64_t first = zero->range.first.value();
        if (zero->range.count == 0 || first >= layout_.block_count() ||
            zero->range.count > layout_.block_count() - first)
            return fail(Errc::corrupt, "log: range of {} blocks from {}: past the end",
                        zero->range.count, first);
        return {};
    }
    const auto& [block, entry] = std::get<BlockRecord>(record);
    if (block.value() >= layout_.block_count())
        return fail(Errc::corrupt, "log: block {}: past the end", block.value());
    if (entry.slot.value() >= layout_.slot_count())
        return fail(Errc::corrupt, "log: block {}: slot {} past the end", block.value(),
                    entry.slot.value());
    if (entry.data && context_.keys.find(entry.keyset) == nullptr)
        return fail(Errc::corrupt, "log: block {}: keyset {} unknown", block.value(), entry.keyset);
    return {};
}

// ---- Epochs that nobody calls acknowledged (step 8)

Result<void> LogReplay::verify_and_apply(const std::vector<Epoch>& epochs) {
    std::set<std::uint64_t> bad;  // blocks whose newest version is not in its slot
    std::size_t whole = 0;        // so many leave none of them
    std::optional<Recovered::Dropped> dropped;
    for (std::size_t i = 0; i < epochs.size(); ++i) {
        if (broken(Rule::only_a_prefix_is_kept)) bad.clear();
        if (i + 1 == epochs.size() || !broken(Rule::each_last_epoch_is_verified))
            TF_TRY(judge(epochs[i], bad));
        if (bad.empty()) {
            whole = i + 1;
            dropped.reset();
        } else if (!dropped) {
            dropped = Recovered::Dropped{epochs[i].number, 0, 0, BlockIndex{*bad.begin()}};
        }
    }
    for (std::size_t i = 0; i < whole; ++i) TF_TRY(apply(epochs[i]));
    if (whole < epochs.size()) {
        dropped->first_epoch = epochs[whole].number;
        dropped->last_epoch = epochs.back().number;
        dropped->bad_blocks = bad.size();
        into_.dropped = dropped;
    }
    return {};
}

Result<void> LogReplay::judge(const Epoch& epoch, std::set<std::uint64_t>& bad) {
    for (const LogRecord& record : epoch.records) {
        if (const auto* zero = std::get_if<ZeroRecord>(&record)) {
            if (broken(Rule::discarded_version_is_not_judged)) continue;
            bad.erase(bad.lower_bound(zero->range.first.value()),
                      bad.lower_bound(end_of(zero->range)));
            continue;
        }
        const auto& block = std::get<BlockRecord>(record);
        bool good = true;
        if (block.entry.data && !broken(Rule::last_epochs_are_verified)) {
            TF_ASSIGN(good, verifies(block));
        }
        if (good && broken(Rule::superseded_version_is_not_judged)) continue;
        if (good)
            bad.erase(block.block.value());
        else
            bad.insert(block.block.value());
    }
    return {};
}

// A read error is not a mismatch: it is returned, and the disk does not open.
Result<bool> LogReplay::verifies(const BlockRecord& record) {
    std::array<std::byte, kSealedSize> unit{};
    auto read = context_.file.read(layout_.slot_offset(record.entry.slot),
                                   MutableBytes(unit).first(kBlockSize));
    if (!read && broken(Rule::read_error_is_no_mismatch)) return false;
    TF_TRY(std::move(read));
    const SealStack* stack = context_.keys.find(record.entry.keyset);
    auto good = stack->verify(record.entry.seal_info(record.block), unit);
    crypto::wipe(unit);  // an inner tag is checked by opening both layers
    return good;
}

// ---- Applying (step 7)

Result<void> LogReplay::apply(const Epoch& epoch) {
    for (const LogRecord& record : epoch.records) {
        if (const auto* zero = std::get_if<ZeroRecord>(&record))
            into_.backlog.zero(zero->range);
        else
            TF_TRY(apply(std::get<BlockRecord>(record)));
    }
    into_.applied_epoch = epoch.number;
    return {};
}

// The new slot comes from the pool, the old one goes there; or it is the slot owned already. So the
// bijection that the superblock's tables had is kept, record by record.
Result<void> LogReplay::apply(const BlockRecord& record) {
    const Known known = into_.backlog.find(record.block);
    Slot owned;
    bool zero = known.zeroed;
    if (known.entry) {
        owned = known.entry->slot;
        zero = !known.entry->data;
    } else {
        TF_ASSIGN(const Entry entry, into_.map->entry(record.block));
        owned = entry.slot;
        zero = zero || !entry.data;
    }
    const Slot slot = record.entry.slot;
    // In its own slot a block is written only where it was ZERO: write rule 3(b).
    const bool wrong = slot == owned ? record.entry.data && !zero
                                     : !record.entry.data || !pool_.contains(slot.value());
    if (wrong && !broken(Rule::slots_are_exchanged_with_the_pool))
        return fail(Errc::corrupt, "log: block {}: slot {} is not free for it",
                    record.block.value(), slot.value());
    if (slot != owned) {
        pool_.erase(slot.value());
        pool_.insert(owned.value());
    }
    into_.backlog.put(record.block, record.entry);
    return {};
}

}  // namespace twofold::fs

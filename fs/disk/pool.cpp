#include "fs/disk/pool.h"

#include <algorithm>

#include "fs/disk/rule.h"

namespace twofold::fs {

Pool::Pool(std::span<const Slot> slots) {
    for (const Slot slot : slots) {
        Runs one;
        one.emplace(slot.value(), 1);
        add_free(one.extract(one.begin()));
    }
}

void Pool::take(std::size_t count, std::vector<Slot>& out) {
    TF_CHECK(count <= free_count_);
    out.reserve(out.size() + count);
    while (count > 0) {
        const auto run = best_run(count);
        const auto [first, length] = *run;
        const std::uint64_t end = first + std::min<std::uint64_t>(count, length);
        Runs taken;  // all memory that this needs, before anything changes
        for (std::uint64_t slot = first; slot < end; ++slot)
            taken.emplace_hint(taken.end(), slot, 1);
        taken_.merge(taken);
        TF_CHECK(taken.empty());
        for (std::uint64_t slot = first; slot < end; ++slot) out.push_back(Slot{slot});
        Runs::node_type rest = free_.extract(run);
        if (end < first + length) {
            rest.key() = end;
            rest.mapped() = first + length - end;
            free_.insert(std::move(rest));
        }
        free_count_ -= end - first;
        count -= static_cast<std::size_t>(end - first);
        next_ = end;
    }
}

// The first run from next_ on that is long enough, among a bounded number; else their longest.
Pool::Runs::iterator Pool::best_run(std::uint64_t count) {
    constexpr int kSearch = 32;
    auto run = free_.lower_bound(next_);
    auto best = free_.end();
    for (int i = 0; i < kSearch; ++i, ++run) {
        if (run == free_.end()) run = free_.begin();
        if (run == best) break;  // once around
        if (best == free_.end() || run->second > best->second) best = run;
        if (best->second >= count) break;
    }
    return best;
}

void Pool::give_back(Slot slot) {
    Runs::node_type node = taken_.extract(slot.value());
    TF_CHECK(!node.empty());
    add_free(std::move(node));
}

void Pool::exchange(Slot taken, Slot replaced) {
    Runs::node_type node = taken_.extract(taken.value());
    TF_CHECK(!node.empty() && !taken_.contains(replaced.value()));
    node.key() = replaced.value();
    add_free(std::move(node));
}

// Joins its neighbours: runs neither touch nor overlap.
void Pool::add_free(Runs::node_type slot) {
    const std::uint64_t here = slot.key();
    const auto after = free_.upper_bound(here);
    if (after != free_.end() && after->first == here + 1) {
        slot.mapped() += after->second;
        free_.erase(after);
    }
    if (const auto next = free_.upper_bound(here); next != free_.begin()) {
        const auto before = std::prev(next);
        TF_CHECK(before->first + before->second <= here);  // a slot is free once
        if (before->first + before->second == here) {
            before->second += slot.mapped();
            ++free_count_;
            return;
        }
    }
    free_.insert(std::move(slot));
    ++free_count_;
}

std::vector<Slot> Pool::slots() const {
    std::vector<Slot> all;
    all.reserve(size());
    for (const Runs* runs : {&free_, &taken_}) {
        if (runs == &taken_ && broken(Rule::pool_table_lists_what_later_epochs_took)) continue;
        for (const auto& [first, count] : *runs)
            for (std::uint64_t slot = first; slot < first + count; ++slot)
                all.push_back(Slot{slot});
    }
    std::sort(all.begin(), all.end());
    return all;
}

}  // namespace twofold::fs

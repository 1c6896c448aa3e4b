#include "fs/disk/pool.h"

#include <algorithm>

namespace twofold::fs {

Pool::Pool(std::span<const Slot> slots) {
    for (const Slot slot : slots) add_free(slot.value());
}

void Pool::take(std::size_t count, std::vector<Slot>& out) {
    TF_CHECK(count <= free_count_);
    out.reserve(out.size() + count);
    while (count > 0) {
        const auto run = best_run(count);
        const auto [first, length] = *run;
        const std::uint64_t taken = std::min<std::uint64_t>(count, length);
        for (std::uint64_t slot = first; slot < first + taken; ++slot) {
            taken_.insert(slot);
            out.push_back(Slot{slot});
        }
        free_.erase(run);
        if (taken < length) free_.emplace(first + taken, length - taken);
        free_count_ -= taken;
        count -= static_cast<std::size_t>(taken);
        next_ = first + taken;
    }
}

// The first run from next_ on that is long enough, among a bounded number; else their longest.
std::map<std::uint64_t, std::uint64_t>::iterator Pool::best_run(std::uint64_t count) {
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
    TF_CHECK(taken_.erase(slot.value()) == 1);
    add_free(slot.value());
}

void Pool::keep(Slot slot) { TF_CHECK(taken_.erase(slot.value()) == 1); }

void Pool::release(Slot slot) {
    TF_CHECK(!taken_.contains(slot.value()));
    add_free(slot.value());
}

void Pool::add_free(std::uint64_t slot) {
    auto after = free_.upper_bound(slot);
    std::uint64_t first = slot;
    std::uint64_t count = 1;
    if (after != free_.begin()) {
        const auto before = std::prev(after);
        TF_CHECK(before->first + before->second <= slot);  // a slot is free once
        if (before->first + before->second == slot) {
            first = before->first;
            count += before->second;
            free_.erase(before);
        }
    }
    if (after != free_.end() && after->first == slot + 1) {
        count += after->second;
        free_.erase(after);
    }
    free_.emplace(first, count);
    ++free_count_;
}

std::vector<Slot> Pool::slots() const {
    std::vector<Slot> all;
    all.reserve(size());
    for (const auto& [first, count] : free_)
        for (std::uint64_t slot = first; slot < first + count; ++slot) all.push_back(Slot{slot});
    for (const std::uint64_t slot : taken_) all.push_back(Slot{slot});
    std::sort(all.begin(), all.end());
    return all;
}

}  // namespace twofold::fs

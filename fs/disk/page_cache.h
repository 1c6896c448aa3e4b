#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "fs/disk/map_pages.h"
#include "fs/disk/rule.h"

namespace twofold::fs {

// Verified pages of the map, the least recently used leaving first. A page is found only under the
// reference that its parent holds now, so a page that a checkpoint replaced is never found again,
// even if a slow reader put it in afterwards. Pages are immutable and may outlive their stay.
// Thread-safe.
template <class Page>
class PageCache {
public:
    using Handle = std::shared_ptr<const Page>;

    explicit PageCache(std::size_t pages_max) : pages_max_(std::max<std::size_t>(pages_max, 1)) {}

    Handle find(std::uint64_t index, const Reference& reference) {
        const std::scoped_lock hold(mutex_);
        const auto found = places_.find(index);
        if (found == places_.end()) return nullptr;
        if (found->second->reference != reference &&
            !broken(Rule::cached_page_is_the_one_referred_to))
            return nullptr;
        recent_.splice(recent_.begin(), recent_, found->second);
        return found->second->page;
    }

    void put(std::uint64_t index, const Reference& reference, Handle page) {
        const std::scoped_lock hold(mutex_);
        if (const auto found = places_.find(index); found != places_.end()) {
            found->second->reference = reference;
            found->second->page = std::move(page);
            recent_.splice(recent_.begin(), recent_, found->second);
            return;
        }
        recent_.push_front({index, reference, std::move(page)});
        places_.emplace(index, recent_.begin());
        if (recent_.size() <= pages_max_) return;
        places_.erase(recent_.back().index);
        recent_.pop_back();
    }

private:
    struct Kept {
        std::uint64_t index;
        Reference reference;
        Handle page;
    };
    std::mutex mutex_;
    std::size_t pages_max_;
    std::list<Kept> recent_;  // most recently used first
    std::unordered_map<std::uint64_t, typename std::list<Kept>::iterator> places_;
};

}  // namespace twofold::fs

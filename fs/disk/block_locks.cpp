#include "fs/disk/block_locks.h"

namespace twofold::fs {

BlockLocks::Held BlockLocks::lock(BlockRange range) {
    std::unique_lock hold(mutex_);
    const auto request = requests_.insert(requests_.end(), Request{range});
    released_.wait(hold, [&] { return first_in_line(request); });
    return Held(this, request);
}

bool BlockLocks::first_in_line(std::list<Request>::iterator request) const {
    for (auto earlier = requests_.begin(); earlier != requests_.end(); ++earlier) {
        if (&*earlier == &*request) return true;
        if (overlap(earlier->range, request->range)) return false;
    }
    return true;
}

BlockLocks::Held::~Held() {
    if (locks_ == nullptr) return;
    const std::scoped_lock hold(locks_->mutex_);
    const bool alone = locks_->requests_.size() == 1;
    locks_->requests_.erase(request_);
    if (!alone) locks_->released_.notify_all();
}

}  // namespace twofold::fs

#include "fs/disk/health.h"

namespace twofold::fs {

Result<void> Health::check() const {
    if (!stopped()) return {};
    const std::scoped_lock hold(mutex_);
    return fail(Error{Errc::stopped,
                      "disk stopped: " + reason_,
                      "unmount it, mend the store beneath and mount again",
                      0,
                      {}});
}

Failure Health::stop(Error error) {
    {
        const std::scoped_lock hold(mutex_);
        if (stopped()) return fail(std::move(error));
        reason_ = error.line();
        stopped_.store(true, std::memory_order_release);
    }
    on_stop_(error);
    return fail(std::move(error));
}

}  // namespace twofold::fs

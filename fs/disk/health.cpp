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
    if (stopped_.exchange(true, std::memory_order_acq_rel)) return fail(std::move(error));
    try {
        {
            const std::scoped_lock hold(mutex_);
            reason_ = error.line();
        }
        on_stop_(error);
    } catch (const std::bad_alloc&) {  // stopped all the same, if without words
    }
    return fail(std::move(error));
}

}  // namespace twofold::fs

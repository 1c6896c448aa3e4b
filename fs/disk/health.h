#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <new>
#include <string>

#include "base/result.h"

namespace twofold::fs {

// Whether the disk may still be written to. It stops once, for good: after a failed write, commit
// or sync nobody knows what the backing store holds (Linux marks pages clean after a failed
// fdatasync and reports the error once), so no later success could be believed (format, section 6,
// "Stop"). Reads go on. Thread-safe.
class Health {
public:
    // `on_stop` is called once, by the thread that met the first error, which may hold what it
    // takes to write or sync, but nothing that a read or stats() would wait for.
    explicit Health(std::function<void(const Error&)> on_stop) : on_stop_(std::move(on_stop)) {}

    bool stopped() const { return stopped_.load(std::memory_order_acquire); }
    // Errc::stopped, with the first error's text.
    Result<void> check() const;
    // Stops, and hands `error` back for the caller to return.
    [[nodiscard]] Failure stop(Error error);

private:
    std::function<void(const Error&)> on_stop_;
    std::atomic<bool> stopped_{false};
    mutable std::mutex mutex_;
    std::string reason_;  // guarded by mutex_
};

// Runs `body`, which may have changed half of something when memory runs out: then the disk stops.
template <class Body>
auto stop_without_memory(Health& health, Body body) -> decltype(body()) {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return health.stop(Error{Errc::out_of_memory, "out of memory", {}, 0, {}});
    }
}

}  // namespace twofold::fs

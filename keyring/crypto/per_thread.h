#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <utility>

#include "base/result.h"

namespace twofold::crypto {

constexpr std::size_t kThreadSlots = 32;

// A number below kThreadSlots that no other living thread has, or kThreadSlots when all are taken.
// It is the thread's for its life; afterwards another thread inherits it.
std::size_t thread_slot() noexcept;

// One T for each thread, owned by the object that this is part of: the owner's destructor ends all
// of them, on whichever thread it runs, so that no context outlives its key. A thread inherits the
// T of an ended one, so there are never more than kThreadSlots + 1. No lock on the way, save for
// threads beyond kThreadSlots, which share one T.
template <class T>
class PerThread {
public:
    // use(T&), which returns a Result<void>; `make` returns a Result<T> and runs at first use.
    template <class Make, class Use>
    Result<void> with(Make make, Use use) const {
        const std::size_t slot = thread_slot();
        if (slot < kThreadSlots) return run(slots_[slot], make, use);
        const std::lock_guard lock(shared_mutex_);
        return run(shared_, make, use);
    }

private:
    template <class Make, class Use>
    static Result<void> run(std::unique_ptr<T>& place, Make& make, Use& use) {
        if (place == nullptr) {
            TF_ASSIGN(T made, make());
            place = std::make_unique<T>(std::move(made));
        }
        return use(*place);
    }

    mutable std::array<std::unique_ptr<T>, kThreadSlots> slots_;  // [i] is for the thread of slot i
    mutable std::mutex shared_mutex_;                             // guards shared_
    mutable std::unique_ptr<T> shared_;
};

}  // namespace twofold::crypto

#pragma once

#include <condition_variable>
#include <mutex>

#include "fs/disk/rule.h"

namespace twofold::fs {

// Lets requests in until it is shut, and then waits for those inside. Thread-safe.
class Gate {
public:
    // A request's stay; false if the gate was shut.
    class Visit {
    public:
        explicit Visit(Gate& gate) : gate_(gate.enter() ? &gate : nullptr) {}
        Visit(const Visit&) = delete;
        Visit& operator=(const Visit&) = delete;
        ~Visit() {
            if (gate_ != nullptr) gate_->leave();
        }
        explicit operator bool() const { return gate_ != nullptr; }

    private:
        Gate* gate_;
    };

    // Returns when nobody is inside. Again: at once.
    void shut() {
        std::unique_lock hold(mutex_);
        shut_ = true;
        if (!broken(Rule::requests_end_before_it_closes))
            empty_.wait(hold, [&] { return inside_ == 0; });
    }

private:
    bool enter() {
        const std::scoped_lock hold(mutex_);
        if (shut_) return false;
        ++inside_;
        return true;
    }
    void leave() {
        const std::scoped_lock hold(mutex_);
        if (--inside_ == 0 && shut_) empty_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable empty_;
    int inside_ = 0;
    bool shut_ = false;
};

}  // namespace twofold::fs

#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "tests/support/faulty_file.h"

namespace twofold {

// A call on a thread of its own, for tests in which one call comes in the middle of another.
class Call {
public:
    explicit Call(std::function<void()> body);
    ~Call() { join(); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // Waits until it has come as far as it can: true, it returned; false, it sleeps until somebody
    // wakes it.
    bool settles();
    void join() {
        if (thread_.joinable()) thread_.join();
    }

private:
    std::atomic<int> id_{0};
    std::atomic<bool> done_{false};
    std::thread thread_;
};

// Where a call is held until the test lets it go. Once open it stays open.
class Barrier {
public:
    void wait();   // the call that is held
    void await();  // until a call is held
    void open();

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool held_ = false, open_ = false;
};

// Something that happens in the middle of a call: once, when a file is told to do something
// somewhere. What it returns is what that operation comes to; success lets it go on.
class Trap {
public:
    using Where = std::function<bool(const FileCall&)>;
    static bool anywhere(const FileCall&) { return true; }
    static Where at(std::uint64_t offset);  // a call that touches this byte
    void set(FileCall::Kind kind, Where where, std::function<Result<void>()> then);
    Result<void> operator()(const FileCall& call);
    bool sprung() const { return sprung_; }

private:
    std::mutex mutex_;  // guards the next three
    FileCall::Kind kind_{};
    Where where_;
    std::function<Result<void>()> then_;
    std::atomic<bool> sprung_{false};
};

}  // namespace twofold

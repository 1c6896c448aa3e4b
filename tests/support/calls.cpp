#include "tests/support/calls.h"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>

namespace twofold {
namespace {

// The kernel's letter for what a thread does: S and D sleep.
bool sleeps(int thread) {
    std::ifstream stat("/proc/self/task/" + std::to_string(thread) + "/stat");
    const std::string line((std::istreambuf_iterator<char>(stat)), {});
    const auto name_end = line.rfind(')');
    return name_end != std::string::npos && line.size() > name_end + 2 &&
           (line[name_end + 2] == 'S' || line[name_end + 2] == 'D');
}

}  // namespace

Call::Call(std::function<void()> body)
    : thread_([this, body = std::move(body)] {
          id_ = gettid();
          body();
          done_ = true;
      }) {}

// A thread that only waits for a processor is awake to the kernel, so a busy machine makes this
// slower and no less sure. Several looks, as a lock may put a thread to sleep for a moment.
bool Call::settles() {
    constexpr int kLooks = 5;
    for (int asleep = 0; asleep < kLooks;) {
        if (done_) return true;
        asleep = id_ != 0 && sleeps(id_) ? asleep + 1 : 0;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return done_;
}

void Barrier::wait() {
    std::unique_lock hold(mutex_);
    held_ = true;
    changed_.notify_all();
    changed_.wait(hold, [&] { return open_; });
}

void Barrier::await() {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [&] { return held_; });
}

void Barrier::open() {
    const std::scoped_lock hold(mutex_);
    open_ = true;
    changed_.notify_all();
}

Trap::Where Trap::at(std::uint64_t offset) {
    return [offset](const FileCall& call) {
        return call.offset <= offset && offset < call.offset + call.length;
    };
}

void Trap::set(FileCall::Kind kind, Where where, std::function<Result<void>()> then) {
    const std::scoped_lock hold(mutex_);
    kind_ = kind;
    where_ = std::move(where);
    then_ = std::move(then);
    sprung_ = false;
}

Result<void> Trap::operator()(const FileCall& call) {
    std::function<Result<void>()> then;
    {
        const std::scoped_lock hold(mutex_);
        if (!then_ || call.kind != kind_ || !where_(call)) return {};
        then = std::exchange(then_, nullptr);
    }
    sprung_ = true;
    return then();
}

}  // namespace twofold

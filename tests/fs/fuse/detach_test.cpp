#include "fs/fuse/detach.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>

#include "base/unique_fd.h"
#include "fs/fuse/stop_signals.h"
#include "tests/support/matchers.h"

namespace twofold::fs {
namespace {

class Detached : public testing::Test {
protected:
    void SetUp() override {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        from_child_ = UniqueFd(ends[0]);
        to_test_ = UniqueFd(ends[1]);
    }
    void tell(char what) { ASSERT_EQ(::write(to_test_.get(), &what, 1), 1); }
    // What the child told, and nothing more to come: it has ended. 30 s at most.
    std::string told() {
        to_test_.reset();
        std::string all;
        while (true) {
            pollfd fd{from_child_.get(), POLLIN, 0};
            if (::poll(&fd, 1, 30'000) <= 0) return all + " and hangs";
            char buffer[16];
            const ssize_t got = ::read(from_child_.get(), buffer, sizeof buffer);
            if (got <= 0) return all;
            all.append(buffer, static_cast<std::size_t>(got));
        }
    }
    UniqueFd from_child_, to_test_;
};

TEST_F(Detached, ParentReturnsZeroWhenTheChildIsReadyAndTheChildGoesOn) {
    const pid_t parent_session = ::getsid(0);
    EXPECT_EQ(run_detached([&](const auto& ready) {
                  ready();
                  tell(::getsid(0) == parent_session ? 'p' : 's');
                  return 7;
              }),
              0);
    EXPECT_EQ(told(), "s");
}

TEST_F(Detached, ParentReturnsTheCodeOfAChildThatNeverWasReady) {
    EXPECT_EQ(run_detached([](const auto&) { return 5; }), 5);
}

TEST_F(Detached, ParentFailsWhenTheChildDies) {
    EXPECT_EQ(run_detached([](const auto&) -> int {
                  ::raise(SIGKILL);
                  return 0;
              }),
              1);
}

TEST_F(Detached, ChildStopsOnceHoweverManySignalsCome) {
    EXPECT_EQ(run_detached([&](const auto& ready) {
                  StopSignals::block();
                  ready();
                  int ends[2];
                  if (::pipe2(ends, O_CLOEXEC) != 0) return 1;
                  const UniqueFd stopped(ends[0]), stop(ends[1]);
                  {
                      const StopSignals signals([&] { (void)!::write(stop.get(), "1", 1); });
                      ::kill(::getpid(), SIGTERM);
                      char byte;
                      (void)!::read(stopped.get(), &byte, 1);
                      ::kill(::getpid(), SIGINT);
                      ::kill(::getpid(), SIGTERM);
                  }
                  pollfd more{stopped.get(), POLLIN, 0};
                  tell(::poll(&more, 1, 0) == 0 ? 'o' : 'm');  // once, more
                  return 0;
              }),
              0);
    EXPECT_EQ(told(), "o");
}

}  // namespace
}  // namespace twofold::fs

#include "fs/fuse/stop_signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

#include "base/log.h"

namespace twofold::fs {
namespace {

sigset_t stopping_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, signal);
    return set;
}

void serve_signals(int signals, int end, const std::function<void()>& stop) {
    bool stopped = false;
    while (true) {
        pollfd fds[] = {{signals, POLLIN, 0}, {end, POLLIN, 0}};
        if (::poll(fds, 2, -1) < 0 && errno != EINTR) return;
        if ((fds[1].revents & POLLIN) != 0) return;
        signalfd_siginfo info{};
        if ((fds[0].revents & POLLIN) == 0) continue;
        if (::read(signals, &info, sizeof info) != sizeof info) continue;
        if (stopped) {
            log::info("signal {}: stopping already; what was written is being made safe",
                      info.ssi_signo);
            continue;
        }
        stopped = true;
        stop();
    }
}

}  // namespace

void StopSignals::block() {
    const sigset_t set = stopping_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

StopSignals::StopSignals(std::function<void()> stop) {
    block();
    const sigset_t set = stopping_signals();
    signals_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    end_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
    TF_CHECK(signals_ && end_);
    thread_ = std::thread([signals = signals_.get(), end = end_.get(), call = std::move(stop)] {
        serve_signals(signals, end, call);
    });
}

StopSignals::~StopSignals() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t told = ::write(end_.get(), &one, sizeof one);
    thread_.join();
}

}  // namespace twofold::fs

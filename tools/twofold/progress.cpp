#include "tools/twofold/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tools/twofold/output.h"

namespace twofold::cli {
namespace {

constexpr std::chrono::milliseconds kDrawEvery{100};
constexpr std::size_t kBarWidth = 30;

}  // namespace

Progress::Progress(const Clock& clock, std::string what, std::uint64_t total)
    : clock_(clock),
      what_(std::move(what)),
      total_(std::max<std::uint64_t>(total, 1)),
      shown_(::isatty(STDERR_FILENO) == 1),
      start_(clock.monotonic()) {}

Progress::~Progress() {
    if (shown_) std::fputs("\r\033[K", stderr);
}

void Progress::at(std::uint64_t done) {
    if (!shown_) return;
    const auto now = clock_.monotonic();
    if (done < total_ && now - drawn_ < kDrawEvery) return;
    drawn_ = now;
    draw(std::min(done, total_), now);
}

void Progress::draw(std::uint64_t done, std::chrono::nanoseconds now) {
    const double part = static_cast<double>(done) / static_cast<double>(total_);
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const auto filled = static_cast<std::size_t>(part * kBarWidth);
    const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
    const auto left =
        rate > 0 ? static_cast<std::uint64_t>(static_cast<double>(total_ - done) / rate) : 0;
    const std::string line =
        fmt::format("\r{} [{}{}] {:3.0f}%  {}/s  {}:{:02} left\033[K", what_,
                    std::string(filled, '#'), std::string(kBarWidth - filled, ' '), part * 100,
                    human_size(static_cast<std::uint64_t>(rate)), left / 60, left % 60);
    std::fputs(line.c_str(), stderr);
}

}  // namespace twofold::cli

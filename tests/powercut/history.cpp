#include "tests/powercut/history.h"

#include <algorithm>
#include <cstring>

#include "tests/powercut/medium.h"

namespace twofold::powercut {
namespace {

using fs::kBlockSize;
using Kind = Operation::Kind;

constexpr std::size_t kPiece = 16;  // u64 version, u64 place

std::uint64_t sum_of(const History::Prints& prints) {
    std::uint64_t sum = 0;
    for (std::size_t b = 0; b < prints.size(); ++b) sum += mix(b, prints[b]);
    return sum;
}

// Of the 16 bytes at `place`: the version; 0 for zeros; nothing for what nobody wrote there.
std::optional<std::uint64_t> version_at(std::uint64_t place, Bytes piece) {
    Reader r(piece);
    const std::uint64_t version = r.u64_le();
    const std::uint64_t found = r.u64_le();
    if (version == 0 && found == 0) return 0;
    if (found != place) return std::nullopt;
    return version;
}

}  // namespace

void make_contents(std::uint64_t version, std::uint64_t offset, MutableBytes out) {
    while (!out.empty()) {
        const std::array<std::uint64_t, 2> piece{version, offset / kPiece * kPiece};
        const std::size_t within = offset % kPiece;
        const std::size_t count = std::min(kPiece - within, out.size());
        std::memcpy(out.data(), reinterpret_cast<const std::byte*>(piece.data()) + within, count);
        offset += count;
        out = out.subspan(count);
    }
}

std::string describe_block(std::uint64_t block, Bytes contents) {
    std::string text;
    std::optional<std::uint64_t> last;
    int parts = 0;
    for (std::size_t at = 0; at < contents.size(); at += kPiece) {
        const auto version = version_at(block * kBlockSize + at, contents.subspan(at, kPiece));
        if (!version) {
            // A write may begin or end amid a piece.
            if (at != 0 && parts < 3) continue;
            return text.empty() ? "foreign bytes" : text + ", then foreign bytes";
        }
        if (last == version) continue;
        last = version;
        if (++parts > 6) return text + ", ...";
        if (!text.empty()) text += fmt::format(", from byte {} on ", at);
        text += *version == 0 ? "zeros" : fmt::format("version {}", *version);
    }
    return text;
}

History::History(std::uint64_t blocks) : contents_(blocks * kBlockSize) {
    states_.emplace_back(blocks);
    append(0, blocks);
    states_.erase(states_.begin());
    sums_.erase(sums_.begin(), sums_.end() - 1);
}

History History::from(Bytes contents) {
    History history(0);
    history.contents_.assign(contents.begin(), contents.end());
    history.states_ = {prints_of(contents)};
    history.sums_ = {sum_of(history.states_[0])};
    return history;
}

std::size_t History::append(std::uint64_t first_block, std::uint64_t end_block) {
    states_.push_back(states_.back());
    for (std::uint64_t b = first_block; b < end_block; ++b)
        states_.back()[b] = fingerprint(Bytes(contents_).subspan(b * kBlockSize, kBlockSize));
    sums_.push_back(sum_of(states_.back()));
    return newest();
}

std::size_t History::write(std::uint64_t offset, Bytes data) {
    std::memcpy(contents_.data() + offset, data.data(), data.size());
    return append(offset / kBlockSize, (offset + data.size() + kBlockSize - 1) / kBlockSize);
}

std::size_t History::zero(std::uint64_t offset, std::uint64_t length) {
    std::memset(contents_.data() + offset, 0, length);
    return append(offset / kBlockSize, (offset + length + kBlockSize - 1) / kBlockSize);
}

std::size_t History::becomes(Bytes contents) {
    contents_.assign(contents.begin(), contents.end());
    return append(0, blocks());
}

History::Prints History::prints_of(Bytes contents) {
    Prints prints(contents.size() / kBlockSize);
    for (std::size_t b = 0; b < prints.size(); ++b)
        prints[b] = fingerprint(contents.subspan(b * kBlockSize, kBlockSize));
    return prints;
}

std::optional<std::size_t> History::explain(const Prints& prints, Window window) const {
    const std::uint64_t sum = sum_of(prints);
    for (std::size_t i = window.to + 1; i-- > window.from;)
        if (sums_[i] == sum && states_[i] == prints) return i;
    return std::nullopt;
}

bool History::held(std::uint64_t block, Bytes contents, Window window) const {
    const std::uint64_t print = fingerprint(contents);
    for (std::size_t i = window.from; i <= window.to; ++i)
        if (states_[i][block] == print) return true;
    return false;
}

std::string History::why_not(Bytes contents, Window window) const {
    const Prints prints = prints_of(contents);
    for (std::uint64_t b = 0; b < prints.size(); ++b) {
        const Bytes found = contents.subspan(b * kBlockSize, kBlockSize);
        std::string before;
        bool legal = false;
        for (std::size_t i = 0; i <= newest(); ++i) {
            if (states_[i][b] != prints[b]) continue;
            legal = legal || (i >= window.from && i <= window.to);
            before = fmt::format(", which it held in state {}", i);
        }
        if (!legal)
            return fmt::format("block {}: found {}{}; legal are its contents in states {} to {}", b,
                               describe_block(b, found), before, window.from, window.to);
    }
    std::string text =
        fmt::format("no prefix: no state of {} to {} has all blocks so:", window.from, window.to);
    for (std::uint64_t b = 0; b < std::min<std::uint64_t>(prints.size(), 32); ++b)
        text += fmt::format(" [{}] {};", b,
                            describe_block(b, contents.subspan(b * kBlockSize, kBlockSize)));
    return text;
}

Window History::after_power_cut(std::span<const Operation> operations) {
    Window window;
    for (const Operation& operation : operations) {
        if (!operation.is_mark()) continue;
        window.to = std::max<std::size_t>(window.to, operation.value);
        if (operation.kind == Kind::synced)
            window.from = std::max<std::size_t>(window.from, operation.value);
    }
    return window;
}

Window History::after_kill(std::span<const Operation> operations) {
    Window window;
    for (const Operation& operation : operations) {
        if (!operation.is_mark()) continue;
        window.to = std::max<std::size_t>(window.to, operation.value);
        if (operation.kind != Kind::began)
            window.from = std::max<std::size_t>(window.from, operation.value);
    }
    return window;
}

}  // namespace twofold::powercut

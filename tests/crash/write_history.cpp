#include "tests/crash/write_history.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <unordered_map>

#include "base/unique_fd.h"

namespace twofold::crash {

std::uint64_t word_of(std::uint64_t block, Stamp stamp, std::size_t index) {
    if (stamp == 0) return 0;
    if (index == 0) return stamp;
    if (index == 1) return block;
    std::uint64_t x = (stamp * 0x9e3779b97f4a7c15 ^ block) + index * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;  // splitmix64's finaliser
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

void fill(Words out, std::uint64_t block, Stamp stamp) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = word_of(block, stamp, i);
}

namespace {

constexpr std::size_t kViolationsMax = 20;

constexpr Stamp kTorn = ~Stamp{0};  // the block holds what TornBlocks says

// All that a block may have held since the last look, the oldest first.
struct Value {
    Stamp stamp;
    const Write* write;  // null: found at the last look
    bool safe;
};
struct Found {
    std::size_t oldest, newest;  // values that explain the block; more than one only for zeros
    bool torn = false;
};

class Verifier {
public:
    Verifier(std::vector<Stamp>& stamps, TornBlocks& torn,
             const std::vector<const WriterLog*>& logs)
        : stamps_(stamps), torn_(torn) {
        for (const WriterLog* log : logs)
            for (std::size_t i = 0; i < log->writes().size(); ++i) {
                const Write& write = log->writes()[i];
                for (std::uint64_t b = write.first; b < write.first + write.count; ++b)
                    values_of(b).push_back({write.stamp, &write, i < log->safe()});
            }
    }

    void look(std::uint64_t block, ConstWords words) {
        ++verdict_.blocks;
        const auto changed = values_.find(block);
        if (changed == values_.end()) {
            if (!holds(words, block, stamps_[block]))
                complain(block, words, "untouched, and changed");
            return;
        }
        const std::vector<Value>& values = changed->second;
        std::size_t floor = values.size() - 1;
        while (floor > 0 && !values[floor].safe) --floor;
        verdict_.safe_blocks += values[floor].safe ? 1 : 0;
        const auto found = find(block, words, values, floor);
        if (!found) return complain(block, words, explain(words, values, floor));
        verdict_.torn_in_cache += found->torn ? 1 : 0;
        note(values, *found);
        found_.emplace(block, *found);
        stamps_[block] = found->torn ? kTorn : values[found->newest].stamp;
        torn_.erase(block);
        if (found->torn) torn_[block].assign(words.begin(), words.end());
    }

    Verdict finish() {
        check_whole_writes();
        check_prefix();
        return std::move(verdict_);
    }

private:
    std::vector<Value>& values_of(std::uint64_t block) {
        std::vector<Value>& values = values_[block];
        if (values.empty()) values.push_back({stamps_[block], nullptr, false});
        return values;
    }
    void complain(const std::string& line) {
        if (verdict_.violations.size() < kViolationsMax) verdict_.violations.push_back(line);
    }
    void complain(std::uint64_t block, ConstWords words, const std::string& why) {
        complain(fmt::format("D1: block {}: {} (its first words: {:x} {:x})", block, why, words[0],
                             words[1]));
    }
    static std::string explain(ConstWords words, const std::vector<Value>& values,
                               std::size_t floor) {
        for (std::size_t i = 0; i < floor; ++i)
            if (words[0] == values[i].stamp)
                return fmt::format("older than what was synced: value {} of {}, synced {}", i,
                                   values.size() - 1, floor);
        for (std::size_t i = floor; i < values.size(); ++i)
            if (words[0] == values[i].stamp) return fmt::format("a mixture with value {}", i);
        return "nobody wrote this";
    }
    std::uint64_t word(std::uint64_t block, Stamp stamp, std::size_t index) const {
        return stamp == kTorn ? torn_.at(block)[index] : word_of(block, stamp, index);
    }
    bool holds(ConstWords words, std::uint64_t block, Stamp stamp) const {
        for (std::size_t i = 0; i < words.size(); ++i)
            if (words[i] != word(block, stamp, i)) return false;
        return true;
    }
    std::optional<Found> find(std::uint64_t block, ConstWords words,
                              const std::vector<Value>& values, std::size_t floor) const {
        std::optional<Found> found;
        for (std::size_t i = floor; i < values.size(); ++i)
            if (holds(words, block, values[i].stamp)) found = Found{found ? found->oldest : i, i};
        if (found || !is_torn(block, words, values, floor)) return found;
        return Found{floor, values.size() - 1, true};
    }
    bool is_torn(std::uint64_t block, ConstWords words, const std::vector<Value>& values,
                 std::size_t floor) const {
        for (std::size_t i = floor + 1; i < values.size(); ++i)
            if (values[i].write->path != Path::cached) return false;
        for (std::size_t i = 0; i < words.size(); ++i)
            if (std::none_of(
                    values.begin() + static_cast<std::ptrdiff_t>(floor), values.end(),
                    [&](const Value& value) { return words[i] == word(block, value.stamp, i); }))
                return false;
        return values.size() - floor > 1;
    }
    void note(const std::vector<Value>& values, const Found& found) {
        const Write* in = values[found.oldest].write;  // a torn block: the safe one
        if (in != nullptr && in->began > newest_in_) newest_in_ = in->began, newest_ = in;
        for (std::size_t i = found.newest + 1; i < values.size(); ++i) {
            const Write* out = values[i].write;
            ++verdict_.lost_blocks;
            if (out->path != Path::cached && out->ended < oldest_out_)
                oldest_out_ = out->ended, oldest_ = out;
        }
    }
    static std::string name(const Write& write) {
        return fmt::format("write of blocks {}+{} (ticks {} to {})", write.first, write.count,
                           write.began, write.ended == Write::kNever ? 0 : write.ended);
    }
    // A block shows exactly this write: then every block of it must, or a later one.
    void check_whole_writes() {
        for (const auto& [block, found] : found_) {
            const std::vector<Value>& values = values_.at(block);
            const Write* write = values[found.newest].write;
            if (found.oldest != found.newest || write == nullptr || write->path != Path::direct)
                continue;
            for (std::uint64_t b = write->first; b < write->first + write->count; ++b)
                if (!reached(b, *write))
                    complain(fmt::format("D2: {}: block {} of it is there, block {} is not",
                                         name(*write), block, b));
        }
    }
    bool reached(std::uint64_t block, const Write& write) const {
        const auto found = found_.find(block);
        if (found == found_.end()) return true;  // complained of already
        const std::vector<Value>& values = values_.at(block);
        for (std::size_t i = found->second.newest + 1; i < values.size(); ++i)
            if (values[i].write == &write) return false;
        return true;
    }
    void check_prefix() {
        if (oldest_ == nullptr || newest_ == nullptr || oldest_out_ > newest_in_) return;
        complain(
            fmt::format("D2: {} is missing, though it had ended before the {} began, which is "
                        "there",
                        name(*oldest_), name(*newest_)));
    }

    std::vector<Stamp>& stamps_;
    TornBlocks& torn_;
    std::unordered_map<std::uint64_t, std::vector<Value>> values_;
    std::unordered_map<std::uint64_t, Found> found_;
    std::uint64_t newest_in_ = 0, oldest_out_ = Write::kNever;
    const Write *newest_ = nullptr, *oldest_ = nullptr;
    Verdict verdict_;
};

}  // namespace

Result<Verdict> DiskHistory::verify(const std::vector<const WriterLog*>& logs,
                                    const ReadBlocks& read) {
    constexpr std::uint64_t kAtOnce = 256;
    Verifier verifier(stamps_, torn_, logs);
    std::vector<std::uint64_t> words(kAtOnce * fs::kBlockSize / 8);
    for (std::uint64_t first = 0; first < blocks(); first += kAtOnce) {
        const std::uint64_t count = std::min(kAtOnce, blocks() - first);
        TF_TRY(read(first,
                    std::as_writable_bytes(std::span(words).first(count * fs::kBlockSize / 8))));
        for (std::uint64_t i = 0; i < count; ++i)
            verifier.look(first + i,
                          ConstWords(words.data() + i * fs::kBlockSize / 8, fs::kBlockSize / 8));
    }
    return verifier.finish();
}

Result<Verdict> DiskHistory::verify_file(const std::vector<const WriterLog*>& logs,
                                         const std::string& path) {
    const UniqueFd disk(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!disk) return fail_errno(errno, path);
    return verify(logs, [&](std::uint64_t first, MutableBytes out) -> Result<void> {
        const ssize_t got =
            ::pread(disk.get(), out.data(), out.size(), static_cast<off_t>(first * fs::kBlockSize));
        if (got == static_cast<ssize_t>(out.size())) return {};
        return fail_errno(got < 0 ? errno : EIO, fmt::format("read of block {} on", first));
    });
}

}  // namespace twofold::crash

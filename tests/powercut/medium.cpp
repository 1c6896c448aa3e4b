#include "tests/powercut/medium.h"

#include <algorithm>
#include <cstring>

namespace twofold::powercut {
namespace {

using Kind = Operation::Kind;

alignas(64) constexpr std::array<std::byte, 4096> kZeros{};

}  // namespace

std::string_view name_of(Level level) {
    switch (level) {
        case Level::t4k:
            return "T4K";
        case Level::t512:
            return "T512";
        case Level::tg:
            return "TG";
    }
    return "?";
}

std::optional<Level> find_level(std::string_view name) {
    for (const Level level : {Level::t4k, Level::t512, Level::tg})
        if (name_of(level) == name) return level;
    return std::nullopt;
}

// The finalizer of splitmix64 (Vigna, public domain).
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    std::uint64_t z = a + b * 0x9e3779b97f4a7c15 + 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

// Four lanes of multiplication, so that the processor can do them side by side.
std::uint64_t fingerprint(Bytes bytes, std::uint64_t seed) {
    std::array<std::uint64_t, 4> lanes{seed + 1, seed + 2, seed + 3, seed + 4};
    std::size_t done = 0;
    for (; done + 32 <= bytes.size(); done += 32) {
        std::array<std::uint64_t, 4> words;
        std::memcpy(words.data(), bytes.data() + done, 32);
        for (std::size_t i = 0; i < 4; ++i) {
            lanes[i] = (lanes[i] ^ words[i]) * 0x9fb21c651e98df25;
            lanes[i] ^= lanes[i] >> 29;
        }
    }
    std::uint64_t all = bytes.size();
    for (const std::uint64_t lane : lanes) all = mix(all, lane);
    for (; done < bytes.size(); ++done) all = mix(all, std::to_integer<std::uint64_t>(bytes[done]));
    return all;
}

void Medium::start(const Overlay& start, std::uint64_t content) {
    durable_.reset(&start);
    content_ = content;
    pending_.clear();
    covered_ = 0;
    synced_ = collected_ = false;
}

void Medium::fork(const Medium& other) {
    start(other.durable_, other.content_);
    pending_ = other.pending_;
}

void Medium::feed(const Operation& operation) {
    switch (operation.kind) {
        case Kind::write:
        case Kind::punch:
            pending_.push_back(operation);
            collected_ = false;
            break;
        case Kind::resize:
            durable_.resize(operation.offset);
            break;
        case Kind::sync_begin:
            covered_ = pending_.size();
            break;
        case Kind::sync_end:
            for (std::size_t i = 0; i < covered_; ++i) make_durable(pending_[i]);
            pending_.erase(pending_.begin(),
                           pending_.begin() + static_cast<std::ptrdiff_t>(covered_));
            covered_ = 0;
            synced_ = true;
            collected_ = false;
            break;
        default:
            break;
    }
}

// The fingerprint of all contents is a sum over units, so that it can follow each change.
void Medium::make_durable(const Operation& operation) {
    const std::size_t size = unit_size(level_);
    const auto count = [&](std::uint64_t sign) {
        for (std::uint64_t at = operation.offset; at < operation.offset + operation.length;
             at += size)
            content_ += sign * mix(at / size, fingerprint(Bytes(durable_.at(at), size)));
    };
    count(~std::uint64_t{0});  // minus
    if (operation.kind == Kind::write)
        durable_.write(operation.offset, Bytes(operation.data, operation.length));
    else
        durable_.zero(operation.offset, operation.length);
    count(1);
}

void Medium::show(Overlay& into) const {
    for (const Operation& operation : pending_) {
        if (operation.kind == Kind::write)
            into.write(operation.offset, Bytes(operation.data, operation.length));
        else
            into.zero(operation.offset, operation.length);
    }
}

std::span<const Medium::Unit> Medium::units() const {
    if (!collected_) collect();
    collected_ = true;
    return units_;
}

void Medium::collect() const {
    const std::size_t size = unit_size(level_);
    struct Written {
        std::uint64_t number;
        std::uint32_t writer;
    };
    std::vector<Written> written;
    for (std::uint32_t i = 0; i < pending_.size(); ++i) {
        const Operation& operation = pending_[i];
        TF_CHECK(operation.offset % size == 0 && operation.length % size == 0);
        for (std::uint64_t at = 0; at < operation.length; at += size)
            written.push_back({(operation.offset + at) / size, i});
    }
    std::sort(written.begin(), written.end(), [](const Written& a, const Written& b) {
        return a.number != b.number ? a.number < b.number : a.writer < b.writer;
    });
    units_.clear();
    values_.clear();
    for (std::size_t i = 0; i < written.size();) {
        const std::uint64_t number = written[i].number;
        const auto first = static_cast<std::uint32_t>(values_.size());
        std::uint32_t newest = 0;
        const auto add = [&](const std::byte* data, std::uint32_t writer) {
            const std::uint64_t print = fingerprint(Bytes(data, size));
            for (newest = 0; first + newest < values_.size(); ++newest)
                if (values_[first + newest].fingerprint == print) return;
            values_.push_back({data, print, writer});
        };
        add(durable_.at(number * size), kNobody);
        for (; i < written.size() && written[i].number == number; ++i) {
            const Operation& operation = pending_[written[i].writer];
            add(operation.kind == Kind::write ? operation.data + (number * size - operation.offset)
                                              : kZeros.data(),
                written[i].writer);
        }
        const auto count = static_cast<std::uint32_t>(values_.size()) - first;
        TF_CHECK(count < 255);
        if (count > 1 || level_ == Level::tg) units_.push_back({number, first, count, newest});
    }
}

}  // namespace twofold::powercut

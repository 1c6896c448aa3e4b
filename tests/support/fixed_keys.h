#pragma once

#include <array>
#include <map>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "keyring/crypto/key_source.h"
#include "keyring/crypto/random.h"
#include "tests/support/matchers.h"

namespace twofold {

// A key source for tests without a vault: one fixed DEK a layer. Its records say in plain text
// which fixed DEK they stand for, which no real one may.
class InsecureTestKeys final : public crypto::KeySource {
public:
    // DEK 1 is 32 bytes of 0x11, DEK 2 of 0x22; other fills make other keys.
    explicit InsecureTestKeys(std::uint8_t fill1 = 0x11, std::uint8_t fill2 = 0x22)
        : fills_{fill1, fill2} {}

    Result<crypto::SecretBytes> unwrap(crypto::Layer layer,
                                       const crypto::Envelope& envelope) override {
        ++unwraps;
        if (unusable) return fail(*unusable, "test key: unusable");
        const auto refused = refused_records.find(std::string(as_text(envelope.record)));
        if (refused != refused_records.end()) return fail(refused->second, "test record: refused");
        if (envelope.record.size() < record_of(layer).size() ||
            !as_text(envelope.record).starts_with(as_text(Bytes(record_of(layer)))))
            return fail(Errc::wrong_key, "test key: another record");
        return key(layer);
    }
    Result<Current> current(crypto::Layer layer) override {
        if (unusable) return fail(*unusable, "test key: unusable");
        TF_ASSIGN(auto dek, key(layer));
        return Current{std::move(dek), crypto::Envelope{1, name(layer), record_of(layer)}};
    }

    crypto::DekName name(crypto::Layer layer) const {
        crypto::DekName out;
        out.id.bytes.fill(std::byte{fills_[index(layer)]});
        if (layer == crypto::Layer::two) out.id.bytes[0] = std::byte{0xd2};
        return out;
    }
    // What an envelope record of this source starts with; a test may append to it.
    std::vector<std::byte> record_of(crypto::Layer layer) const {
        const std::string text = R"({"kid":"test-layer)" + std::to_string(int(layer)) +
                                 R"(","fill":)" + std::to_string(fills_[index(layer)]) + "}";
        const Bytes bytes = as_bytes(text);
        return {bytes.begin(), bytes.end()};
    }

    std::optional<Errc> unusable;                 // every call fails with it
    std::map<std::string, Errc> refused_records;  // unwrap of this very record fails
    int unwraps = 0;

private:
    static std::size_t index(crypto::Layer layer) { return layer == crypto::Layer::one ? 0 : 1; }
    Result<crypto::SecretBytes> key(crypto::Layer layer) const {
        TF_ASSIGN(auto out, crypto::SecretBytes::zeroed(32));
        std::ranges::fill(out.reveal_mutable(), std::byte{fills_[index(layer)]});
        return out;
    }
    std::array<std::uint8_t, 2> fills_;
};

// Bytes that follow from a seed, so that a run can be repeated: splitmix64 (Vigna, public domain).
class SeededRandom final : public crypto::RandomSource {
public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
    Result<void> fill(MutableBytes out) override {
        const std::lock_guard lock(mutex_);
        for (std::byte& b : out) b = static_cast<std::byte>(next() >> 56);
        return {};
    }

private:
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    std::mutex mutex_;
    std::uint64_t state_;
};

class FixedClock final : public Clock {
public:
    UnixSeconds now() const override { return seconds; }
    std::chrono::nanoseconds monotonic() const override { return passed; }
    UnixSeconds seconds = 1'700'000'000;
    std::chrono::nanoseconds passed{0};
};

}  // namespace twofold

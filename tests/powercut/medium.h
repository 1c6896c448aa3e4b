#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tests/powercut/trace.h"

namespace twofold::powercut {

// How finely a power cut tears, from mild to harsh; each level can leave what those before it can.
enum class Level : std::uint8_t {
    t4k,   // sectors of 4 KiB, never torn: pure ordering
    t512,  // units of 512 bytes: a sector may be any mixture of old and new
    tg,    // and what was written since the last sync may be garbage
};
std::string_view name_of(Level level);  // "TG"
std::optional<Level> find_level(std::string_view name);
constexpr std::size_t unit_size(Level level) { return level == Level::t4k ? 4096 : 512; }

// Bits that tell contents apart. Not for adversaries.
std::uint64_t fingerprint(Bytes bytes, std::uint64_t seed = 0);
std::uint64_t mix(std::uint64_t a, std::uint64_t b);

// A store between two moments: what is durable, and what was written beyond that. It is fed the
// operations one by one; a sync makes durable what was written before it *began*, and what is
// written meanwhile is as free as what comes later.
class Medium {
public:
    explicit Medium(Level level) : level_(level) {}

    // Everything in `start`, which must not change meanwhile, is durable. `content`: its
    // fingerprint, whatever that is.
    void start(const Overlay& start, std::uint64_t content = 0);
    // As `other`, which must not change meanwhile; its pending operations, too.
    void fork(const Medium& other);
    void feed(const Operation& operation);
    void feed(std::span<const Operation> operations) {
        for (const Operation& operation : operations) feed(operation);
    }

    Level level() const { return level_; }
    const Overlay& durable() const { return durable_; }
    std::uint64_t content() const { return content_; }  // fingerprint of what is durable
    bool synced_once() const { return synced_; }        // since start() or fork()
    // Writes what the page cache shows: everything that was issued.
    void show(Overlay& into) const;

    // One of the places that may hold more than one value. values[0] is the durable one, then the
    // versions written since, oldest first, without repetitions.
    struct Value {
        const std::byte* data;
        std::uint64_t fingerprint;
        std::uint32_t writer;  // index into pending(); kNobody for the durable one
    };
    static constexpr std::uint32_t kNobody = ~std::uint32_t{0};
    struct Unit {
        std::uint64_t number;  // offset / unit size
        std::uint32_t first, count;
        std::uint32_t newest;  // which of its values the cache shows
    };
    // Sorted by number. With Level::tg units with one value count, too: they may become garbage.
    std::span<const Unit> units() const;
    std::span<const Value> values(const Unit& unit) const {
        return std::span(values_).subspan(unit.first, unit.count);
    }
    std::span<const Operation> pending() const { return pending_; }  // writes and punches

private:
    void make_durable(const Operation& operation);
    void collect() const;

    Level level_;
    Overlay durable_;
    std::uint64_t content_ = 0;
    std::vector<Operation> pending_;
    std::size_t covered_ = 0;  // by the sync under way
    bool synced_ = false;
    mutable bool collected_ = false;  // the two below are up to date
    mutable std::vector<Unit> units_;
    mutable std::vector<Value> values_;
};

}  // namespace twofold::powercut

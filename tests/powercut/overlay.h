#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace twofold::powercut {

// Memory that is handed out piece by piece and taken back as a whole. What was handed out does not
// move.
class Arena {
public:
    MutableBytes take(std::size_t size);
    void clear();  // keeps the memory

private:
    static constexpr std::size_t kChunk = std::size_t{256} << 10;
    struct Chunk {
        std::unique_ptr<std::byte[]> bytes;
        std::size_t size = 0;
    };
    std::vector<Chunk> chunks_;
    std::size_t current_ = 0;  // the chunk that is being handed out
    std::size_t used_ = 0;     // bytes of it
};

// The contents of an image as sectors of its own above those of another overlay, which must not
// change meanwhile. A crash state is an overlay on what was durable, and what recovery writes is
// one on that: nothing is ever copied but the sectors that differ. Flat: one pointer for each
// sector of the image. Not thread-safe.
class Overlay {
public:
    static constexpr std::size_t kSector = 4096;

    explicit Overlay(const Overlay* below = nullptr) { reset(below); }
    Overlay(const Overlay&) = delete;
    Overlay& operator=(const Overlay&) = delete;

    // Nothing of its own any more; what lies below is `below`, or zeros without end.
    void reset(const Overlay* below);

    std::uint64_t size() const { return size_; }
    void resize(std::uint64_t size);
    // 4096 bytes.
    const std::byte* sector(std::uint64_t index) const;
    // Inside one sector.
    const std::byte* at(std::uint64_t offset) const {
        return sector(offset / kSector) + offset % kSector;
    }
    void read(std::uint64_t offset, MutableBytes out) const;
    void write(std::uint64_t offset, Bytes data);
    void zero(std::uint64_t offset, std::uint64_t length);

private:
    std::byte* own(std::uint64_t index);
    void own_all(const std::byte* page, std::uint64_t index);

    const Overlay* below_ = nullptr;
    std::uint64_t size_ = 0;
    std::vector<const std::byte*> own_;   // by sector; null: look below
    std::vector<std::uint64_t> touched_;  // the sectors of own_ that are not null
    Arena pages_;
};

}  // namespace twofold::powercut

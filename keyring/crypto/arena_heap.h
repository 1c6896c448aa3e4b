#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "base/bytes.h"

namespace twofold::crypto {

// An allocator over one region of memory. It is simple rather than fast: free blocks in lists by
// power of two, neighbours joined at once, one lock. What it hands out is zero and aligned to 16
// bytes; what comes back is wiped at once. Each block lies between check values that depend on its
// place, so that an overrun, a double free or a foreign pointer stops the program in free().
// Thread-safe.
class ArenaHeap {
public:
    // `region` is all zero, aligned to 16 bytes, of less than 4 GiB, and outlives the heap.
    // `secret` makes the check values unpredictable.
    ArenaHeap(MutableBytes region, std::uint64_t secret);

    void* allocate(std::size_t size) noexcept;    // nullptr for size 0, and when nothing fits
    void free(void* pointer) noexcept;            // nullptr is allowed
    std::size_t size_of(void* pointer) noexcept;  // as asked for

    std::size_t used() const;     // bytes handed out now, headers and padding included
    std::size_t highest() const;  // the most ever

private:
    struct Block;
    struct Links;
    static constexpr std::size_t kBins = 32;

    Block* at(std::size_t offset) const;
    std::size_t offset_of(const Block* block) const;
    Block* behind(Block* block) const;
    Block* block_of(void* pointer) const;
    std::uint32_t check_of(const Block* block) const;
    std::uint64_t tail_of(const Block* block) const;
    Block* find(std::size_t size) const;
    void give(Block* block, std::size_t size, std::size_t wanted);
    void list(Block* block);
    void unlist(Block* block);
    void set_size(Block* block, std::size_t size);

    MutableBytes region_;
    const std::uint64_t secret_;
    mutable std::mutex mutex_;  // guards everything below and in the region
    std::array<std::uint32_t, kBins>
        bins_{};  // first free block of each size, as offset; 0 is none
    std::size_t used_ = 0;
    std::size_t highest_ = 0;
};

}  // namespace twofold::crypto

#include "keyring/crypto/arena_heap.h"

#include <algorithm>
#include <bit>
#include <cstring>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(begin, size) (static_cast<void>(begin), static_cast<void>(size))
#define ASAN_UNPOISON_MEMORY_REGION(begin, size) (static_cast<void>(begin), static_cast<void>(size))
#endif

namespace twofold::crypto {

namespace {
constexpr std::size_t kUnit = 16;  // sizes and addresses of blocks are multiples of it
constexpr std::size_t kTailSize = sizeof(std::uint64_t);

constexpr std::size_t round_up(std::size_t n) { return (n + kUnit - 1) / kUnit * kUnit; }
std::size_t bin_of(std::size_t size) { return static_cast<std::size_t>(std::bit_width(size)) - 1; }
}  // namespace

// In front of each block, free or not. The region is covered by blocks without gaps; before the
// first and behind the last one stands a block of one unit that is never free.
struct ArenaHeap::Block {
    std::uint32_t check;   // of the other three and the place; only while in use
    std::uint32_t size;    // this header included
    std::uint32_t before;  // size of the block in front
    std::uint32_t wanted;  // bytes asked for; 0: free

    std::byte* payload() { return reinterpret_cast<std::byte*>(this + 1); }
    std::size_t payload_size() const { return size - sizeof(Block); }
};

// In the payload of a free block: its neighbours in the list, as offsets.
struct ArenaHeap::Links {
    std::uint32_t next;
    std::uint32_t previous;
};

ArenaHeap::ArenaHeap(MutableBytes region, std::uint64_t secret) : region_(region), secret_(secret) {
    static_assert(sizeof(Block) == kUnit);
    TF_CHECK(region.size() % kUnit == 0 && region.size() >= 4 * kUnit);
    TF_CHECK(region.size() <= UINT32_MAX);
    *at(0) = {.check = 0, .size = kUnit, .before = 0, .wanted = 1};
    *at(region.size() - kUnit) = {.check = 0, .size = kUnit, .before = 0, .wanted = 1};
    Block* all = at(kUnit);
    all->before = kUnit;
    set_size(all, region.size() - 2 * kUnit);
    list(all);
}

void* ArenaHeap::allocate(std::size_t wanted) noexcept {
    if (wanted == 0 || wanted >= region_.size()) return nullptr;
    const std::size_t size = sizeof(Block) + round_up(wanted + kTailSize);
    const std::lock_guard lock(mutex_);
    Block* const block = find(size);
    if (block == nullptr) return nullptr;
    unlist(block);
    give(block, size, wanted);
    used_ += block->size;
    highest_ = std::max(highest_, used_);
    return block->payload();
}

void ArenaHeap::free(void* pointer) noexcept {
    if (pointer == nullptr) return;
    const std::lock_guard lock(mutex_);
    Block* block = block_of(pointer);
    used_ -= block->size;
    ASAN_UNPOISON_MEMORY_REGION(block->payload(), block->payload_size());
    explicit_bzero(block->payload(), block->payload_size());
    block->check = 0;
    block->wanted = 0;

    Block* const next = behind(block);
    if (next->wanted == 0) {
        unlist(next);
        set_size(block, std::size_t{block->size} + next->size);
        *next = {};
    }
    Block* const previous = at(offset_of(block) - block->before);
    if (previous->wanted == 0) {
        unlist(previous);
        set_size(previous, std::size_t{previous->size} + block->size);
        *block = {};
        block = previous;
    }
    list(block);
}

std::size_t ArenaHeap::size_of(void* pointer) noexcept {
    const std::lock_guard lock(mutex_);
    return block_of(pointer)->wanted;
}

std::size_t ArenaHeap::used() const {
    const std::lock_guard lock(mutex_);
    return used_;
}

std::size_t ArenaHeap::highest() const {
    const std::lock_guard lock(mutex_);
    return highest_;
}

// The first block in the list of its own size that is large enough, or any of a larger list.
ArenaHeap::Block* ArenaHeap::find(std::size_t size) const {
    for (std::size_t bin = bin_of(size); bin < kBins; ++bin) {
        for (std::uint32_t offset = bins_[bin]; offset != 0;) {
            Block* const block = at(offset);
            if (block->size >= size) return block;
            offset = reinterpret_cast<Links*>(block->payload())->next;
        }
    }
    return nullptr;
}

// Hands out `block`, which is in no list; what it has too much becomes a free block behind it.
void ArenaHeap::give(Block* block, std::size_t size, std::size_t wanted) {
    const std::size_t rest = block->size - size;
    if (rest >= 2 * kUnit) {  // a header and room for the links
        set_size(block, size);
        set_size(behind(block), rest);
        list(behind(block));
    }
    block->wanted = static_cast<std::uint32_t>(wanted);
    block->check = check_of(block);
    const std::uint64_t tail = tail_of(block);
    ASAN_UNPOISON_MEMORY_REGION(block->payload(), block->payload_size());
    std::memcpy(block->payload() + wanted, &tail, kTailSize);
    ASAN_POISON_MEMORY_REGION(block->payload() + wanted, block->payload_size() - wanted);
}

ArenaHeap::Block* ArenaHeap::at(std::size_t offset) const {
    return reinterpret_cast<Block*>(region_.data() + offset);
}

std::size_t ArenaHeap::offset_of(const Block* block) const {
    return static_cast<std::size_t>(reinterpret_cast<const std::byte*>(block) - region_.data());
}

ArenaHeap::Block* ArenaHeap::behind(Block* block) const {
    return at(offset_of(block) + block->size);
}

// The block in use whose payload begins at `pointer`, its check values compared.
ArenaHeap::Block* ArenaHeap::block_of(void* pointer) const {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    const auto begin = reinterpret_cast<std::uintptr_t>(region_.data());
    const bool inside = address >= begin + 2 * kUnit && address < begin + region_.size() - kUnit;
    TF_CHECK(inside && address % kUnit == 0 && "pointer of the secret arena");
    Block* const block = at(address - begin - sizeof(Block));
    TF_CHECK(block->wanted != 0 && block->check == check_of(block) &&
             "block not freed, nor overrun");
    std::uint64_t tail = 0;
    const std::byte* const end = block->payload() + block->wanted;
    ASAN_UNPOISON_MEMORY_REGION(end, kTailSize);
    std::memcpy(&tail, end, kTailSize);
    TF_CHECK(tail == tail_of(block) && "block not overrun");
    ASAN_POISON_MEMORY_REGION(end, kTailSize);
    return block;
}

// `before` is left out: it changes when the block in front is cut in two.
std::uint32_t ArenaHeap::check_of(const Block* block) const {
    const std::uint64_t mixed =
        (secret_ ^ offset_of(block) ^ (std::uint64_t{block->size} << 32)) * 0x9e3779b97f4a7c15 ^
        block->wanted;
    return static_cast<std::uint32_t>(mixed >> 32) ^ static_cast<std::uint32_t>(mixed);
}

std::uint64_t ArenaHeap::tail_of(const Block* block) const { return ~secret_ ^ offset_of(block); }

void ArenaHeap::list(Block* block) {
    const auto offset = static_cast<std::uint32_t>(offset_of(block));
    std::uint32_t& first = bins_[bin_of(block->size)];
    auto* const links = reinterpret_cast<Links*>(block->payload());
    *links = {.next = first, .previous = 0};
    if (first != 0) reinterpret_cast<Links*>(at(first)->payload())->previous = offset;
    first = offset;
    ASAN_POISON_MEMORY_REGION(block->payload() + sizeof(Links),
                              block->payload_size() - sizeof(Links));
}

// Leaves the payload all zero.
void ArenaHeap::unlist(Block* block) {
    ASAN_UNPOISON_MEMORY_REGION(block->payload(), block->payload_size());
    auto* const links = reinterpret_cast<Links*>(block->payload());
    if (links->next != 0)
        reinterpret_cast<Links*>(at(links->next)->payload())->previous = links->previous;
    if (links->previous != 0)
        reinterpret_cast<Links*>(at(links->previous)->payload())->next = links->next;
    else
        bins_[bin_of(block->size)] = links->next;
    *links = {};
}

void ArenaHeap::set_size(Block* block, std::size_t size) {
    block->size = static_cast<std::uint32_t>(size);
    behind(block)->before = block->size;
}

}  // namespace twofold::crypto

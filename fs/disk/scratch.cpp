#include "fs/disk/scratch.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

#include "keyring/crypto/secret.h"

namespace twofold::fs {
namespace {

constexpr std::size_t kPage = 4096;

}  // namespace

void ScratchPool::FreePages::operator()(std::byte* bytes) const noexcept { ::munmap(bytes, size); }

std::size_t ScratchPool::buffer_size(std::size_t units) {
    const std::size_t capacity = units <= kSmallUnits ? kSmallUnits : kUnitsMax;
    return (capacity * kSealedSize + kPage - 1) / kPage * kPage;
}

ScratchPool::Scratch ScratchPool::take(std::size_t units) {
    TF_CHECK(units >= 1 && units <= kUnitsMax);
    {
        const std::scoped_lock hold(mutex_);
        auto& kept = units <= kSmallUnits ? small_ : large_;
        if (kept.capacity() < kKept) kept.reserve(kKept);  // so that give_back can't fail
        if (!kept.empty()) {
            Buffer buffer = std::move(kept.back());
            kept.pop_back();
            return Scratch(this, std::move(buffer), units);
        }
    }
    const std::size_t size = buffer_size(units);
    void* pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    ::madvise(pages, size, MADV_DONTDUMP);  // best effort: the process is not dumpable anyway
    return Scratch(this, Buffer(static_cast<std::byte*>(pages), FreePages{size}), units);
}

void ScratchPool::give_back(Buffer buffer, std::size_t units) noexcept {
    crypto::wipe({buffer.get(), units * kSealedSize});
    const std::scoped_lock hold(mutex_);
    auto& kept = units <= kSmallUnits ? small_ : large_;
    if (kept.size() < kKept) kept.push_back(std::move(buffer));
}

ScratchPool::Scratch::~Scratch() {
    if (buffer_) pool_->give_back(std::move(buffer_), units_);
}

}  // namespace twofold::fs

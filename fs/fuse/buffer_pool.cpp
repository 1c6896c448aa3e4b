#include "fs/fuse/buffer_pool.h"

#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace twofold::fs {

BufferPool::Loan BufferPool::take() {
    {
        const std::lock_guard lock(mutex_);
        if (!free_.empty()) {
            Loan::Memory data = std::move(free_.back());
            free_.pop_back();
            return Loan(*this, std::move(data));
        }
        free_.reserve(++made_);  // so that giving back cannot fail
    }
    void* data = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) throw std::bad_alloc();
    ::madvise(data, size_, MADV_DONTDUMP);
    return Loan(*this, Loan::Memory(static_cast<std::byte*>(data), Loan::Unmap{size_}));
}

MutableBytes BufferPool::Loan::first(std::size_t size) {
    TF_CHECK(size <= data_.get_deleter().size);
    used_ = std::max(used_, size);
    return {data_.get(), size};
}

BufferPool::Loan::~Loan() {
    if (!data_) return;
    ::explicit_bzero(data_.get(), used_);
    const std::lock_guard lock(pool_->mutex_);
    pool_->free_.push_back(std::move(data_));
}

void BufferPool::Loan::Unmap::operator()(std::byte* data) const noexcept { ::munmap(data, size); }

}  // namespace twofold::fs

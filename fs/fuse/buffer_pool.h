#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/bytes.h"

namespace twofold::fs {

// Plaintext scratch: page-aligned buffers of one size that are wiped when they come back, and kept,
// as fresh pages cost more than wiped ones. As many exist as were in use at once. Thread-safe.
class BufferPool {
public:
    // A buffer on loan; goes back to its pool, which outlives it.
    class Loan {
    public:
        Loan(Loan&&) = default;
        Loan& operator=(Loan&&) = delete;
        ~Loan();
        // The first `size` bytes; only bytes handed out like this are wiped.
        MutableBytes first(std::size_t size);
        Bytes used() const { return {data_.get(), used_}; }

    private:
        friend class BufferPool;
        struct Unmap {
            std::size_t size;
            void operator()(std::byte* data) const noexcept;
        };
        using Memory = std::unique_ptr<std::byte[], Unmap>;
        Loan(BufferPool& pool, Memory data) : pool_(&pool), data_(std::move(data)) {}
        BufferPool* pool_;
        Memory data_;
        std::size_t used_ = 0;
    };

    explicit BufferPool(std::size_t buffer_size) : size_(buffer_size) {}
    Loan take();  // throws std::bad_alloc

private:
    const std::size_t size_;
    std::mutex mutex_;
    std::vector<Loan::Memory> free_;  // guarded by mutex_
    std::size_t made_ = 0;            // guarded by mutex_
};

}  // namespace twofold::fs

#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/bytes.h"
#include "fs/seal/seal.h"

namespace twofold::fs {

// Buffers in which blocks are sealed and opened: kSealedSize bytes a block. They hold plaintext, so
// each is wiped when it is given back, and left out of core dumps. A few of each size are kept for
// the next request; none is larger than what one request needs. Thread-safe.
class ScratchPool {
    struct FreePages {
        std::size_t size = 0;
        void operator()(std::byte* bytes) const noexcept;
    };
    using Buffer = std::unique_ptr<std::byte, FreePages>;

public:
    // Wiped and given back when destroyed.
    class Scratch {
    public:
        Scratch(Scratch&&) = default;
        Scratch& operator=(Scratch&&) = delete;
        ~Scratch();
        // Block i's kSealedSize bytes.
        MutableBytes unit(std::size_t i) const {
            TF_CHECK(i < units_);
            return {buffer_.get() + i * kSealedSize, kSealedSize};
        }
        std::size_t units() const { return units_; }

    private:
        friend class ScratchPool;
        Scratch(ScratchPool* pool, Buffer buffer, std::size_t units)
            : pool_(pool), buffer_(std::move(buffer)), units_(units) {}
        ScratchPool* pool_;
        Buffer buffer_;
        std::size_t units_;
    };

    // Room for `units` blocks, at most kUnitsMax. Contents are unspecified.
    Scratch take(std::size_t units);

    static constexpr std::size_t kUnitsMax = kRequestMax / kBlockSize + 1;  // unaligned: one more

private:
    static constexpr std::size_t kSmallUnits = 8;
    static constexpr std::size_t kKept = 8;  // of each size
    static std::size_t buffer_size(std::size_t units);
    void give_back(Buffer buffer, std::size_t units) noexcept;

    std::mutex mutex_;
    std::vector<Buffer> small_, large_;
};

}  // namespace twofold::fs

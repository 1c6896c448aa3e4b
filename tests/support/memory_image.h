#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>

#include "base/io/io.h"

namespace twofold {

// An image in memory that outlives the files opened on it, and can be copied: what a disk's backing
// store is to a test that cuts power, damages and reopens. Sparse. Copies share nothing.
class MemoryImage {
public:
    explicit MemoryImage(std::uint64_t size = 0) : content_(std::make_shared<Content>()) {
        content_->size = size;
    }
    MemoryImage(const MemoryImage& other) : content_(std::make_shared<Content>()) {
        const std::scoped_lock hold(other.content_->mutex);
        content_->size = other.content_->size;
        content_->sectors = other.content_->sectors;
    }
    MemoryImage& operator=(const MemoryImage& other) {
        if (this != &other) *content_ = *other.content_;
        return *this;
    }

    // A file on this image; any number at a time. Usable after the MemoryImage is gone.
    std::unique_ptr<io::File> open() const;

    // Direct access, for damage and crash states. Any range.
    void read(std::uint64_t offset, MutableBytes out) const;
    void write(std::uint64_t offset, Bytes data);
    void punch(std::uint64_t offset, std::uint64_t length);
    std::uint64_t size() const;
    void resize(std::uint64_t size);
    void flip_bit(std::uint64_t offset, int bit = 0);

private:
    static constexpr std::size_t kSector = 4096;
    struct Content {
        Content() = default;
        Content(const Content& other) : size(other.size), sectors(other.sectors) {}
        Content& operator=(const Content& other) {
            const std::scoped_lock hold(mutex);
            size = other.size;
            sectors = other.sectors;
            return *this;
        }
        mutable std::mutex mutex;  // guards all below
        std::uint64_t size = 0;
        std::map<std::uint64_t, std::array<std::byte, kSector>> sectors;

        bool inside(std::uint64_t offset, std::uint64_t length) const {
            return offset <= size && length <= size - offset;
        }
        void read(std::uint64_t offset, MutableBytes out) const;
        void write(std::uint64_t offset, Bytes data);
        void punch(std::uint64_t offset, std::uint64_t length);
        std::optional<std::uint64_t> next_data(std::uint64_t offset) const;
    };
    class OpenFile;
    std::shared_ptr<Content> content_;
};

}  // namespace twofold

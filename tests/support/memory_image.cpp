#include "tests/support/memory_image.h"

#include <algorithm>
#include <cstring>

#include "tests/support/matchers.h"

namespace twofold {

void MemoryImage::Content::read(std::uint64_t offset, MutableBytes out) const {
    while (!out.empty()) {
        const std::size_t within = offset % kSector;
        const std::size_t count = std::min(kSector - within, out.size());
        const auto sector = sectors.find(offset / kSector);
        if (sector == sectors.end())
            std::memset(out.data(), 0, count);
        else
            std::memcpy(out.data(), sector->second.data() + within, count);
        offset += count;
        out = out.subspan(count);
    }
}

void MemoryImage::Content::write(std::uint64_t offset, Bytes data) {
    size = std::max(size, offset + data.size());
    while (!data.empty()) {
        const std::size_t within = offset % kSector;
        const std::size_t count = std::min(kSector - within, data.size());
        std::memcpy(sectors[offset / kSector].data() + within, data.data(), count);
        offset += count;
        data = data.subspan(count);
    }
}

void MemoryImage::Content::punch(std::uint64_t offset, std::uint64_t length) {
    while (length > 0) {
        const std::uint64_t within = offset % kSector;
        const std::uint64_t count = std::min<std::uint64_t>(kSector - within, length);
        if (const auto sector = sectors.find(offset / kSector); sector != sectors.end()) {
            if (count == kSector)
                sectors.erase(sector);
            else
                std::memset(sector->second.data() + within, 0, count);
        }
        offset += count;
        length -= count;
    }
}

std::optional<std::uint64_t> MemoryImage::Content::next_data(std::uint64_t offset) const {
    const auto sector = sectors.lower_bound(offset / kSector);
    if (sector == sectors.end()) return std::nullopt;
    return std::max(offset, sector->first * kSector);
}

class MemoryImage::OpenFile final : public io::File {
public:
    explicit OpenFile(std::shared_ptr<Content> content) : content_(std::move(content)) {}
    Result<std::uint64_t> size() override {
        const std::scoped_lock hold(content_->mutex);
        return content_->size;
    }
    Result<void> read(std::uint64_t offset, std::span<const MutableBytes> parts) override {
        const std::scoped_lock hold(content_->mutex);
        for (const MutableBytes part : parts) {
            if (!content_->inside(offset, part.size()))
                return fail(Errc::damaged, "image in memory: ends at byte {}", content_->size);
            content_->read(offset, part);
            offset += part.size();
        }
        return {};
    }
    Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override {
        const std::scoped_lock hold(content_->mutex);
        for (const Bytes part : parts) {
            content_->write(offset, part);
            offset += part.size();
        }
        return {};
    }
    Result<void> sync() override { return {}; }
    Result<void> allocate(std::uint64_t offset, std::uint64_t length) override {
        const std::scoped_lock hold(content_->mutex);
        content_->size = std::max(content_->size, offset + length);
        return {};
    }
    Result<void> punch(std::uint64_t offset, std::uint64_t length) override {
        const std::scoped_lock hold(content_->mutex);
        content_->punch(offset, length);
        return {};
    }
    Result<void> resize(std::uint64_t size) override {
        const std::scoped_lock hold(content_->mutex);
        if (size < content_->size) content_->punch(size, content_->size - size);
        content_->size = size;
        return {};
    }
    Result<void> drop_cache() override { return {}; }
    Result<std::optional<std::uint64_t>> next_data(std::uint64_t offset) override {
        const std::scoped_lock hold(content_->mutex);
        return content_->next_data(offset);
    }

private:
    std::shared_ptr<Content> content_;
};

std::unique_ptr<io::File> MemoryImage::open() const { return std::make_unique<OpenFile>(content_); }

void MemoryImage::read(std::uint64_t offset, MutableBytes out) const {
    const std::scoped_lock hold(content_->mutex);
    content_->read(offset, out);
}

void MemoryImage::write(std::uint64_t offset, Bytes data) {
    const std::scoped_lock hold(content_->mutex);
    content_->write(offset, data);
}

void MemoryImage::punch(std::uint64_t offset, std::uint64_t length) {
    const std::scoped_lock hold(content_->mutex);
    content_->punch(offset, length);
}

std::uint64_t MemoryImage::size() const {
    const std::scoped_lock hold(content_->mutex);
    return content_->size;
}

void MemoryImage::resize(std::uint64_t size) { must(open()->resize(size)); }

void MemoryImage::flip_bit(std::uint64_t offset, int bit) {
    std::byte byte;
    read(offset, {&byte, 1});
    byte ^= static_cast<std::byte>(1 << bit);
    write(offset, {&byte, 1});
}

}  // namespace twofold

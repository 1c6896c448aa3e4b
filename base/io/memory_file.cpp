#include <map>
#include <mutex>

#include "base/io/io.h"

namespace twofold::io {
namespace {

constexpr std::size_t kPage = 4096;

// Sparse pages under one lock: simple, and fast enough for tests.
class MemoryFile final : public File {
public:
    explicit MemoryFile(std::uint64_t size) : size_(size) {}

    Result<std::uint64_t> size() override {
        const std::scoped_lock hold(mutex_);
        return size_;
    }

    Result<void> read(std::uint64_t offset, std::span<const MutableBytes> parts) override {
        const std::scoped_lock hold(mutex_);
        for (MutableBytes part : parts) {
            if (offset > size_ || part.size() > size_ - offset)
                return fail(Errc::damaged, "file ends at {}", size_);
            for (std::size_t done = 0; done < part.size();) {
                const std::size_t within = (offset + done) % kPage;
                const std::size_t count = std::min(kPage - within, part.size() - done);
                const auto page = pages_.find((offset + done) / kPage);
                if (page == pages_.end())
                    std::memset(part.data() + done, 0, count);
                else
                    std::memcpy(part.data() + done, page->second.data() + within, count);
                done += count;
            }
            offset += part.size();
        }
        return {};
    }

    Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override {
        const std::scoped_lock hold(mutex_);
        for (Bytes part : parts) {
            for (std::size_t done = 0; done < part.size();) {
                const std::size_t within = (offset + done) % kPage;
                const std::size_t count = std::min(kPage - within, part.size() - done);
                auto& page = pages_[(offset + done) / kPage];
                std::memcpy(page.data() + within, part.data() + done, count);
                done += count;
            }
            offset += part.size();
            size_ = std::max(size_, offset);
        }
        return {};
    }

    Result<void> sync() override { return {}; }

    Result<void> allocate(std::uint64_t offset, std::uint64_t length) override {
        const std::scoped_lock hold(mutex_);
        size_ = std::max(size_, offset + length);
        return {};
    }

    Result<void> punch(std::uint64_t offset, std::uint64_t length) override {
        const std::scoped_lock hold(mutex_);
        for (std::uint64_t done = 0; done < length;) {
            const std::size_t within = (offset + done) % kPage;
            const std::uint64_t count = std::min<std::uint64_t>(kPage - within, length - done);
            if (const auto page = pages_.find((offset + done) / kPage); page != pages_.end()) {
                if (count == kPage)
                    pages_.erase(page);
                else
                    std::memset(page->second.data() + within, 0, count);
            }
            done += count;
        }
        return {};
    }

    Result<void> resize(std::uint64_t size) override {
        if (size < size_) TF_TRY(punch(size, size_ - size));
        const std::scoped_lock hold(mutex_);
        size_ = size;
        return {};
    }

    Result<void> drop_cache() override { return {}; }

    Result<std::optional<std::uint64_t>> next_data(std::uint64_t offset) override {
        const std::scoped_lock hold(mutex_);
        const auto page = pages_.lower_bound(offset / kPage);
        if (page == pages_.end()) return std::optional<std::uint64_t>();
        return std::optional(std::max(offset, page->first * kPage));
    }

private:
    std::mutex mutex_;
    std::uint64_t size_;
    std::map<std::uint64_t, std::array<std::byte, kPage>> pages_;
};

}  // namespace

std::unique_ptr<File> make_memory_file(std::uint64_t size) {
    return std::make_unique<MemoryFile>(size);
}

}  // namespace twofold::io

#include "tests/support/kernel_cache.h"

namespace twofold {

class KernelCache::CachedFile final : public io::ForwardingFile {
public:
    CachedFile(std::unique_ptr<io::File> inner, KernelCache& cache)
        : ForwardingFile(std::move(inner)), cache_(cache) {}
    using ForwardingFile::read;
    using ForwardingFile::write;
    Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override {
        std::uint64_t length = 0;
        for (const Bytes part : parts) length += part.size();
        cache_.before_change(offset, length);
        return inner().write(offset, parts);
    }
    Result<void> punch(std::uint64_t offset, std::uint64_t length) override {
        cache_.before_change(offset, length);
        return inner().punch(offset, length);
    }
    Result<void> sync() override {
        cache_.synced();
        return inner().sync();
    }
    Result<void> drop_cache() override {
        cache_.drop();
        return inner().drop_cache();
    }

private:
    KernelCache& cache_;
};

std::unique_ptr<io::File> KernelCache::wrap(std::unique_ptr<io::File> file) {
    return std::make_unique<CachedFile>(std::move(file), *this);
}

void KernelCache::before_change(std::uint64_t offset, std::uint64_t length) {
    for (std::uint64_t unit = offset / kUnit; unit * kUnit < offset + length; ++unit) {
        Unit before;
        view_.read(unit * kUnit, before);
        auto& versions = dirty_[unit];
        if (const auto lost = lost_.find(unit); lost != lost_.end()) {
            versions.push_back(lost->second);
            lost_.erase(lost);
        }
        versions.push_back(before);
    }
}

void KernelCache::fail_sync() {
    for (const auto& [unit, versions] : dirty_)
        if (const std::size_t chosen = random_() % (versions.size() + 1); chosen < versions.size())
            lost_[unit] = versions[chosen];
    dirty_.clear();
}

void KernelCache::drop() {
    for (const auto& [unit, content] : lost_) view_.write(unit * kUnit, content);
    lost_.clear();
}

void KernelCache::cut_power(Keep keep) {
    drop();
    for (auto& [unit, versions] : dirty_) {
        const std::size_t chosen = keep == Keep::nothing ? 0 : random_() % (versions.size() + 1);
        if (keep == Keep::some && random_() % 64 == 0)
            for (std::byte& b : versions[0]) b = static_cast<std::byte>(random_());
        if (chosen < versions.size()) view_.write(unit * kUnit, versions[chosen]);
    }
    dirty_.clear();
}

KernelCache::Account KernelCache::account() const { return {dirty_, lost_}; }

void KernelCache::restore(const Account& account) {
    dirty_ = account.dirty;
    lost_ = account.lost;
}

}  // namespace twofold

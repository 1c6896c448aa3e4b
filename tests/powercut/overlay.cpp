#include "tests/powercut/overlay.h"

#include <algorithm>
#include <cstring>

namespace twofold::powercut {
namespace {

alignas(64) constexpr std::array<std::byte, Overlay::kSector> kZeros{};

}  // namespace

MutableBytes Arena::take(std::size_t size) {
    while (current_ < chunks_.size() && chunks_[current_].size - used_ < size) {
        ++current_;
        used_ = 0;
    }
    if (current_ == chunks_.size()) {
        const std::size_t room = std::max(size, kChunk);
        chunks_.push_back({std::make_unique<std::byte[]>(room), room});
    }
    const MutableBytes taken(chunks_[current_].bytes.get() + used_, size);
    used_ += size;
    return taken;
}

void Arena::clear() { current_ = used_ = 0; }

void Overlay::reset(const Overlay* below) {
    for (const std::uint64_t index : touched_) own_[index] = nullptr;
    touched_.clear();
    pages_.clear();
    below_ = below;
    resize(below == nullptr ? 0 : below->size_);
}

void Overlay::resize(std::uint64_t size) {
    size_ = size;
    own_.resize((size + kSector - 1) / kSector);
}

const std::byte* Overlay::sector(std::uint64_t index) const {
    for (const Overlay* overlay = this; overlay != nullptr; overlay = overlay->below_)
        if (index < overlay->own_.size() && overlay->own_[index] != nullptr)
            return overlay->own_[index];
    return kZeros.data();
}

std::byte* Overlay::own(std::uint64_t index) {
    if (own_[index] != nullptr && own_[index] != kZeros.data())
        return const_cast<std::byte*>(own_[index]);  // one of ours: pages_
    const std::byte* const old = sector(index);
    std::byte* const page = pages_.take(kSector).data();
    std::memcpy(page, old, kSector);
    own_all(page, index);
    return page;
}

void Overlay::own_all(const std::byte* page, std::uint64_t index) {
    if (own_[index] == nullptr) touched_.push_back(index);
    own_[index] = page;
}

void Overlay::read(std::uint64_t offset, MutableBytes out) const {
    while (!out.empty()) {
        const std::size_t count = std::min(kSector - offset % kSector, out.size());
        std::memcpy(out.data(), at(offset), count);
        offset += count;
        out = out.subspan(count);
    }
}

void Overlay::write(std::uint64_t offset, Bytes data) {
    if (offset + data.size() > size_) resize(offset + data.size());
    while (!data.empty()) {
        const std::size_t within = offset % kSector;
        const std::size_t count = std::min(kSector - within, data.size());
        std::memcpy(own(offset / kSector) + within, data.data(), count);
        offset += count;
        data = data.subspan(count);
    }
}

void Overlay::zero(std::uint64_t offset, std::uint64_t length) {
    while (length > 0) {
        const std::uint64_t within = offset % kSector;
        const std::uint64_t count = std::min<std::uint64_t>(kSector - within, length);
        if (count == kSector)
            own_all(kZeros.data(), offset / kSector);
        else
            std::memset(own(offset / kSector) + within, 0, count);
        offset += count;
        length -= count;
    }
}

}  // namespace twofold::powercut

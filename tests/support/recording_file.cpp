#include "tests/support/recording_file.h"

#include <algorithm>

namespace twofold {

using Kind = Operation::Kind;

std::size_t Trace::count(Operation::Kind kind) const {
    const std::scoped_lock hold(mutex_);
    return static_cast<std::size_t>(std::ranges::count(operations_, kind, &Operation::kind));
}

Result<void> RecordingFile::read(std::uint64_t offset, std::span<const MutableBytes> parts) {
    std::uint64_t length = 0;
    for (const MutableBytes part : parts) length += part.size();
    trace_->add({Kind::read, offset, length, {}, 0});
    return inner().read(offset, parts);
}

Result<void> RecordingFile::write(std::uint64_t offset, std::span<const Bytes> parts) {
    Operation operation{Kind::write, offset, 0, {}, 0};
    for (const Bytes part : parts)
        operation.data.insert(operation.data.end(), part.begin(), part.end());
    operation.length = operation.data.size();
    trace_->add(std::move(operation));
    return inner().write(offset, parts);
}

Result<void> RecordingFile::sync() {
    trace_->add({Kind::sync_begin, 0, 0, {}, 0});
    auto synced = inner().sync();
    if (synced) trace_->add({Kind::sync_end, 0, 0, {}, 0});
    return synced;
}

Result<void> RecordingFile::allocate(std::uint64_t offset, std::uint64_t length) {
    trace_->add({Kind::allocate, offset, length, {}, 0});
    return inner().allocate(offset, length);
}

Result<void> RecordingFile::punch(std::uint64_t offset, std::uint64_t length) {
    trace_->add({Kind::punch, offset, length, {}, 0});
    return inner().punch(offset, length);
}

Result<void> RecordingFile::resize(std::uint64_t size) {
    trace_->add({Kind::resize, size, 0, {}, 0});
    return inner().resize(size);
}

Result<void> RecordingFile::drop_cache() {
    trace_->add({Kind::drop_cache, 0, 0, {}, 0});
    return inner().drop_cache();
}

// ---- Power cuts

void PowerCut::apply(const Operation& operation, MemoryImage& image) {
    if (operation.kind == Kind::write) image.write(operation.offset, operation.data);
    if (operation.kind == Kind::punch) image.punch(operation.offset, operation.length);
    if (operation.kind == Kind::resize) image.resize(operation.offset);
}

// One thread wrote the trace, so whatever stands before a sync's beginning had returned.
void PowerCut::advance(std::size_t index) {
    for (; next_ < index && next_ < operations_.size(); ++next_) {
        const Operation& operation = operations_[next_];
        if (operation.kind == Kind::anchor) {
            anchor_ = operation.data;
        } else if (operation.kind == Kind::sync_end) {
            synced_ = all_;
            unsynced_.clear();
        } else if (operation.kind == Kind::write || operation.kind == Kind::punch) {
            apply(operation, all_);
            unsynced_.push_back(next_);
        }
    }
}

MemoryImage PowerCut::state(Family family, std::mt19937_64& random) const {
    MemoryImage image = synced_;
    if (unsynced_.empty()) return image;
    const std::size_t chosen = unsynced_[random() % unsynced_.size()];
    const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
    const auto keeps = [&](std::size_t index) {
        switch (family) {
            case Family::uniform:
                return chance(50);
            case Family::most:
                return chance(97);
            case Family::few:
                return chance(10);
            case Family::one_lost:
                return index != chosen;
            case Family::one_torn:
                return index != chosen || chance(50);
            case Family::garbage:
                return chance(80);
        }
        return true;
    };
    for (const std::size_t index : unsynced_) {
        const Operation& operation = operations_[index];
        for (std::uint64_t done = 0; done < operation.length; done += kUnit) {
            const std::uint64_t length = std::min(kUnit, operation.length - done);
            if (family == Family::garbage && operation.kind == Kind::write && chance(3)) {
                std::array<std::byte, kUnit> garbage;
                for (std::byte& b : garbage) b = static_cast<std::byte>(random());
                image.write(operation.offset + done, Bytes(garbage).first(length));
            } else if (keeps(index)) {
                if (operation.kind == Kind::write)
                    image.write(operation.offset + done,
                                Bytes(operation.data).subspan(done, length));
                else
                    image.punch(operation.offset + done, length);
            }
        }
    }
    return image;
}

}  // namespace twofold

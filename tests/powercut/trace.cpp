#include "tests/powercut/trace.h"

#include <cstring>

namespace twofold::powercut {

using Kind = Operation::Kind;

void Trace::add(Operation operation) {
    operation.action = action_;
    operations_.push_back(operation);
}

void Trace::clear() {
    operations_.clear();
    contents_.clear();
    action_ = 0;
}

Moment Trace::moment(std::size_t issued) const {
    Moment moment;
    if (issued > 0) moment.action = operations_[issued - 1].action;
    for (std::size_t i = 0; i < issued; ++i)
        if (operations_[i].action == moment.action) ++moment.operations;
    return moment;
}

std::size_t Trace::issued_at(Moment moment) const {
    std::size_t issued = 0;
    for (; issued < operations_.size() && operations_[issued].action <= moment.action; ++issued) {
        if (operations_[issued].action < moment.action) continue;
        if (moment.operations == 0) break;
        --moment.operations;
    }
    return issued;
}

Recording::Recording() {
    anchors->saved = [this](Bytes record) {
        const std::scoped_lock hold(mutex);
        if (trace == nullptr) return;
        const MutableBytes copy = trace->room_for(record.size());
        std::memcpy(copy.data(), record.data(), record.size());
        trace->add({Kind::anchor, 0, 0, record.size(), copy.data()});
    };
}

void Recorder::note(Operation operation) {
    if (recording_.trace != nullptr) recording_.trace->add(operation);
}

void Recorder::during(const Operation& operation) {
    if (recording_.during) recording_.during(operation);
}

Result<std::uint64_t> Recorder::size() {
    const std::scoped_lock hold(recording_.mutex);
    return recording_.view->size();
}

Result<void> Recorder::read(std::uint64_t offset, std::span<const MutableBytes> parts) {
    during({Kind::read, 0, offset});
    const std::scoped_lock hold(recording_.mutex);
    for (const MutableBytes part : parts) {
        if (offset + part.size() > recording_.view->size())
            return fail(Errc::damaged, "image in memory: ends at byte {}", recording_.view->size());
        recording_.view->read(offset, part);
        offset += part.size();
    }
    return {};
}

Result<void> Recorder::write(std::uint64_t offset, std::span<const Bytes> parts) {
    std::size_t length = 0;
    for (const Bytes part : parts) length += part.size();
    during({Kind::write, 0, offset, length});
    const std::scoped_lock hold(recording_.mutex);
    if (recording_.trace != nullptr) {
        const MutableBytes copy = recording_.trace->room_for(length);
        std::size_t done = 0;
        for (const Bytes part : parts) {
            std::memcpy(copy.data() + done, part.data(), part.size());
            done += part.size();
        }
        note({Kind::write, 0, offset, length, copy.data()});
    }
    for (const Bytes part : parts) {
        recording_.view->write(offset, part);
        offset += part.size();
    }
    return {};
}

Result<void> Recorder::sync() {
    {
        const std::scoped_lock hold(recording_.mutex);
        note({Kind::sync_begin});
    }
    during({Kind::sync_begin});
    const std::scoped_lock hold(recording_.mutex);
    note({Kind::sync_end});
    return {};
}

Result<void> Recorder::allocate(std::uint64_t offset, std::uint64_t length) {
    const std::scoped_lock hold(recording_.mutex);
    note({Kind::allocate, 0, offset, length});
    if (offset + length > recording_.view->size()) recording_.view->resize(offset + length);
    return {};
}

Result<void> Recorder::punch(std::uint64_t offset, std::uint64_t length) {
    const std::scoped_lock hold(recording_.mutex);
    note({Kind::punch, 0, offset, length});
    recording_.view->zero(offset, length);
    return {};
}

Result<void> Recorder::resize(std::uint64_t size) {
    const std::scoped_lock hold(recording_.mutex);
    note({Kind::resize, 0, size});
    recording_.view->resize(size);
    return {};
}

// Anything may be data.
Result<std::optional<std::uint64_t>> Recorder::next_data(std::uint64_t offset) {
    const std::scoped_lock hold(recording_.mutex);
    if (offset >= recording_.view->size()) return std::nullopt;
    return offset;
}

}  // namespace twofold::powercut

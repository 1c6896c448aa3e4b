#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "base/io/io.h"
#include "tests/powercut/overlay.h"
#include "tests/support/memory_anchors.h"

namespace twofold::powercut {

// One thing that an image was told, or that its user knows.
struct Operation {
    enum class Kind : std::uint8_t {
        read,  // is not kept in a trace
        write,
        punch,
        allocate,  // changes no contents
        resize,
        sync_begin,
        sync_end,
        anchor,  // a new one was kept, durably, elsewhere; `data`
        // Marks of the workload; `value` is a state of its History.
        began,   // a change that leads to this state was asked for
        synced,  // a power cut can't take this state any more
        soft,    // the death of the process can't
    };
    Kind kind;
    std::uint32_t action = 0;  // of the script, during which it happened
    std::uint64_t offset = 0;  // resize: the new size
    std::uint64_t length = 0;
    const std::byte* data = nullptr;  // written; the trace owns it
    std::uint64_t value = 0;          // of a mark

    bool is_mark() const { return kind >= Kind::began; }
};

// A moment of a trace, in terms that survive changes to a script: so many operations of so many an
// action had been issued.
struct Moment {
    std::uint32_t action = 0;  // 0: the mount
    std::uint32_t operations = 0;
};

// What happened, in order. Not thread-safe: Recorder sees to that.
class Trace {
public:
    void add(Operation operation);
    void mark(Operation::Kind kind, std::uint64_t value) { add({kind, 0, 0, 0, nullptr, value}); }
    void clear();
    const std::vector<Operation>& operations() const { return operations_; }
    std::size_t size() const { return operations_.size(); }
    // The action that later operations belong to.
    void action(std::uint32_t number) { action_ = number; }
    MutableBytes room_for(std::size_t size) { return contents_.take(size); }
    Moment moment(std::size_t issued) const;
    std::size_t issued_at(Moment moment) const;  // the nearest there is

private:
    std::vector<Operation> operations_;
    Arena contents_;
    std::uint32_t action_ = 0;
};

// What one file on an overlay shares with the next one on it, after a kill.
struct Recording {
    Overlay* view = nullptr;  // what the page cache shows
    Trace* trace = nullptr;   // null: not recorded
    std::mutex mutex;         // guards both; a write is whole before or after any other operation
    // Called while the operation is under way, without the mutex: a sync has begun and not ended, a
    // write is about to be issued. The interleavings of a workload.
    std::function<void(const Operation&)> during;
    // Where the anchor is; what is kept there is recorded, too.
    std::shared_ptr<MemoryAnchors> anchors = std::make_shared<MemoryAnchors>();

    Recording();
};

// An image in memory that writes down what it is told. Thread-safe.
class Recorder final : public io::File {
public:
    explicit Recorder(Recording& recording) : recording_(recording) {}
    using io::File::read;
    using io::File::write;
    Result<std::uint64_t> size() override;
    Result<void> read(std::uint64_t offset, std::span<const MutableBytes> parts) override;
    Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override;
    Result<void> sync() override;
    Result<void> allocate(std::uint64_t offset, std::uint64_t length) override;
    Result<void> punch(std::uint64_t offset, std::uint64_t length) override;
    Result<void> resize(std::uint64_t size) override;
    Result<void> drop_cache() override { return {}; }
    Result<std::optional<std::uint64_t>> next_data(std::uint64_t offset) override;

private:
    void note(Operation operation);
    void during(const Operation& operation);
    Recording& recording_;
};

}  // namespace twofold::powercut

#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <vector>

#include "tests/support/memory_image.h"

namespace twofold {

// What a file was told to do, in order; and marks of the test in between.
struct Operation {
    enum class Kind {
        write,
        punch,
        allocate,
        resize,
        sync_begin,
        sync_end,
        read,
        drop_cache,
        anchor,  // saved: durable, and whole
        mark
    };
    Kind kind;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::vector<std::byte> data;  // of a write; of an anchor its record
    std::uint64_t mark = 0;
};

// Thread-safe while it is being recorded.
class Trace {
public:
    void add(Operation operation) {
        const std::scoped_lock hold(mutex_);
        operations_.push_back(std::move(operation));
    }
    void anchor(Bytes record) {
        add({Operation::Kind::anchor, 0, record.size(), {record.begin(), record.end()}, 0});
    }
    void mark(std::uint64_t value) { add({Operation::Kind::mark, 0, 0, {}, value}); }
    void clear() {
        const std::scoped_lock hold(mutex_);
        operations_.clear();
    }
    std::vector<Operation> operations() const {
        const std::scoped_lock hold(mutex_);
        return operations_;
    }
    std::size_t count(Operation::Kind kind) const;

private:
    mutable std::mutex mutex_;
    std::vector<Operation> operations_;
};

// Hands everything on and writes it down first. Reads are recorded without their contents.
class RecordingFile final : public io::ForwardingFile {
public:
    RecordingFile(std::unique_ptr<io::File> inner, std::shared_ptr<Trace> trace)
        : ForwardingFile(std::move(inner)), trace_(std::move(trace)) {}
    using ForwardingFile::read;
    using ForwardingFile::write;
    Result<void> read(std::uint64_t offset, std::span<const MutableBytes> parts) override;
    Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override;
    Result<void> sync() override;
    Result<void> allocate(std::uint64_t offset, std::uint64_t length) override;
    Result<void> punch(std::uint64_t offset, std::uint64_t length) override;
    Result<void> resize(std::uint64_t size) override;
    Result<void> drop_cache() override;

private:
    std::shared_ptr<Trace> trace_;
};

// What a power cut may leave of a trace (fault model, section 2): each unit of 512 bytes holds its
// last synced value or any written since, or garbage where it was written at all. `image` starts as
// the file was when the recording began.
class PowerCut {
public:
    PowerCut(const MemoryImage& start, std::vector<Operation> operations)
        : operations_(std::move(operations)), start_(start), synced_(start), all_(start) {}

    std::size_t size() const { return operations_.size(); }
    const std::vector<Operation>& operations() const { return operations_; }
    const MemoryImage& start() const { return start_; }
    // Moves the moment of the crash: operations before `index` were issued, none after. Only
    // forward.
    void advance(std::size_t index);

    const MemoryImage& nothing_unsynced() const { return synced_; }
    const MemoryImage& everything() const { return all_; }  // as after kill -9
    // The last one that was saved by then; nothing: that of the start.
    const std::optional<std::vector<std::byte>>& anchor() const { return anchor_; }
    enum class Family { uniform, most, few, one_lost, one_torn, garbage };
    static constexpr int kFamilies = 6;
    MemoryImage state(Family family, std::mt19937_64& random) const;

private:
    static constexpr std::uint64_t kUnit = 512;
    static void apply(const Operation& operation, MemoryImage& image);

    std::vector<Operation> operations_;
    std::size_t next_ = 0;
    std::vector<std::size_t> unsynced_;  // indexes of changes
    MemoryImage start_, synced_, all_;
    std::optional<std::vector<std::byte>> anchor_;
};

}  // namespace twofold

#pragma once

#include <atomic>
#include <functional>

#include "base/io/io.h"

namespace twofold {

// Lets a test decide, call by call, whether a file works: `before` sees every call and may return
// an error to fail with, block, or note something. What fails is not done; of a write that fails
// the first `done_all_the_same` bytes are.
struct FileCall {
    enum class Kind { read, write, sync, allocate, punch };
    Kind kind;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t done_all_the_same = 0;
};
using FileFault = std::function<Result<void>(FileCall&)>;

class FaultyFile final : public io::ForwardingFile {
public:
    FaultyFile(std::unique_ptr<io::File> inner, FileFault before)
        : ForwardingFile(std::move(inner)), before_(std::move(before)) {}
    using ForwardingFile::read;
    using ForwardingFile::write;
    Result<void> read(std::uint64_t offset, std::span<const MutableBytes> parts) override;
    Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override;
    Result<void> sync() override;
    Result<void> allocate(std::uint64_t offset, std::uint64_t length) override;
    Result<void> punch(std::uint64_t offset, std::uint64_t length) override;

private:
    Result<void> ask(FileCall::Kind kind, std::uint64_t offset, std::uint64_t length);
    FileFault before_;
};

}  // namespace twofold

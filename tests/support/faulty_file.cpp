#include "tests/support/faulty_file.h"

#include <algorithm>

namespace twofold {
namespace {

template <class Part>
std::uint64_t total(std::span<const Part> parts) {
    std::uint64_t size = 0;
    for (const Part& part : parts) size += part.size();
    return size;
}

}  // namespace

Result<void> FaultyFile::ask(FileCall::Kind kind, std::uint64_t offset, std::uint64_t length) {
    FileCall call{kind, offset, length};
    return before_(call);
}

Result<void> FaultyFile::read(std::uint64_t offset, std::span<const MutableBytes> parts) {
    TF_TRY(ask(FileCall::Kind::read, offset, total(parts)));
    return inner().read(offset, parts);
}

Result<void> FaultyFile::write(std::uint64_t offset, std::span<const Bytes> parts) {
    FileCall call{FileCall::Kind::write, offset, total(parts)};
    auto allowed = before_(call);
    if (allowed) return inner().write(offset, parts);
    for (const Bytes part : parts) {
        const std::uint64_t count = std::min<std::uint64_t>(part.size(), call.done_all_the_same);
        if (count > 0) TF_TRY(inner().write(offset, part.first(count)));
        call.done_all_the_same -= count;
        offset += count;
    }
    return allowed;
}

Result<void> FaultyFile::sync() {
    TF_TRY(ask(FileCall::Kind::sync, 0, 0));
    return inner().sync();
}

Result<void> FaultyFile::allocate(std::uint64_t offset, std::uint64_t length) {
    TF_TRY(ask(FileCall::Kind::allocate, offset, length));
    return inner().allocate(offset, length);
}

Result<void> FaultyFile::punch(std::uint64_t offset, std::uint64_t length) {
    TF_TRY(ask(FileCall::Kind::punch, offset, length));
    return inner().punch(offset, length);
}

}  // namespace twofold

#include "tests/support/faulty_file.h"

namespace twofold {
namespace {

template <class Part>
std::uint64_t total(std::span<const Part> parts) {
    std::uint64_t size = 0;
    for (const Part& part : parts) size += part.size();
    return size;
}

}  // namespace

Result<void> FaultyFile::read(std::uint64_t offset, std::span<const MutableBytes> parts) {
    TF_TRY(before_({FileCall::Kind::read, offset, total(parts)}));
    return inner().read(offset, parts);
}

Result<void> FaultyFile::write(std::uint64_t offset, std::span<const Bytes> parts) {
    TF_TRY(before_({FileCall::Kind::write, offset, total(parts)}));
    return inner().write(offset, parts);
}

Result<void> FaultyFile::sync() {
    TF_TRY(before_({FileCall::Kind::sync, 0, 0}));
    return inner().sync();
}

Result<void> FaultyFile::allocate(std::uint64_t offset, std::uint64_t length) {
    TF_TRY(before_({FileCall::Kind::allocate, offset, length}));
    return inner().allocate(offset, length);
}

Result<void> FaultyFile::punch(std::uint64_t offset, std::uint64_t length) {
    TF_TRY(before_({FileCall::Kind::punch, offset, length}));
    return inner().punch(offset, length);
}

}  // namespace twofold

#include "base/io/io.h"

namespace twofold::io {

Result<std::uint64_t> ForwardingFile::size() { return inner_->size(); }
Result<void> ForwardingFile::read(std::uint64_t offset, std::span<const MutableBytes> parts) {
    return inner_->read(offset, parts);
}
Result<void> ForwardingFile::write(std::uint64_t offset, std::span<const Bytes> parts) {
    return inner_->write(offset, parts);
}
Result<void> ForwardingFile::sync() { return inner_->sync(); }
Result<void> ForwardingFile::allocate(std::uint64_t offset, std::uint64_t length) {
    return inner_->allocate(offset, length);
}
Result<void> ForwardingFile::punch(std::uint64_t offset, std::uint64_t length) {
    return inner_->punch(offset, length);
}
Result<void> ForwardingFile::resize(std::uint64_t size) { return inner_->resize(size); }
Result<void> ForwardingFile::drop_cache() { return inner_->drop_cache(); }
Result<std::optional<std::uint64_t>> ForwardingFile::next_data(std::uint64_t offset) {
    return inner_->next_data(offset);
}

}  // namespace twofold::io

#include "fs/block/file_device.h"

#include <algorithm>

namespace twofold::fs {
namespace {

Result<void> check_inside(const Geometry& geometry, ByteOffset offset, std::uint64_t length) {
    if (offset.value() <= geometry.size() && length <= geometry.size() - offset.value()) return {};
    return fail(Errc::too_big, "disk: {} bytes at {} are past its end", length, offset.value());
}

}  // namespace

Result<std::unique_ptr<FileDevice>> FileDevice::open(std::unique_ptr<io::File> file,
                                                     io::Access access) {
    TF_ASSIGN(const std::uint64_t size, file->size());
    if (size < kBlockSize)
        return fail(Errc::invalid, "disk: a file of {} bytes is shorter than a block of {}", size,
                    kBlockSize);
    return std::unique_ptr<FileDevice>(
        new FileDevice(std::move(file), access, Geometry{size / kBlockSize}));
}

Result<void> FileDevice::read(ByteOffset offset, MutableBytes out) {
    TF_TRY(check_inside(geometry_, offset, out.size()));
    return file_->read(offset.value(), out);
}

Result<void> FileDevice::write(ByteOffset offset, Bytes data) {
    if (read_only()) return fail(Errc::read_only, "disk: opened read-only");
    TF_TRY(check_inside(geometry_, offset, data.size()));
    return file_->write(offset.value(), data);
}

Result<void> FileDevice::zero(ByteOffset offset, std::uint64_t length) {
    if (read_only()) return fail(Errc::read_only, "disk: opened read-only");
    TF_TRY(check_inside(geometry_, offset, length));
    if (length == 0) return {};
    return file_->punch(offset.value(), length);
}

Result<std::optional<BlockRange>> FileDevice::next_data(BlockIndex from) {
    if (from.value() >= geometry_.block_count) return std::optional<BlockRange>();
    TF_ASSIGN(const std::optional<std::uint64_t> at, file_->next_data(offset_of(from).value()));
    if (!at || *at >= geometry_.size()) return std::optional<BlockRange>();
    // The file tells where data begins, not where it ends: answer in steps that a caller can read.
    const BlockIndex first = block_of(ByteOffset{*at});
    const std::uint64_t count =
        std::min<std::uint64_t>(kRequestMax / kBlockSize, geometry_.block_count - first.value());
    return std::optional(BlockRange{first, count});
}

Result<void> FileDevice::flush(Durability durability) {
    if (read_only() || durability == Durability::committed) return {};
    return file_->sync();
}

}  // namespace twofold::fs

#pragma once

#include <memory>

#include "base/io/io.h"
#include "fs/block/block_device.h"

namespace twofold::fs {

// A plain file as a disk, without any encryption: the yardstick, and the other end of import and
// export. The file keeps its size; bytes after its last whole block are not part of the disk.
class FileDevice final : public BlockDevice {
public:
    // Errc::invalid for a file that is shorter than one block.
    static Result<std::unique_ptr<FileDevice>> open(std::unique_ptr<io::File> file,
                                                    io::Access access);

    Geometry geometry() const override { return geometry_; }
    bool read_only() const override { return access_ == io::Access::read_only; }
    Result<void> read(ByteOffset offset, MutableBytes out) override;
    Result<void> write(ByteOffset offset, Bytes data) override;
    Result<void> zero(ByteOffset offset, std::uint64_t length) override;
    Result<std::optional<BlockRange>> next_data(BlockIndex from) override;
    // Durability::committed asks for nothing: the kernel outlives us.
    Result<void> flush(Durability durability) override;

private:
    FileDevice(std::unique_ptr<io::File> file, io::Access access, Geometry geometry)
        : file_(std::move(file)), access_(access), geometry_(geometry) {}

    std::unique_ptr<io::File> file_;
    io::Access access_;
    Geometry geometry_;
};

}  // namespace twofold::fs

#pragma once

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/fuse/buffer_pool.h"
#include "fs/fuse/mount.h"

namespace twofold::fs {

using Inode = Id<struct InodeTag, std::uint64_t>;
constexpr Inode kRootInode{1};  // FUSE_ROOT_ID; the disks follow in order

// What an open file was opened for.
enum class Opened : std::uint64_t { for_reading, for_writing };

struct Written {
    std::size_t size;
};
struct AttributeChange {
    std::optional<std::uint64_t> size = std::nullopt;
    std::optional<std::int64_t> accessed = std::nullopt;  // nanoseconds since 1970
    std::optional<std::int64_t> modified = std::nullopt;
};
// What a write across the end comes to, when the bytes inside are written: a shorter count, or
// too_big.
enum class AcrossEnd { shorten, refuse };

std::int64_t nanoseconds_now();

// The files of a mount: a flat directory of disks, their attributes, and what each request does to
// them. Computes only; replies are made in operations.cpp. Thread-safe: no lock is held while a
// device works.
class DiskFiles {
public:
    static Result<std::unique_ptr<DiskFiles>> create(std::vector<ServedDisk> disks,
                                                     const MountOptions& options);

    std::vector<Inode> inodes() const;           // of the disks
    const std::string& name(Inode inode) const;  // with .img
    std::uint64_t size(Inode inode) const;

    Result<Inode> lookup(std::string_view name) const;
    Result<struct stat> attributes(Inode inode) const;
    // Accepts times, and a size that is the present one; owner and mode stay without complaint.
    Result<struct stat> set_attributes(Inode inode, const AttributeChange& change);
    Result<Opened> open(Inode inode, int flags) const;
    // Shorter where the disk ends.
    Result<BufferPool::Loan> read(Inode inode, std::uint64_t offset, std::size_t size);
    // Errc::too_big where nothing of `data` is inside, or as `across` says.
    Result<Written> write(Inode inode, std::uint64_t offset, Bytes data, AcrossEnd across);
    Result<void> flush(Inode inode, Durability durability);
    Result<void> flush_all(Durability durability);
    Result<void> allocate(Inode inode, int mode, std::uint64_t offset, std::uint64_t length);
    // The first byte at or after `offset` of data or of a hole; nothing past the end.
    Result<std::optional<std::uint64_t>> next_data(Inode inode, std::uint64_t offset);
    Result<std::optional<std::uint64_t>> next_hole(Inode inode, std::uint64_t offset);
    struct statvfs file_system() const;

    MountReport report() const;

private:
    struct Disk {
        std::string name;  // with .img
        BlockDevice* device;
        std::atomic<std::int64_t> accessed, modified;  // nanoseconds since 1970
    };

    explicit DiskFiles(const MountOptions& options);
    Result<Disk*> disk(Inode inode) const;
    Result<void> writable(const Disk& disk) const;
    void note_failed_write(const Error& error);

    std::vector<std::unique_ptr<Disk>> disks_;
    const bool read_only_;
    const uid_t uid_;
    const gid_t gid_;
    const mode_t umask_;
    BufferPool buffers_;
    mutable std::mutex report_mutex_;
    MountReport report_;  // guarded by report_mutex_
};

}  // namespace twofold::fs

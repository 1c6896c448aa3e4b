#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

// The one seam for persistent I/O. Everything that twofold keeps goes through these two interfaces:
// production makes system calls (posix_*), tests keep it in memory, record it or make it fail. A
// test searches the source for calls that go around it.
namespace twofold::io {

enum class Access { read_only, read_write };
enum class Lock { none, exclusive };  // flock: on the open file, dies with the process

// One open file of fixed place: an image, or a two-slot record. Offsets and lengths are bytes.
// All calls are thread-safe; reads and writes of overlapping ranges are the caller's to order.
// EINTR and short transfers are completed inside. Errors: Errc::io with sys_errno, Errc::no_space.
class File {
public:
    virtual ~File() = default;
    virtual Result<std::uint64_t> size() = 0;
    // Fills all parts, one after another in the file. Errc::damaged where the file ends before.
    virtual Result<void> read(std::uint64_t offset, std::span<const MutableBytes> parts) = 0;
    virtual Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) = 0;
    // fdatasync: on success every write that had returned before the call survives a power cut.
    // A failure is final for the caller: never retried.
    virtual Result<void> sync() = 0;
    virtual Result<void> allocate(std::uint64_t offset, std::uint64_t length) = 0;  // reads as zero
    virtual Result<void> punch(std::uint64_t offset, std::uint64_t length) = 0;     // reads as zero
    virtual Result<void> resize(std::uint64_t size) = 0;
    // Forgets clean cached pages, so that the next read comes from the device.
    virtual Result<void> drop_cache() = 0;
    // The first byte at or after `offset` that may be data; nothing if only holes follow.
    virtual Result<std::optional<std::uint64_t>> next_data(std::uint64_t offset) = 0;

    Result<void> read(std::uint64_t offset, MutableBytes out) {
        return read(offset, std::span<const MutableBytes>(&out, 1));
    }
    Result<void> write(std::uint64_t offset, Bytes data) {
        return write(offset, std::span<const Bytes>(&data, 1));
    }
};

struct Entry {
    std::string name;
    bool is_directory = false;
};

// A lock held on a directory's lock file until destroyed.
class HeldLock {
public:
    virtual ~HeldLock() = default;
};

enum class Create { no, if_missing, must_not_exist };

// A directory of small files, by handle: names are single components, never followed through
// symbolic links, never "." or "..", and what is opened must be a regular file (or a directory) of
// our own user, not writable by others. Errors: Errc::not_found, exists, invalid (bad name, not a
// regular file), damaged (over the size cap), io. Thread-safe.
class Directory {
public:
    virtual ~Directory() = default;
    virtual std::string path() const = 0;  // for messages

    virtual Result<std::vector<Entry>> list() = 0;  // sorted by name
    virtual Result<bool> exists(const std::string& name) = 0;
    // The whole file; Errc::damaged when it is larger than `size_max` bytes.
    virtual Result<std::vector<std::byte>> read(const std::string& name, std::size_t size_max) = 0;
    // Write, fsync, rename over, fsync of the directory: old or new, whole. Mode 0600.
    virtual Result<void> replace(const std::string& name, Bytes content) = 0;
    // Adds one line (or any bytes) at the end in a single write; no fsync. Mode 0600.
    virtual Result<void> append(const std::string& name, Bytes content) = 0;
    // Mode 0700; fsync of this directory.
    virtual Result<void> make_directory(const std::string& name) = 0;
    virtual Result<std::unique_ptr<Directory>> open_directory(const std::string& name) = 0;
    // Moves a file or directory to another directory of the same file system; fails with
    // Errc::exists rather than replace. fsync of both directories.
    virtual Result<void> rename(const std::string& from, Directory& to_directory,
                                const std::string& to) = 0;
    virtual Result<void> unlink(const std::string& name) = 0;      // file; fsync of the directory
    virtual Result<void> remove_tree(const std::string& name) = 0; // directory and all below
    // Waits for (or with wait=false: Errc::busy) an exclusive lock on the file `name`, made if missing.
    virtual Result<std::unique_ptr<HeldLock>> lock(const std::string& name, bool wait) = 0;
    // An image or two-slot file. Errc::busy when another open file holds the lock.
    virtual Result<std::unique_ptr<File>> open_file(const std::string& name, Access access,
                                                    Create create, Lock lock) = 0;

    Result<std::string> read_text(const std::string& name, std::size_t size_max);
    Result<void> replace(const std::string& name, std::string_view text) {
        return replace(name, as_bytes(text));
    }
    // make_directory unless it is there, then open_directory.
    Result<std::unique_ptr<Directory>> ensure_directory(const std::string& name);
};

// ---- Production ----

// Opens an existing directory by path (symbolic links allowed here: the user named it). Errc::not_found.
Result<std::unique_ptr<Directory>> open_posix_directory(const std::string& path);
// Makes the directory and its missing parents (0700) and opens it.
Result<std::unique_ptr<Directory>> make_posix_directory(const std::string& path);
// A file that the user named, e.g. for import and for the pass-through yardstick.
Result<std::unique_ptr<File>> open_posix_file(const std::string& path, Access access, Create create,
                                              Lock lock);

// ---- For tests and as a base of wrappers ----

// Keeps sparse 4 KiB pages in memory. `punch` frees them.
std::unique_ptr<File> make_memory_file(std::uint64_t size);

// Hands every call on to `inner`, which it owns; wrappers override what they change.
class ForwardingFile : public File {
public:
    explicit ForwardingFile(std::unique_ptr<File> inner) : inner_(std::move(inner)) {}
    using File::read;
    using File::write;
    Result<std::uint64_t> size() override;
    Result<void> read(std::uint64_t offset, std::span<const MutableBytes> parts) override;
    Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override;
    Result<void> sync() override;
    Result<void> allocate(std::uint64_t offset, std::uint64_t length) override;
    Result<void> punch(std::uint64_t offset, std::uint64_t length) override;
    Result<void> resize(std::uint64_t size) override;
    Result<void> drop_cache() override;
    Result<std::optional<std::uint64_t>> next_data(std::uint64_t offset) override;

protected:
    File& inner() { return *inner_; }

private:
    std::unique_ptr<File> inner_;
};

}  // namespace twofold::io

#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "fs/fuse/mount.h"
#include "tests/mount/probe_device.h"
#include "tests/support/matchers.h"
#include "tests/support/test_directory.h"

namespace twofold::fs {

// Mount tests fail on a machine without FUSE, so that nobody takes them for passed, unless the
// environment says TWOFOLD_NO_FUSE=1: then they are skipped, with this message. First line of a
// test or SetUp.
std::optional<std::string> fuse_missing();
bool fuse_is_optional();
#define TWOFOLD_NEEDS_FUSE()                                             \
    do {                                                                 \
        if (const auto why = ::twofold::fs::fuse_missing()) {            \
            if (::twofold::fs::fuse_is_optional()) GTEST_SKIP() << *why; \
            FAIL() << *why;                                              \
        }                                                                \
    } while (false)

// A process that unmounts `path`, whatever it takes, once this one has ended the watch or its own
// life.
class UnmountWatch {
public:
    explicit UnmountWatch(const std::string& path);
    ~UnmountWatch();
    UnmountWatch(const UnmountWatch&) = delete;
    UnmountWatch& operator=(const UnmountWatch&) = delete;

private:
    UniqueFd alive_;
    pid_t child_ = -1;
};

// A mount of this process, served by threads beside the test.
class Mounted {
public:
    Mounted(std::vector<ServedDisk> disks, MountOptions options);
    ~Mounted();  // stops, unless the test did
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;

    std::string path() const { return directory_.path("mnt"); }
    std::string file(const std::string& disk) const { return path() + "/" + disk + ".img"; }
    Mount& mount() { return *mount_; }
    void request_stop() { mount_->request_stop(); }
    // What run() returned; waits for it. stop() asks for the end first.
    Result<void> wait();
    Result<void> stop();

private:
    TestDirectory directory_;
    std::optional<UnmountWatch> watch_;
    std::unique_ptr<Mount> mount_;
    std::thread loop_;
    Result<void> outcome_;
};

// How a test reaches the disk.
enum class CacheMode { write_back, write_through, direct };

struct MountCase {
    std::string device_name;
    // A device of this many bytes, all zero.
    std::function<std::unique_ptr<BlockDevice>(std::uint64_t)> make_device;
    CacheMode mode;
};
std::string name_of(const testing::TestParamInfo<MountCase>& info);
// The plain and the doubly encrypted device in every mode; or only the plain one, where the device
// itself does not matter.
std::vector<MountCase> all_cases();
std::vector<MountCase> plain_cases();
std::unique_ptr<BlockDevice> memory_device(std::uint64_t size);
std::unique_ptr<BlockDevice> one_layer_device(std::uint64_t size);
std::unique_ptr<BlockDevice> two_layer_device(std::uint64_t size);

// One disk "data0", mounted as the case says, with a probe in front of it.
class MountTest : public testing::TestWithParam<MountCase> {
protected:
    static constexpr std::uint64_t kSize = 16 << 20;

    void SetUp() override { ASSERT_NO_FATAL_FAILURE(mount_disk(kSize, {})); }
    void mount_disk(std::uint64_t size, MountOptions options);
    void TearDown() override;

    bool write_back() const { return GetParam().mode == CacheMode::write_back; }
    bool write_through() const { return GetParam().mode == CacheMode::write_through; }
    bool direct() const { return GetParam().mode == CacheMode::direct; }
    std::string file() const { return mounted_->file("data0"); }
    // O_DIRECT in that mode.
    UniqueFd open_disk(int flags = O_RDWR) const;
    std::uint64_t size_seen() const;

    std::unique_ptr<ProbeDevice> device_;
    std::unique_ptr<Mounted> mounted_;
};

// Page-aligned memory, as O_DIRECT likes it; shared with children.
class Aligned {
public:
    explicit Aligned(std::size_t size, std::uint8_t fill = 0);
    std::byte* data() { return data_.get(); }
    const std::byte* data() const { return data_.get(); }
    std::size_t size() const { return size_; }
    bool operator==(const Aligned& other) const;

private:
    struct Unmap {
        std::size_t size;
        void operator()(std::byte* data) const noexcept;
    };
    std::size_t size_;
    std::unique_ptr<std::byte[], Unmap> data_;
};
Aligned pattern(std::size_t size, std::uint64_t seed);

// Whole transfers; false with errno otherwise.
bool write_at(int fd, std::uint64_t offset, const Aligned& data);
bool read_at(int fd, std::uint64_t offset, Aligned& out);

// Runs `body` in a child process, whose failed expectations become this test's. For whatever maps
// the disk into memory: a thread that waits for the disk in munmap(2) holds the lock of its
// process's address space, which the threads that serve the disk need. A daemon and its users are
// two processes as well.
void in_child(const std::function<void()>& body);

// What a command prints on both streams, and how it ends. `not` turns an outcome around where set
// -e shall see it (after `!` it does not look).
struct Outcome {
    int code;
    std::string text;
    friend void PrintTo(const Outcome& outcome, std::ostream* out) { *out << outcome.text; }
};
Outcome shell(const std::string& command);
MATCHER(Worked, "exit code 0") {
    *result_listener << "exit code " << arg.code << ": " << arg.text;
    return arg.code == 0;
}

}  // namespace twofold::fs

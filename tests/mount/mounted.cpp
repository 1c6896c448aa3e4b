#include "tests/mount/mounted.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>

#include "fs/block/file_device.h"
#include "tests/support/test_disks.h"

namespace twofold::fs {

namespace {
constexpr int kLifeMax = 120'000;  // milliseconds that a test may keep a mount
}

std::optional<std::string> fuse_missing() {
    if (::access("/dev/fuse", F_OK) == 0) return std::nullopt;
    return "this machine has no FUSE (/dev/fuse); TWOFOLD_NO_FUSE=1 skips the tests that need it";
}
bool fuse_is_optional() {
    const char* set = std::getenv("TWOFOLD_NO_FUSE");
    return set != nullptr && std::string_view(set) == "1";
}

UnmountWatch::UnmountWatch(const std::string& path) {
    int ends[2];
    TF_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
    const UniqueFd watched(ends[0]);
    alive_ = UniqueFd(ends[1]);
    child_ = ::fork();
    TF_CHECK(child_ >= 0);
    if (child_ > 0) return;
    ::setsid();
    ::dup2(watched.get(), 3);
    ::close_range(4, ~0U, 0);
    // A process that is killed while it waits for its own answer never ends: force it after a
    // while.
    pollfd watch{3, POLLIN, 0};
    const bool ended = ::poll(&watch, 1, kLifeMax) > 0;
    ::umount2(path.c_str(), ended ? MNT_DETACH : MNT_FORCE | MNT_DETACH);
    if (::geteuid() != 0)
        ::execlp("fusermount3", "fusermount3", "-uzq", path.c_str(), static_cast<char*>(nullptr));
    ::_exit(0);
}

UnmountWatch::~UnmountWatch() {
    alive_.reset();
    ::waitpid(child_, nullptr, 0);
}

Mounted::Mounted(std::vector<ServedDisk> disks, MountOptions options) {
    TF_CHECK(::mkdir(path().c_str(), 0700) == 0);
    watch_.emplace(path());
    struct Ready {
        std::mutex mutex;
        std::condition_variable told;
        bool is = false;
    };
    const auto ready = std::make_shared<Ready>();
    options.mountpoint = path();
    options.on_ready = [ready] {
        const std::lock_guard lock(ready->mutex);
        ready->is = true;
        ready->told.notify_all();
    };
    mount_ = must(Mount::create(std::move(disks), std::move(options)), "mount");
    loop_ = std::thread([this] { outcome_ = mount_->run(); });
    std::unique_lock lock(ready->mutex);
    ready->told.wait(lock, [&] { return ready->is; });
}

Mounted::~Mounted() {
    if (loop_.joinable()) {
        EXPECT_THAT(stop(), Succeeds());
    }
    mount_.reset();
    watch_.reset();
}

Result<void> Mounted::wait() {
    if (loop_.joinable()) loop_.join();
    return outcome_;
}
Result<void> Mounted::stop() {
    request_stop();
    return wait();
}

std::unique_ptr<BlockDevice> memory_device(std::uint64_t size) {
    return must(FileDevice::open(io::make_memory_file(size), io::Access::read_write));
}

namespace {

// An encrypted disk on an image in memory, with its own threads, that closes itself.
class EncryptedTestDevice final : public BlockDevice {
public:
    EncryptedTestDevice(std::uint64_t size, const Layers& layers)
        : test_({.blocks = size / kBlockSize, .pool = 1024, .log = 64, .segments_max = 8}, layers) {
        test_.options.background = true;
        test_.open();
    }
    ~EncryptedTestDevice() override {
        if (const auto closed = test_.disk->close(); !closed)
            ADD_FAILURE() << "close: " << closed.error().line();
    }
    Geometry geometry() const override { return test_.disk->geometry(); }
    bool read_only() const override { return test_.disk->read_only(); }
    Result<void> read(ByteOffset offset, MutableBytes out) override {
        return test_.disk->read(offset, out);
    }
    Result<void> write(ByteOffset offset, Bytes data) override {
        return test_.disk->write(offset, data);
    }
    Result<void> zero(ByteOffset offset, std::uint64_t length) override {
        return test_.disk->zero(offset, length);
    }
    Result<std::optional<BlockRange>> next_data(BlockIndex from) override {
        return test_.disk->next_data(from);
    }
    Result<void> flush(Durability durability) override { return test_.disk->flush(durability); }

private:
    TestDisk test_;
};

}  // namespace

std::unique_ptr<BlockDevice> one_layer_device(std::uint64_t size) {
    return std::make_unique<EncryptedTestDevice>(size, one_layer());
}
std::unique_ptr<BlockDevice> two_layer_device(std::uint64_t size) {
    return std::make_unique<EncryptedTestDevice>(size, two_layers());
}

namespace {
std::vector<MountCase> cases_of(
    std::initializer_list<std::pair<const char*, decltype(&memory_device)>> devices) {
    std::vector<MountCase> cases;
    for (const auto& [name, make] : devices)
        for (const CacheMode mode :
             {CacheMode::write_back, CacheMode::write_through, CacheMode::direct})
            cases.push_back({name, make, mode});
    return cases;
}
}  // namespace

std::vector<MountCase> plain_cases() { return cases_of({{"Plain", &memory_device}}); }
std::vector<MountCase> all_cases() {
    return cases_of({{"Plain", &memory_device}, {"TwoLayers", &two_layer_device}});
}

std::string name_of(const testing::TestParamInfo<MountCase>& info) {
    switch (info.param.mode) {
        case CacheMode::write_back:
            return info.param.device_name + "WriteBack";
        case CacheMode::write_through:
            return info.param.device_name + "WriteThrough";
        case CacheMode::direct:
            return info.param.device_name + "Direct";
    }
    return "";
}

void MountTest::mount_disk(std::uint64_t size, MountOptions options) {
    TWOFOLD_NEEDS_FUSE();
    device_ = std::make_unique<ProbeDevice>(GetParam().make_device(size));
    options.writeback_cache = GetParam().mode != CacheMode::write_through;
    mounted_ = std::make_unique<Mounted>(std::vector<ServedDisk>{{"data0", device_.get()}},
                                         std::move(options));
}

void MountTest::TearDown() { mounted_.reset(); }

UniqueFd MountTest::open_disk(int flags) const {
    return UniqueFd(::open(file().c_str(), flags | O_CLOEXEC | (direct() ? O_DIRECT : 0)));
}

std::uint64_t MountTest::size_seen() const {
    struct stat st {};
    EXPECT_EQ(::stat(file().c_str(), &st), 0);
    return static_cast<std::uint64_t>(st.st_size);
}

Aligned::Aligned(std::size_t size, std::uint8_t fill)
    : size_(size),
      data_(static_cast<std::byte*>(
                ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
            Unmap{size}) {
    TF_CHECK(data_.get() != MAP_FAILED);
    if (fill != 0) std::memset(data_.get(), fill, size);
}
void Aligned::Unmap::operator()(std::byte* data) const noexcept { ::munmap(data, size); }

bool Aligned::operator==(const Aligned& other) const {
    return equal({data(), size()}, {other.data(), other.size()});
}

Aligned pattern(std::size_t size, std::uint64_t seed) {
    Aligned out(size);
    std::mt19937_64 random(seed);
    for (std::size_t i = 0; i < size; i += 8) {
        const std::uint64_t word = random();
        std::memcpy(out.data() + i, &word, std::min<std::size_t>(8, size - i));
    }
    return out;
}

bool write_at(int fd, std::uint64_t offset, const Aligned& data) {
    return ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset)) ==
           static_cast<ssize_t>(data.size());
}
bool read_at(int fd, std::uint64_t offset, Aligned& out) {
    return ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset)) ==
           static_cast<ssize_t>(out.size());
}

void in_child(const std::function<void()>& body) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    TF_CHECK(child >= 0);
    if (child == 0) {
        body();
        std::fflush(nullptr);
        ::_exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    TF_CHECK(::waitpid(child, &status, 0) == child);
    EXPECT_EQ(status, 0) << "in a child process";
}

Outcome shell(const std::string& command) {
    FILE* pipe = ::popen(("not() { ! \"$@\"; }; { " + command + "\n} 2>&1").c_str(), "re");
    TF_CHECK(pipe != nullptr);
    Outcome outcome{0, {}};
    char buffer[4096];
    for (std::size_t got; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
        outcome.text.append(buffer, got);
    const int status = ::pclose(pipe);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return outcome;
}

}  // namespace twofold::fs

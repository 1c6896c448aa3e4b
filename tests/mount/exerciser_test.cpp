#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "tests/mount/mounted.h"

// Random system calls on a mounted disk beside a model in memory. TWOFOLD_SEED repeats a run,
// TWOFOLD_OPERATIONS makes a longer one.
namespace twofold::fs {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

class Exerciser : public MountTest {
protected:
    void SetUp() override {
        ASSERT_NO_FATAL_FAILURE(MountTest::SetUp());
        seed_ = number_from("TWOFOLD_SEED", std::random_device{}());
        random_.seed(seed_);
    }

    std::uint64_t below(std::uint64_t end) { return random_() % end; }
    // Whole blocks for O_DIRECT; small, odd and large ranges otherwise.
    std::pair<std::uint64_t, std::size_t> range() {
        const std::uint64_t unit = direct() ? 4096 : 1;
        const std::uint64_t longest = std::uint64_t{1} << (direct() ? 12 + below(8) : below(20));
        const std::uint64_t length = (1 + below(longest) + unit - 1) / unit * unit;
        const std::uint64_t at = below((kSize - length) / unit + 1) * unit;
        return {at, length};
    }
    std::byte* model(std::uint64_t at) { return model_.data() + at; }

    void reopen() {
        fd_ = open_disk();
        ASSERT_TRUE(fd_);
    }
    void write() {
        const auto [at, length] = range();
        const Aligned data = pattern(length, random_());
        ASSERT_TRUE(write_at(fd_.get(), at, data));
        std::memcpy(model(at), data.data(), length);
    }
    void read() {
        const auto [at, length] = range();
        Aligned got(length);
        ASSERT_TRUE(read_at(fd_.get(), at, got));
        ASSERT_TRUE(equal({got.data(), length}, {model(at), length}));
    }
    void zero(int mode) {
        const auto [at, length] = range();
        ASSERT_EQ(::fallocate(fd_.get(), mode, static_cast<off_t>(at), static_cast<off_t>(length)),
                  0);
        std::memset(model(at), 0, length);
    }
    void map() {
        if (direct()) return read();
        const auto [at, length] = range();
        const std::uint64_t start = at / 4096 * 4096;
        void* const mapped = ::mmap(nullptr, at - start + length, PROT_READ | PROT_WRITE,
                                    MAP_SHARED, fd_.get(), static_cast<off_t>(start));
        ASSERT_NE(mapped, MAP_FAILED);
        std::byte* const bytes = static_cast<std::byte*>(mapped) + (at - start);
        EXPECT_TRUE(equal({bytes, length}, {model(at), length}));
        const Aligned data = pattern(length, random_());
        std::memcpy(bytes, data.data(), length);
        std::memcpy(model(at), data.data(), length);
        ASSERT_EQ(::munmap(mapped, at - start + length), 0);
    }
    void sync() { ASSERT_EQ(::fsync(fd_.get()), 0); }
    void forget_pages() { ASSERT_EQ(::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED), 0); }
    void resize() {
        ASSERT_NE(::ftruncate(fd_.get(), static_cast<off_t>(below(kSize))), 0);
        ASSERT_EQ(errno, EPERM);
    }
    // Across the end or past it: what is inside counts, and somebody says EFBIG.
    void write_past_end() {
        const std::uint64_t at = kSize - 65536 + below(32) * 4096;
        const Aligned data = pattern(65536 + 4096, random_());
        const ssize_t written =
            ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(at));
        const int wrote = errno;
        const bool whole = written == static_cast<ssize_t>(data.size());
        if (written < 0) {
            ASSERT_EQ(wrote, EFBIG);
        }
        const bool failed = ::fsync(fd_.get()) != 0;
        ASSERT_TRUE(!whole || failed);
        if (at < kSize) std::memcpy(model(at), data.data(), kSize - at);
        ASSERT_EQ(size_seen(), kSize);
    }
    void step() {
        const std::uint64_t dice = below(100);
        if (dice < 35) return write();
        if (dice < 65) return read();
        if (dice < 70) return zero(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
        if (dice < 75) return zero(FALLOC_FL_ZERO_RANGE);
        if (dice < 87) return map();
        if (dice < 91) return sync();
        if (dice < 94) return forget_pages();
        if (dice < 96) return resize();
        if (dice < 98) return write_past_end();
        reopen();
    }

    std::uint64_t seed_ = 0;
    std::mt19937_64 random_;
    UniqueFd fd_;
    Aligned model_{kSize};
};
INSTANTIATE_TEST_SUITE_P(Mount, Exerciser, testing::ValuesIn(all_cases()), name_of);

TEST_P(Exerciser, AgreesWithAModelInMemory) {
    const std::uint64_t operations = number_from("TWOFOLD_OPERATIONS", 2000);
    std::printf("TWOFOLD_SEED=%llu\n", static_cast<unsigned long long>(seed_));
    in_child([&] {
        reopen();
        for (std::uint64_t i = 0; i < operations && !HasFailure(); ++i) {
            SCOPED_TRACE("seed " + std::to_string(seed_) + ", operation " + std::to_string(i));
            step();
        }
        fd_.reset();
    });
    ASSERT_THAT(mounted_->stop(), Succeeds());
    Aligned got(1 << 20);
    for (std::uint64_t at = 0; at < kSize; at += got.size()) {
        must(device_->inner().read(ByteOffset{at}, {got.data(), got.size()}));
        ASSERT_TRUE(equal({got.data(), got.size()}, {model(at), got.size()})) << at;
    }
}

}  // namespace
}  // namespace twofold::fs

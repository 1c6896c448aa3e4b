#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/mount/mounted.h"

// What reaches the device: few and large requests, several at a time.
namespace twofold::fs {
namespace {

using Kind = ProbeDevice::Kind;
constexpr std::uint64_t kMiB = 1 << 20;

class Requests : public MountTest {};
INSTANTIATE_TEST_SUITE_P(Mount, Requests, testing::ValuesIn(all_cases()), name_of);

TEST_P(Requests, MegabytesAreWrittenAsMegabytes) {
    const UniqueFd fd = open_disk();
    const Aligned data = pattern(kMiB, 1);
    for (std::uint64_t at = 0; at < kSize; at += kMiB) ASSERT_TRUE(write_at(fd.get(), at, data));
    ASSERT_EQ(::fsync(fd.get()), 0);
    EXPECT_EQ(device_->largest(Kind::write), kMiB);
    EXPECT_EQ(device_->count(Kind::write), kSize / kMiB);
}

TEST_P(Requests, MegabytesAreReadAsMegabytes) {
    const UniqueFd fd = open_disk();
    Aligned data(kMiB);
    for (std::uint64_t at = 0; at < kSize; at += kMiB) ASSERT_TRUE(read_at(fd.get(), at, data));
    // An ordinary user cannot raise the kernel's read-ahead above its 128 KiB.
    const bool whole = direct() || ::geteuid() == 0;
    EXPECT_GE(device_->largest(Kind::read), whole ? kMiB : kMiB / 8);
    EXPECT_LE(device_->count(Kind::read), kSize / (whole ? kMiB / 2 : kMiB / 16));
}

TEST_P(Requests, NoRequestIsLargerThanTheDeviceTakes) {
    const UniqueFd fd = open_disk();
    Aligned data = pattern(8 * kMiB, 1);
    ASSERT_TRUE(write_at(fd.get(), 0, data));
    ASSERT_EQ(::fsync(fd.get()), 0);
    ASSERT_TRUE(read_at(fd.get(), 8 * kMiB, data));
    EXPECT_LE(device_->largest(Kind::write), kRequestMax);
    EXPECT_LE(device_->largest(Kind::read), kRequestMax);
}

TEST_P(Requests, SmallWritesAreCollectedByTheWriteBackCacheOnly) {
    const UniqueFd fd = open_disk();
    const Aligned data = pattern(4096, 1);
    for (std::uint64_t at = 0; at < kMiB; at += data.size())
        ASSERT_TRUE(write_at(fd.get(), at, data));
    ASSERT_EQ(::fsync(fd.get()), 0);
    if (write_back()) {
        EXPECT_LE(device_->count(Kind::write), 4U);
    } else {
        EXPECT_EQ(device_->count(Kind::write), 256U);
    }
}

TEST_P(Requests, AreServedAtTheSameTime) {
    constexpr int kAtOnce = 4;
    std::atomic<int> inside{0}, most{0};
    device_->set_fault([&](const ProbeDevice::Call& call) -> Result<void> {
        if (call.kind != Kind::read) return {};
        const int now = ++inside;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        while (most < kAtOnce) std::this_thread::yield();  // would hang if it never came to that
        --inside;
        return {};
    });
    std::vector<std::thread> readers;
    for (int i = 0; i < kAtOnce; ++i)
        readers.emplace_back([&, i] {
            Aligned data(4096);
            EXPECT_TRUE(read_at(open_disk().get(), static_cast<std::uint64_t>(i) * 4 * kMiB, data));
        });
    for (std::thread& reader : readers) reader.join();
    device_->heal();
    EXPECT_GE(most, kAtOnce);
}

TEST_P(Requests, ThreadsSeeTheirOwnWrites) {
    constexpr unsigned kThreads = 6;
    constexpr std::uint64_t kShare = 2 * kMiB;
    std::vector<std::thread> writers;
    for (unsigned id = 0; id < kThreads; ++id)
        writers.emplace_back([&, id] {
            const UniqueFd fd = open_disk();
            for (std::uint64_t round = 0; round < 12; ++round) {
                const std::uint64_t length = 4096 << (round % 9);
                const std::uint64_t at = id * kShare + round * 8192;
                const Aligned data = pattern(length, id * 100 + round);
                EXPECT_TRUE(write_at(fd.get(), at, data));
                if (round % 4 == 0) {
                    EXPECT_EQ(::fsync(fd.get()), 0);
                }
                Aligned got(length);
                EXPECT_TRUE(read_at(fd.get(), at, got));
                EXPECT_TRUE(got == data) << "thread " << id << " round " << round;
            }
        });
    for (std::thread& writer : writers) writer.join();
}

TEST_P(Requests, OneThreadServesEverythingToo) {
    ASSERT_THAT(mounted_->stop(), Succeeds());
    mounted_.reset();
    MountOptions options;
    options.threads = 1;
    ASSERT_NO_FATAL_FAILURE(mount_disk(kSize, options));
    const UniqueFd fd = open_disk();
    const Aligned data = pattern(3 * kMiB, 1);
    ASSERT_TRUE(write_at(fd.get(), 4096, data));
    ASSERT_EQ(::fsync(fd.get()), 0);
    const bool refused = !write_at(fd.get(), kSize, Aligned(4096)) || ::fsync(fd.get()) != 0;
    EXPECT_TRUE(refused);
    Aligned got(data.size());
    ASSERT_TRUE(read_at(fd.get(), 4096, got));
    EXPECT_TRUE(got == data);
}

TEST_P(Requests, ClonedDescriptorsServeToo) {
    ASSERT_THAT(mounted_->stop(), Succeeds());
    mounted_.reset();
    MountOptions options;
    options.clone_fd = true;
    ASSERT_NO_FATAL_FAILURE(mount_disk(kSize, options));
    const UniqueFd fd = open_disk();
    const Aligned data = pattern(3 * kMiB, 1);
    ASSERT_TRUE(write_at(fd.get(), 4096, data));
    ASSERT_EQ(::fsync(fd.get()), 0);
    Aligned got(data.size());
    ASSERT_TRUE(read_at(fd.get(), 4096, got));
    EXPECT_TRUE(got == data);
}

}  // namespace
}  // namespace twofold::fs

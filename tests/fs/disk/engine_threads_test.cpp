// A disk under many threads at once: its own (soft commits every millisecond, commits and
// checkpoints as often as they can) and those of its users. Small pool and log, so that they meet.
// For the thread sanitizer as well.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "tests/fs/disk/contents.h"
#include "tests/support/faulty_file.h"

namespace twofold {
namespace {

using fs::BlockIndex;
using fs::Durability;
using fs::kBlockSize;

class Threads {
public:
    template <class Body>
    void start(Body body) {
        threads_.emplace_back(std::move(body));
    }
    void join() {
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
    }
    ~Threads() { join(); }

private:
    std::vector<std::thread> threads_;
};

class EngineThreads : public testing::Test {
protected:
    explicit EngineThreads(DiskShape shape = {96, 32, 10, 1}) : disk(shape) {
        disk.real_time = true;
        disk.options.background = true;
        disk.options.soft_commit_every = std::chrono::milliseconds(1);
        disk.options.commit_every = std::chrono::seconds(0);
        disk.options.checkpoint_when_idle = std::chrono::seconds(0);
        disk.options.on_event = [this](const fs::DiskEvent& event) {
            ++events;
            ADD_FAILURE() << event.text;
        };
        // O7: one sync at a time, ever.
        disk.wrap = [this](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
            return std::make_unique<FaultyFile>(std::move(file), [this](const FileCall& call) {
                if (call.kind != FileCall::Kind::sync) return Result<void>();
                EXPECT_EQ(syncing.fetch_add(1), 0) << "two threads sync at once";
                std::this_thread::yield();
                --syncing;
                ++syncs;
                return Result<void>();
            });
        };
    }
    void write_version(std::uint64_t block, std::uint64_t version, std::uint64_t count = 1) {
        std::vector<std::byte> data;
        for (std::uint64_t b = block; b < block + count; ++b) {
            const auto contents = contents_of(b, version);
            data.insert(data.end(), contents.begin(), contents.end());
        }
        must(disk.disk->write(fs::offset_of(BlockIndex{block}), data), "write");
    }
    // The version that a block holds; fails the test if it is a mixture.
    std::uint64_t read_version(std::uint64_t block) {
        std::vector<std::byte> bytes(kBlockSize);
        must(disk.disk->read(fs::offset_of(BlockIndex{block}), bytes), "read");
        const std::uint64_t version = Reader(bytes).u64_le();
        EXPECT_TRUE(equal(bytes, contents_of(block, version))) << "block " << block;
        return version;
    }

    TestDisk disk;
    std::atomic<int> syncing{0}, syncs{0}, events{0};
};

TEST_F(EngineThreads, WritersReadersFlushersAndDiscardersAgree) {
    constexpr std::uint64_t kWriters = 4, kEach = 24;
    constexpr std::uint64_t kRounds = 150;
    disk.open();
    std::atomic<bool> done{false};
    std::array<DiskState, kWriters> written;
    Threads writers, others;
    for (std::uint64_t w = 0; w < kWriters; ++w)
        writers.start([&, w] {
            std::mt19937_64 random(w);
            DiskState& mine = written[w];
            mine.resize(kEach);
            for (std::uint64_t version = 1; version <= kRounds; ++version) {
                const std::uint64_t count = 1 + random() % 6;
                const std::uint64_t at = random() % (kEach - count + 1);
                const bool zero = random() % 5 == 0;
                if (zero)
                    must(disk.zero(w * kEach + at, count), "zero");
                else
                    write_version(w * kEach + at, version, count);
                std::fill_n(mine.begin() + static_cast<std::ptrdiff_t>(at), count,
                            zero ? 0 : version);
                const std::uint64_t probe = random() % kEach;
                EXPECT_EQ(read_version(w * kEach + probe), mine[probe]);
                if (version % 16 == 0) must(disk.sync(), "sync");
                if (version % 16 == 8) must(disk.soft_commit(), "soft commit");
            }
        });
    for (int r = 0; r < 2; ++r)
        others.start([&, r] {
            std::mt19937_64 random(static_cast<std::uint64_t>(100 + r));
            while (!done) read_version(random() % (kWriters * kEach));
        });
    others.start([&] {
        while (!done) {
            must(disk.sync(), "sync");
            must(disk.disk->tick(), "tick");
            disk.disk->stats();
            disk.disk->info();
        }
    });
    writers.join();
    done = true;
    others.join();
    must(disk.disk->check_map(), "check");
    const auto all = [&] {
        DiskState state;
        for (const DiskState& part : written) state.insert(state.end(), part.begin(), part.end());
        return state;
    }();
    EXPECT_EQ(must(read_state(disk, kWriters * kEach)), all);
    disk.reopen();
    EXPECT_EQ(must(read_state(disk, kWriters * kEach)), all);
    must(disk.disk->check_map(), "check");
    disk.close();
}

// The slots of few blocks go round and round between them, under readers without locks.
TEST_F(EngineThreads, AReadRacingTheReuseOfASlotReturnsSomeVersionOfItsBlock) {
    constexpr std::uint64_t kBlocks = 4;
    disk.open();
    std::atomic<bool> done{false};
    std::array<std::atomic<std::uint64_t>, kBlocks> newest{};
    Threads writers, readers;
    for (std::uint64_t block = 0; block < kBlocks; ++block)
        writers.start([&, block] {
            for (std::uint64_t version = 1; version <= 200; ++version) {
                write_version(block, version);
                newest[block] = version;
                if (version % 2 == 0) must(disk.sync());
            }
        });
    for (int r = 0; r < 3; ++r)
        readers.start([&] {
            for (std::uint64_t i = 0; !done; ++i) {
                const std::uint64_t block = i % kBlocks;
                const std::uint64_t before = newest[block];
                EXPECT_GE(read_version(block), before) << "older than a write that had returned";
            }
        });
    writers.join();
    done = true;
    readers.join();
    disk.close();
    EXPECT_EQ(events, 0);
}

// Write step 2: the versions of one block never run backwards.
TEST_F(EngineThreads, OverlappingWritersAroundSealedEpochsSurviveAKillInOneOrder) {
    disk.open();
    for (int round = 0; round < 10; ++round) {
        Threads writers;
        for (std::uint64_t w = 0; w < 3; ++w)
            writers.start([&, w] {
                for (std::uint64_t i = 0; i < 30; ++i) {
                    write_version(w, 1000 * (w + 1) + i, 3);
                    must(disk.soft_commit());
                }
            });
        writers.join();
        const DiskState before = must(read_state(disk, 96));
        disk.kill();
        disk.open();
        EXPECT_EQ(must(read_state(disk, 96)), before);
        must(disk.disk->check_map());
    }
}

TEST_F(EngineThreads, ClosingWaitsForRequestsAndRefusesLaterOnes) {
    disk.open();
    std::atomic<std::uint64_t> last{0};
    Threads writers;
    writers.start([&] {
        for (std::uint64_t version = 1;; ++version) {
            const auto written = disk.disk->write(fs::ByteOffset{0}, contents_of(0, version));
            if (!written) {
                EXPECT_THAT(written, FailsWith(Errc::stopped));
                return;
            }
            last = version;
        }
    });
    while (last < 20) std::this_thread::yield();
    EXPECT_THAT(disk.disk->close(), Succeeds());
    writers.join();
    std::byte byte;
    EXPECT_THAT(disk.disk->read(fs::ByteOffset{0}, {&byte, 1}), FailsWith(Errc::stopped));
    EXPECT_THAT(disk.disk->close(), Succeeds()) << "again";
    disk.open();
    EXPECT_EQ(read_version(0), last);
    EXPECT_TRUE(disk.disk->info().clean);
}

TEST_F(EngineThreads, EveryWaiterLearnsOfAFailedSync) {
    disk.options.on_event = [](const fs::DiskEvent&) {};
    std::atomic<bool> broken{false};
    disk.wrap = [&](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
        return std::make_unique<FaultyFile>(std::move(file),
                                            [&](const FileCall& call) -> Result<void> {
                                                if (call.kind == FileCall::Kind::sync && broken)
                                                    return fail(Errc::io, "injected");
                                                return {};
                                            });
    };
    disk.open();
    Threads users;
    std::atomic<int> ended{0};
    for (std::uint64_t w = 0; w < 6; ++w)
        users.start([&, w] {
            for (std::uint64_t version = 1;; ++version) {
                const auto data = contents_of(w, version);
                if (!disk.disk->write(fs::offset_of(BlockIndex{w * 8}), data)) break;
                const bool had_stopped = disk.disk->stats().stopped;
                const bool synced = disk.sync().has_value();
                EXPECT_FALSE(synced && had_stopped) << "a sync succeeded after one had failed";
                if (!synced) break;
                if (version == 20) broken = true;
            }
            ++ended;
        });
    users.join();
    EXPECT_EQ(ended, 6);
    EXPECT_TRUE(disk.disk->stats().stopped);
}

}  // namespace
}  // namespace twofold

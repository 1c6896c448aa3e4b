// The anchor of a disk that is mounted, while its place fails, or takes its time.
#include "fs/disk/anchor_keeper.h"

#include <gtest/gtest.h>

#include <future>

#include "fs/disk/encrypted_disk.h"
#include "tests/support/test_disks.h"

namespace twofold {
namespace {

using fs::Anchor;
using Call = MemoryAnchors::Call;
using namespace std::chrono_literals;

class AnchorKeeperTest : public testing::Test {
protected:
    static crypto::Blake2b make_mac() {
        auto key = must(crypto::SecretBytes::zeroed(32));
        return must(crypto::Blake2b::create(std::move(key), "twofold1.anchor"));
    }
    static Anchor state(std::uint64_t generation, std::uint64_t epoch = 0) {
        Anchor anchor;
        anchor.state = Anchor::State::open;
        anchor.disk.bytes.fill(std::byte{1});
        anchor.superblock_generation = generation;
        anchor.acknowledged_epoch = epoch;
        anchor.keysets.push_back({1, fs::Suite::xaes_256_gcm, fs::Suite::none, {}, {}, {}, {}});
        return anchor;
    }
    std::uint64_t kept() const {
        return must(Anchor::parse(*anchors->record())).superblock_generation;
    }
    void fail_all() {
        anchors->before = [this](Call) -> Result<void> {
            ++attempts;
            return fail(Errc::vault_unreachable, "away");
        };
    }
    void mend() {
        anchors->before = [](Call) { return Result<void>(); };
    }

    std::shared_ptr<MemoryAnchors> anchors = std::make_shared<MemoryAnchors>();
    crypto::Blake2b mac = make_mac();
    FixedClock clock;
    int attempts = 0;
    std::vector<std::string> reports;
    fs::AnchorKeeper keeper{{anchors, "node0", "data0"}, {}, mac, clock, [this](const Error* e) {
                                reports.push_back(e ? e->what : "mended");
                            }};
};

TEST_F(AnchorKeeperTest, KeepsTheNewestStateAlone) {
    keeper.follow(state(3));
    EXPECT_EQ(kept(), 3u);
    keeper.follow(state(2, 99));
    EXPECT_EQ(kept(), 3u) << "an older one came late";
    keeper.follow(state(3, 5));
    EXPECT_EQ(must(Anchor::parse(*anchors->record())).acknowledged_epoch, 5u);
    EXPECT_TRUE(reports.empty());
}

TEST_F(AnchorKeeperTest, TriesAgainWithLongerPausesAndTellsOnce) {
    must(keeper.save(state(1)));
    fail_all();
    keeper.follow(state(2));
    EXPECT_EQ(attempts, 1);
    ASSERT_TRUE(keeper.trouble());
    EXPECT_EQ(keeper.trouble()->since, clock.seconds);
    const UnixSeconds since = clock.seconds;
    int expected = 1;
    for (const int pause : {1, 2, 4, 8, 16, 32, 64, 64}) {
        clock.seconds += pause;
        clock.passed += std::chrono::seconds(pause) - 1ms;
        keeper.retry_due();
        keeper.follow(state(2 + static_cast<std::uint64_t>(expected)));  // coalesced
        EXPECT_EQ(attempts, expected) << "too early by a millisecond";
        clock.passed += 1ms;
        keeper.retry_due();
        EXPECT_EQ(attempts, ++expected);
    }
    EXPECT_EQ(keeper.trouble()->since, since) << "since it began";
    EXPECT_EQ(reports, std::vector<std::string>{"away"});
    EXPECT_EQ(kept(), 1u);
    mend();
    clock.passed += 64s;
    keeper.retry_due();
    EXPECT_EQ(kept(), 10u) << "the newest";
    EXPECT_FALSE(keeper.trouble());
    EXPECT_EQ(reports, (std::vector<std::string>{"away", "mended"}));
}

TEST_F(AnchorKeeperTest, AfterStopNothingIsSavedThatWasNotSaid) {
    keeper.stop();
    keeper.follow(state(5));
    EXPECT_FALSE(anchors->record());
    must(keeper.save(state(6)));
    EXPECT_EQ(kept(), 6u);
}

// ---- Under a disk with threads of its own

class AnchoredThreads : public testing::Test {
protected:
    AnchoredThreads() {
        disk.use_anchor();
        disk.real_time = true;
        disk.options.background = true;
        disk.options.anchor_every_flush = true;
        disk.options.on_event = [this](const fs::DiskEvent& event) {
            const std::scoped_lock hold(mutex);
            events.push_back(event.kind);
        };
    }
    TestDisk disk;
    std::mutex mutex;
    std::vector<fs::DiskEvent::Kind> events;  // guarded by mutex
};

TEST_F(AnchoredThreads, APlaceThatDoesNotAnswerStopsNoRequestAndNoCheckpoint) {
    std::promise<void> reached, answer;
    std::shared_future<void> answered = answer.get_future().share();
    std::atomic<int> saves{0};
    disk.anchors->before = [&](Call call) -> Result<void> {
        if (call != Call::save || ++saves == 1) return {};  // the first one is part of the opening
        if (saves == 2) reached.set_value();
        answered.wait();
        return {};
    };
    disk.open();
    reached.get_future().wait();
    // Longer than the log: so checkpoints are taken meanwhile.
    for (int i = 0; i < 40; ++i) {
        must(disk.write(static_cast<std::uint64_t>(i % 16), static_cast<std::uint8_t>(i + 1)));
        must(disk.sync());
    }
    EXPECT_GT(disk.disk->stats().checkpoints, 1u);
    EXPECT_EQ(must(disk.read(7)), 40);
    EXPECT_EQ(saves, 2) << "still waiting";
    answer.set_value();
    disk.close();
    EXPECT_EQ(must(Anchor::parse(*disk.anchors->record())).state, Anchor::State::clean);
    EXPECT_LT(saves, 40) << "what came meanwhile is one";
    disk.open();
    EXPECT_EQ(must(disk.read(7)), 40);
    disk.close();
}

TEST_F(AnchoredThreads, APlaceThatFailsNowAndThenIsAnEventAndNoMore) {
    std::atomic<int> saves{0};
    disk.anchors->before = [&](Call call) -> Result<void> {
        if (call == Call::save && ++saves % 2 == 0) return fail(Errc::vault_unreachable, "away");
        return {};
    };
    disk.open();
    std::thread other([&] {
        for (int i = 0; i < 100; ++i) {
            must(disk.write(20 + static_cast<std::uint64_t>(i % 8), 1));
            must(disk.sync());
        }
    });
    for (int i = 0; i < 100; ++i) {
        must(disk.write(static_cast<std::uint64_t>(i % 8), static_cast<std::uint8_t>(i + 1)));
        must(disk.sync());
        (void)disk.disk->info().anchor_trouble;
    }
    other.join();
    EXPECT_THAT(disk.disk->close(), Succeeds());
    disk.anchors->before = [](Call) { return Result<void>(); };
    disk.open();
    EXPECT_EQ(must(disk.read(3)), 100);
    disk.close();
    const std::scoped_lock hold(mutex);
    EXPECT_TRUE(std::ranges::count(events, fs::DiskEvent::Kind::anchor_behind) > 0);
}

}  // namespace
}  // namespace twofold

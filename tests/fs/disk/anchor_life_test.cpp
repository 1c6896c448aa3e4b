// The anchor through the life of a mount: what it says when, and what becomes of a mount whose
// anchor can't be told.
#include <iostream>

#include "tests/fs/disk/anchored_disk.h"
#include "tests/support/faulty_file.h"

namespace twofold {
namespace {

class AnchorLife : public AnchoredDiskTest {};

// ---- What it says when

TEST_F(AnchorLife, IsOpenFromBeforeTheFirstWriteUntilAfterTheLast) {
    EXPECT_EQ(anchor().state, Anchor::State::clean) << "from its creation on";
    EXPECT_EQ(anchor().superblock_generation, 1u);

    bool opened = false, wrote = false;
    disk.wrap = [&](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
        return std::make_unique<FaultyFile>(std::move(file), [&](FileCall& call) -> Result<void> {
            if (call.kind != FileCall::Kind::write) return {};
            if (!wrote) {
                opened = anchor().state == Anchor::State::open;
                EXPECT_EQ(anchor().superblock_generation, 1u) << "the numbers just verified";
                EXPECT_FALSE(all_zero(anchor().next_salt));
            }
            wrote = true;
            EXPECT_EQ(anchor().state, Anchor::State::open);
            return {};
        });
    };
    disk.open();
    EXPECT_TRUE(opened && wrote);
    EXPECT_EQ(anchor().mount_counter, 1u);
    EXPECT_EQ(anchor().superblock_generation, 2u);
    EXPECT_TRUE(all_zero(anchor().next_salt));

    put_text(0xa1);
    EXPECT_EQ(anchor().superblock_generation, 2u) << "a commit alone is not told";
    checkpoint();
    const fs::DiskInfo info = disk.disk->info();
    EXPECT_EQ(anchor().superblock_generation, info.superblock_generation);
    EXPECT_EQ(anchor().acknowledged_epoch, info.acknowledged_epoch);
    EXPECT_GT(info.superblock_generation, 2u);
    disk.close();
    EXPECT_EQ(anchor().state, Anchor::State::clean);
    disk.open();
    EXPECT_EQ(must(disk.read(kBlock)), 0xa1);
}

TEST_F(AnchorLife, ReadersCompareAndChangeNothing) {
    disk.open();
    put_text(0xa1);
    disk.close();
    const Moment older = now();
    disk.open();
    put_text(0xa2);
    disk.kill();
    const Moment newer = now();
    int saves = 0;
    disk.anchors->before = [&](Call call) -> Result<void> {
        saves += call == Call::load ? 0 : 1;
        return {};
    };
    for (bool fs::OpenOptions::*reader : {&fs::OpenOptions::read_only, &fs::OpenOptions::observe}) {
        disk.options.*reader = true;
        EXPECT_THAT(open_with(newer.image, newer.anchor), Succeeds());
        EXPECT_EQ(must(disk.read(kBlock)), 0xa2);
        disk.close();
        EXPECT_THAT(open_with(older.image, newer.anchor), FailsWith(Errc::rolled_back));
        disk.options.*reader = false;
    }
    EXPECT_EQ(saves, 0);
    EXPECT_EQ(disk.anchors->record(), newer.anchor);
}

// ---- The place fails

constexpr int kMounts = 3, kRounds = 3;
constexpr std::uint64_t kWritten = 5;  // block

// A life of a disk: mounts, writes, checkpoints, ends. Opening may fail, nothing else.
Result<void> live(TestDisk& disk, int& refused) {
    std::uint8_t fill = 1;
    for (int mount = 0; mount < kMounts; ++mount) {
        const MemoryImage before = disk.image;
        const auto opened = disk.try_open();
        if (!opened) {
            ++refused;
            std::vector<std::byte> a(before.size()), b(disk.image.size());
            before.read(0, a);
            disk.image.read(0, b);
            if (a != b) return fail(Errc::failed, "a refused opening wrote to the image");
            if (opened.error().code != Errc::vault_unreachable) return opened;
            continue;
        }
        for (int round = 0; round < kRounds; ++round) {
            TF_TRY(disk.write(kWritten, fill++));
            TF_TRY(disk.sync());
            disk.pass(std::chrono::seconds(100));  // longer than any pause
            TF_TRY(disk.disk->tick());
            disk.pass(std::chrono::seconds(100));
            TF_TRY(disk.disk->tick());
        }
        if (mount % 2 == 0)
            TF_TRY(disk.disk->close());
        else
            disk.kill();
    }
    disk.kill();
    return {};
}

TEST_F(AnchorLife, APlaceThatFailsAtAnySaveOnceOrForGoodStopsNoMount) {
    int saves = 0;
    disk.anchors->before = [&](Call call) -> Result<void> {
        saves += call == Call::save ? 1 : 0;
        return {};
    };
    int refused = 0;
    ASSERT_THAT(live(disk, refused), Succeeds());
    ASSERT_EQ(refused, 0);
    int faults = 0;
    for (const bool for_good : {false, true})
        for (int failing = 1; failing <= saves; ++failing) {
            SCOPED_TRACE(fmt::format("save {}, {}", failing, for_good ? "for good" : "once"));
            TestDisk fresh(kShape);
            fresh.use_anchor();
            int seen = 0, failed = 0, in_openings = 0;
            fresh.anchors->before = [&](Call call) -> Result<void> {
                if (call != Call::save) return {};
                ++seen;
                if (seen != failing && !(for_good && seen > failing)) return {};
                ++failed;
                in_openings += fresh.disk == nullptr ? 1 : 0;
                return fail(Errc::vault_unreachable, "away");
            };
            refused = 0;
            ASSERT_THAT(live(fresh, refused), Succeeds());
            ASSERT_GT(failed, 0);
            ++faults;
            if (refused == 0) {
                EXPECT_TRUE(fresh.has_event(Kind::anchor_behind));
            }
            fresh.anchors->before = [](Call) { return Result<void>(); };
            // Whatever it missed: the anchor is a lower bound, and the next mount takes up from it.
            ASSERT_THAT(fresh.try_open(), Succeeds());
            fresh.close();
            EXPECT_EQ(must(Anchor::parse(*fresh.anchors->record())).state, Anchor::State::clean);
        }
    std::cout << saves << " saves, " << faults << " faults\n";
    EXPECT_EQ(faults, 2 * saves);
    EXPECT_GT(saves, 12);
}

TEST_F(AnchorLife, APlaceThatIsAwayWhileMountedIsToldWithTheTimeAndCaughtUpWith) {
    disk.open();
    disk.anchors->before = [](Call) { return fail(Errc::vault_unreachable, "vault: away"); };
    disk.clock.seconds += 100;
    put_text(0xa1);
    checkpoint();
    const auto trouble = disk.disk->info().anchor_trouble;
    ASSERT_TRUE(trouble);
    EXPECT_EQ(trouble->since, disk.clock.seconds);
    EXPECT_EQ(trouble->text, "vault: away");
    EXPECT_TRUE(disk.has_event(Kind::anchor_behind));
    EXPECT_FALSE(disk.disk->stats().stopped);
    disk.anchors->before = [](Call) { return Result<void>(); };
    disk.pass(std::chrono::seconds(64));
    must(disk.disk->tick());
    EXPECT_FALSE(disk.disk->info().anchor_trouble);
    EXPECT_TRUE(disk.has_event(Kind::anchor_restored));
    EXPECT_EQ(anchor().superblock_generation, disk.disk->info().superblock_generation);
}

TEST_F(AnchorLife, APlaceThatIsAwayAtTheEndLeavesALowerBoundAndACleanImage) {
    disk.open();
    put_text(0xa1);
    disk.anchors->before = [](Call) { return fail(Errc::vault_unreachable, "vault: away"); };
    EXPECT_THAT(disk.disk->close(), Succeeds());
    EXPECT_TRUE(disk.has_event(Kind::anchor_behind));
    EXPECT_TRUE(disk.disk->info().anchor_trouble);
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::vault_unreachable));
    disk.anchors->before = [](Call) { return Result<void>(); };
    EXPECT_EQ(anchor().state, Anchor::State::open);
    disk.open();
    EXPECT_TRUE(disk.disk->info().clean);
    EXPECT_EQ(must(disk.read(kBlock)), 0xa1);
}

TEST_F(AnchorLife, ACreationThatCantBeAnchoredFails) {
    const auto anchors = std::make_shared<MemoryAnchors>();
    anchors->before = [](Call) { return fail(Errc::vault_unreachable, "vault: away"); };
    MemoryImage image;
    EXPECT_THAT(fs::create_disk(*image.open(), kShape.spec(two_layers()), disk.keys, disk.random,
                                disk.clock, disk.options.limits, {anchors, "node0", "test"}),
                FailsWith(Errc::vault_unreachable));
}

// A writer begins a mount between an observer's look at the anchor and its look at the image.
TEST_F(AnchorLife, AnObserverBesideAWriterTakesItForNoFork) {
    disk.open();
    put_text(0xa1);
    disk.close();
    auto options = disk.options;
    options.observe = true;
    int loads = 0;
    disk.anchors->before = [&](Call call) -> Result<void> {
        if (call == Call::load) ++loads;
        return {};
    };
    const auto record = *disk.anchors->record();
    struct Late final : fs::AnchorStore {
        std::function<Result<std::optional<std::vector<std::byte>>>()> answer;
        Result<std::optional<std::vector<std::byte>>> load() override { return answer(); }
        Result<void> save(Bytes) override { return {}; }
        Result<void> forget() override { return {}; }
    };
    const auto late = std::make_shared<Late>();
    bool first = true;
    late->answer = [&]() -> Result<std::optional<std::vector<std::byte>>> {
        auto now = disk.anchors->record();
        if (first) {
            disk.open();
            put_text(0xa2);
        }
        first = false;
        return now;
    };
    options.anchor.store = late;
    const auto observer = must(fs::EncryptedDisk::open(disk.image.open(), disk.keys, disk.note,
                                                       disk.random, disk.clock, options));
    EXPECT_EQ(must(observer->look(fs::BlockIndex{kBlock})).plain[0], std::byte{0xa2});
    EXPECT_FALSE(first);
}

}  // namespace
}  // namespace twofold

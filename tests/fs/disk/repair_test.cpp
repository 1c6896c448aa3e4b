// Repair: what has a second copy, or can be made again and proved, comes back bit for bit; all else
// is named and left alone; going on with a loss is asked for.
#include "fs/disk/repair.h"

#include <algorithm>
#include <map>

#include "fs/disk/envelope_sector.h"
#include "fs/disk/inspect.h"
#include "fs/disk/log_page.h"
#include "tests/support/recording_file.h"
#include "tests/support/seeds.h"
#include "tests/support/test_disks.h"

namespace twofold::fs {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Every sector that is not zero, by offset.
using Content = std::map<std::uint64_t, PageBytes>;
Content content_of(const MemoryImage& image) {
    const auto file = image.open();
    Content out;
    const std::uint64_t size = must(file->size());
    for (std::uint64_t at = 0; at < size;) {
        const auto data = must(file->next_data(at));
        if (!data) break;
        at = *data / kSectorSize * kSectorSize;
        PageBytes sector{};
        must(file->read(at, MutableBytes(sector)));
        if (!all_zero(sector)) out.emplace(at, sector);
        at += kSectorSize;
    }
    return out;
}

// A place in an image, and what it is.
struct Place {
    std::string what;
    std::uint64_t offset = 0;
};

class RepairTest : public testing::Test {
protected:
    // Two mounts of some history, so that both superblock pairs were written.
    void SetUp() override {
        disk.open();
        for (std::uint64_t b = 0; b < 40; ++b) must(disk.write(b * 3, 1));
        must(disk.sync());
        disk.reopen();
        for (std::uint64_t b = 0; b < 10; ++b) must(disk.write(b * 3, 2));
        must(disk.zero(90, 9));
        must(disk.sync());
    }
    void unmount() {
        disk.close();
        sound = disk.image;
        look();
    }
    void look() {
        const auto report = must(inspect_image(*disk.image.open(), Limits::tiny()));
        layout.emplace(*report.layout);
        super = *report.superblock();
    }

    Result<RepairReport> try_repair(Loss loss = Loss::refuse) {
        auto file = disk.wrap(disk.image.open());
        return repair_disk(*file, disk.keys, disk.note, disk.random, disk.clock, Limits::tiny(),
                           loss);
    }
    RepairReport repair(Loss loss = Loss::refuse) { return must(try_repair(loss)); }
    CheckReport check() {
        const auto file = disk.image.open();
        return must(check_disk(*file, disk.keys, disk.note, disk.random, disk.clock,
                               {.limits = Limits::tiny()}));
    }

    // The copy of it that counts.
    std::uint64_t node() const { return layout->node_offset(Segment{0}, copy_at(segment_table())); }
    std::uint64_t leaf(std::uint32_t index) const {
        return layout->leaf_offset(LeafIndex{index},
                                   copy_at(node() + kMapPageHeaderSize + index * kReferenceSize));
    }
    std::uint64_t segment_table() const {
        return layout->segment_table_offset(super.segment_table_copy);
    }
    std::uint64_t pool_table() const { return layout->pool_table_offset(super.pool_table_copy); }
    static Place header(HeaderCopy copy, std::size_t sector) {
        return {fmt::format("header copy {}, sector {}", copy == HeaderCopy::a ? "A" : "B", sector),
                header_offset(copy) + sector * kSectorSize};
    }
    // Everything of which there is another copy, or of which it can be made again.
    std::vector<Place> restorable() const {
        std::vector<Place> out;
        for (const HeaderCopy copy : {HeaderCopy::a, HeaderCopy::b})
            for (std::size_t i = 0; i < kHeaderSectors; ++i) out.push_back(header(copy, i));
        for (const std::uint64_t parity : {0, 1})
            for (const std::uint32_t replica : {0u, 1u})
                out.push_back({fmt::format("superblock {} {}", parity, replica),
                               superblock_offset(parity, replica)});
        out.push_back({"segment table", segment_table()});
        out.push_back({"pool table", pool_table()});
        out.push_back({"node", node()});
        return out;
    }

    enum class Damage { bit, zeros, ones };
    void damage(std::uint64_t offset, Damage how = Damage::bit) {
        if (how == Damage::bit) return disk.image.flip_bit(offset + 16, 3);
        PageBytes sector;
        sector.fill(how == Damage::zeros ? std::byte{0} : std::byte{0xff});
        disk.image.write(offset, sector);
    }
    // What the disk holds, by block; nothing where it can't be read.
    std::vector<std::optional<std::uint8_t>> contents() {
        std::vector<std::optional<std::uint8_t>> out;
        for (std::uint64_t b = 0; b < 256; ++b) {
            const auto value = disk.read(b);
            out.push_back(value ? std::optional(*value) : std::nullopt);
        }
        return out;
    }

    TestDisk disk;
    MemoryImage sound;  // as it was unmounted
    std::optional<Layout> layout;
    Superblock super;

private:
    std::uint32_t copy_at(std::uint64_t reference) const {
        std::byte first;
        disk.image.read(reference, MutableBytes(&first, 1));
        return std::to_integer<std::uint32_t>(first) & 1;
    }
};

TEST_F(RepairTest, WritesNothingToASoundImage) {
    unmount();
    auto trace = std::make_shared<Trace>();
    disk.wrap = [&](auto file) { return std::make_unique<RecordingFile>(std::move(file), trace); };
    const RepairReport report = repair();
    EXPECT_THAT(report.steps, IsEmpty());
    EXPECT_THAT(report.left, IsEmpty());
    EXPECT_EQ(trace->count(Operation::Kind::write), 0u);
}

TEST_F(RepairTest, RestoresEachDamagedSectorBitForBit) {
    unmount();
    const Content before = content_of(sound);
    int cases = 0;
    for (const Place& place : restorable())
        for (const Damage how : {Damage::bit, Damage::zeros, Damage::ones}) {
            SCOPED_TRACE(fmt::format("{}, damage {}", place.what, static_cast<int>(how)));
            disk.image = sound;
            damage(place.offset, how);
            if (content_of(disk.image) == before) continue;  // zeros over zeros
            ++cases;
            const CheckReport found = check();
            EXPECT_TRUE(found.found > 0 || !found.notes.empty());
            EXPECT_GT(found.restorable, 0u);
            EXPECT_TRUE(found.complete);
            EXPECT_EQ(found.blocks_lost, 0u);
            const RepairReport done = repair();
            EXPECT_THAT(done.steps, Not(IsEmpty()));
            EXPECT_THAT(done.left, IsEmpty());
            EXPECT_TRUE(content_of(disk.image) == before);
            const CheckReport after = check();
            EXPECT_TRUE(after.sound() && after.complete && after.restorable == 0);
        }
    // 32 header sectors, of which 6 are not zero; 4 superblocks, 2 tables, 1 node.
    EXPECT_EQ(cases, 32 * 2 + 6 + 7 * 3);
    RecordProperty("cases", cases);
}

TEST_F(RepairTest, RestoresSuperblocksThatACutLeftTornAndCallsThemNoDamage) {
    disk.kill();
    look();
    sound = disk.image;
    const Content before = content_of(sound);
    damage(superblock_offset(super.generation, 1));
    damage(superblock_offset(super.generation + 1, 0));
    EXPECT_TRUE(check().sound()) << "a cut may leave that";
    EXPECT_EQ(repair().steps.size(), 2u);
    EXPECT_TRUE(content_of(disk.image) == before);
}

TEST_F(RepairTest, NamesWhatHasNoCopyAndLeavesItAlone) {
    unmount();
    struct Case {
        std::vector<std::uint64_t> damaged;
        Errc code;
        std::string where;
    };
    const auto both = [](std::size_t sector) {
        return std::vector<std::uint64_t>{header(HeaderCopy::a, sector).offset,
                                          header(HeaderCopy::b, sector).offset};
    };
    const EnvelopePlace layer1{crypto::Layer::one, 0, 0}, layer2{crypto::Layer::two, 0, 0};
    const std::vector<Case> cases = {
        {both(0), Errc::damaged, "image"},
        {both(layer1.sector()), Errc::damaged, "image"},
        {both(layer2.sector()), Errc::damaged, "image"},
        {{superblock_offset(0, 0), superblock_offset(0, 1), superblock_offset(1, 0),
          superblock_offset(1, 1)},
         Errc::unauthentic,
         "image"},
        {{segment_table(), node()}, Errc::unauthentic, "segment table"},
        {{pool_table(), leaf(0)}, Errc::unauthentic, "pool table"},
        {{node(), leaf(0)}, Errc::unauthentic, "node of segment 0"},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.where);
        disk.image = sound;
        for (const std::uint64_t offset : c.damaged) damage(offset);
        const Content before = content_of(disk.image);
        for (const Loss loss : {Loss::refuse, Loss::accept}) {
            const RepairReport report = repair(loss);
            EXPECT_THAT(report.steps, IsEmpty());
            ASSERT_THAT(report.left, Not(IsEmpty()));
            EXPECT_EQ(report.left[0].code, c.code) << report.left[0].what;
            EXPECT_THAT(report.left[0].where, HasSubstr(c.where));
            EXPECT_TRUE(content_of(disk.image) == before);
        }
    }
    EXPECT_EQ(cases.size(), 7u);
}

TEST_F(RepairTest, WithoutAKeyIsAnErrorAndWritesNothing) {
    unmount();
    damage(header_offset(HeaderCopy::a));
    const Content before = content_of(disk.image);
    disk.keys.unusable = Errc::key_revoked;
    EXPECT_THAT(try_repair(), FailsWith(Errc::key_revoked));
    EXPECT_TRUE(content_of(disk.image) == before);
}

TEST_F(RepairTest, AFailingSyncEndsIt) {
    unmount();
    damage(header_offset(HeaderCopy::a));
    damage(superblock_offset(super.generation, 0));
    class NoSync final : public io::ForwardingFile {
    public:
        NoSync(std::unique_ptr<io::File> inner, int& left)
            : ForwardingFile(std::move(inner)), left_(left) {}
        Result<void> sync() override {
            if (left_-- == 0) return fail(Error{Errc::io, "sync failed", {}, EIO, {}});
            return ForwardingFile::sync();
        }

    private:
        int& left_;
    };
    const MemoryImage damaged = disk.image;
    int failed = 0;
    for (int n = 0; n < 20; ++n) {
        disk.image = damaged;
        int left = n;
        disk.wrap = [&](auto file) { return std::make_unique<NoSync>(std::move(file), left); };
        const auto done = try_repair();
        if (!done) {
            ++failed;
            EXPECT_EQ(done.error().code, Errc::io);
        }
        disk.wrap = [](auto file) { return file; };
        repair();
        EXPECT_TRUE(content_of(disk.image) == content_of(sound));
    }
    EXPECT_EQ(failed, 3);  // at its start, behind copy A, behind the superblock
}

// ---- Power cuts in a repair

// A cut at each operation, the sectors written since the last sync in any state: the next repair
// ends as if nothing had happened.
TEST_F(RepairTest, CutAtAnyOperationItIsMendedByTheNext) {
    unmount();
    const Content before = content_of(sound);
    damage(header(HeaderCopy::a, 0).offset);
    damage(header(HeaderCopy::b, 1).offset);  // each copy is damaged, in another sector
    damage(header(HeaderCopy::a, 5).offset, Damage::zeros);
    damage(superblock_offset(super.generation, 1), Damage::ones);
    damage(superblock_offset(super.generation + 1, 0));
    damage(segment_table());
    damage(pool_table());
    auto trace = std::make_shared<Trace>();
    const MemoryImage damaged = disk.image;
    disk.wrap = [&](auto file) { return std::make_unique<RecordingFile>(std::move(file), trace); };
    repair();
    disk.wrap = [](auto file) { return file; };
    ASSERT_TRUE(content_of(disk.image) == before);

    const std::uint64_t seed = seeds(1, 1).front();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937_64 random(seed);
    PowerCut cut(damaged, trace->operations());
    int states = 0;
    const auto expect_mendable = [&](const MemoryImage& state) {
        ++states;
        disk.image = state;
        const RepairReport report = repair();
        EXPECT_THAT(report.left, IsEmpty());
        ASSERT_TRUE(content_of(disk.image) == before);
    };
    for (std::size_t i = 0; i <= cut.size(); ++i) {
        cut.advance(i);
        expect_mendable(cut.nothing_unsynced());
        expect_mendable(cut.everything());
        for (int family = 0; family < PowerCut::kFamilies; ++family)
            expect_mendable(cut.state(static_cast<PowerCut::Family>(family), random));
    }
    EXPECT_EQ(states, static_cast<int>((trace->operations().size() + 1) * 8));
    EXPECT_GT(states, 300);
    RecordProperty("states", states);
}

// ---- Going on without what is lost

class AcceptedLoss : public RepairTest {
protected:
    // The log page that holds epoch `epoch`, of a killed daemon's image.
    std::uint64_t page_of(std::uint64_t epoch) {
        const auto file = disk.image.open();
        for (std::uint64_t i = 0; i < layout->shape().log_pages; ++i) {
            PageBytes bytes;
            must(file->read(layout->log_page_offset(i), MutableBytes(bytes)));
            const auto page = LogPage::peek(bytes);
            if (page && !page->ack() && page->epoch == epoch) return layout->log_page_offset(i);
        }
        ADD_FAILURE() << "no page of epoch " << epoch;
        return 0;
    }
    // Three epochs, each of one block, all synced; then the daemon dies.
    void three_epochs_and_a_kill() {
        disk.reopen();
        const std::uint64_t first = disk.disk->info().acknowledged_epoch + 1;
        for (std::uint8_t n = 0; n < 3; ++n) {
            must(disk.write(200 + n, 7));
            must(disk.sync());
        }
        must(disk.write(210, 7));  // its page says that the third one was acknowledged
        must(disk.soft_commit());
        disk.kill();
        look();
        epochs = {first, first + 1, first + 2, first + 3};
    }
    std::vector<std::uint64_t> epochs;
};

TEST_F(AcceptedLoss, MissingHistoryIsNamedAndNothingIsDoneAboutItUnasked) {
    three_epochs_and_a_kill();
    damage(page_of(epochs[1]));
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::history_lost));
    const Content before = content_of(disk.image);
    const CheckReport found = check();
    ASSERT_EQ(found.found, 1u);
    EXPECT_EQ(found.findings[0].code, Errc::history_lost);
    EXPECT_EQ(found.findings[0].cure, Cure::accept_loss);
    EXPECT_THAT(found.findings[0].what,
                HasSubstr(fmt::format("epochs {} to {}", epochs[1], epochs[3])));
    EXPECT_THAT(found.findings[0].what, HasSubstr(fmt::format("as of epoch {}", epochs[0])));
    const RepairReport refused = repair();
    EXPECT_THAT(refused.steps, IsEmpty());
    ASSERT_EQ(refused.left.size(), 1u);
    EXPECT_EQ(refused.left[0].code, Errc::history_lost);
    EXPECT_TRUE(content_of(disk.image) == before);
}

TEST_F(AcceptedLoss, AcceptedTheDiskGoesOnAsOfTheLastWholeEpoch) {
    three_epochs_and_a_kill();
    damage(page_of(epochs[1]));
    const RepairReport report = repair(Loss::accept);
    ASSERT_EQ(report.steps.size(), 1u);
    EXPECT_EQ(report.steps[0].kind, RepairStep::Kind::accepted);
    EXPECT_THAT(report.left, IsEmpty());
    EXPECT_TRUE(check().sound());
    EXPECT_TRUE(check().clean);
    disk.open();
    EXPECT_EQ(must(disk.read(200)), 7);  // of the epoch before
    EXPECT_EQ(must(disk.read(201)), 0);
    EXPECT_EQ(must(disk.read(202)), 0);
    EXPECT_EQ(must(disk.read(0)), 2);
    must(disk.disk->check_map());
    // What was given up does not come back.
    must(disk.write(203, 8));
    must(disk.sync());
    disk.kill();
    disk.open();
    EXPECT_EQ(must(disk.read(201)), 0);
    EXPECT_EQ(must(disk.read(203)), 8);
}

TEST_F(AcceptedLoss, ALostSuperblockIsHistoryLostToo) {
    disk.reopen();
    must(disk.write(200, 7));
    must(disk.sync());
    must(disk.write(201, 7));
    must(disk.soft_commit());
    disk.kill();
    look();
    for (const std::uint32_t replica : {0u, 1u})
        damage(superblock_offset(super.generation, replica));
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::history_lost));
    EXPECT_THAT(check().findings[0].what, HasSubstr("superblocks of mount"));
    repair(Loss::accept);
    const CheckReport after = check();
    EXPECT_TRUE(after.complete && after.clean);
    disk.open();
    must(disk.disk->check_map());
    EXPECT_EQ(must(disk.read(200)), 0);
    EXPECT_EQ(must(disk.read(0)), 2);
}

TEST_F(AcceptedLoss, ALostLeafCostsItsBlocksAndWritingHealsThem) {
    unmount();
    damage(leaf(0));
    const CheckReport found = check();
    ASSERT_EQ(found.found, 1u);
    EXPECT_EQ(found.findings[0].blocks, (BlockRange{BlockIndex{0}, 63}));
    EXPECT_EQ(found.findings[0].cure, Cure::accept_loss);
    const Content before = content_of(disk.image);
    EXPECT_THAT(repair().steps, IsEmpty());
    EXPECT_TRUE(content_of(disk.image) == before);

    const RepairReport report = repair(Loss::accept);
    ASSERT_EQ(report.steps.size(), 1u);
    EXPECT_THAT(report.steps[0].text, HasSubstr("blocks 0-62"));
    const CheckReport after = check();
    ASSERT_EQ(after.found, 1u);
    EXPECT_EQ(after.findings[0].where, "blocks 0-62");
    EXPECT_EQ(after.findings[0].cure, Cure::writing);
    disk.open();
    EXPECT_THAT(disk.read(0), FailsWith(Errc::unauthentic));
    EXPECT_THAT(disk.read(1), FailsWith(Errc::unauthentic));  // was ZERO: nobody knows that now
    EXPECT_EQ(must(disk.read(63)), 1);
    for (std::uint64_t b = 0; b < 63; ++b) must(disk.write(b, 5));
    must(disk.sync());
    EXPECT_EQ(must(disk.read(0)), 5);
    disk.close();
    EXPECT_TRUE(check().sound());
}

TEST_F(AcceptedLoss, CutAtAnyOperationItIsAsBeforeOrDone) {
    three_epochs_and_a_kill();
    damage(page_of(epochs[1]));
    damage(leaf(1));
    auto trace = std::make_shared<Trace>();
    const MemoryImage damaged = disk.image;
    disk.wrap = [&](auto file) { return std::make_unique<RecordingFile>(std::move(file), trace); };
    repair(Loss::accept);
    disk.wrap = [](auto file) { return file; };
    disk.open();
    const auto expected = contents();
    disk.kill();

    const std::uint64_t seed = seeds(1, 1).front();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937_64 random(seed);
    PowerCut cut(damaged, trace->operations());
    int states = 0, before = 0;
    for (std::size_t i = 0; i <= cut.size(); ++i) {
        cut.advance(i);
        for (int family = -2; family < PowerCut::kFamilies; ++family) {
            disk.image = family == -2   ? cut.nothing_unsynced()
                         : family == -1 ? cut.everything()
                                        : cut.state(static_cast<PowerCut::Family>(family), random);
            ++states;
            if (!disk.try_open()) {
                ++before;
                repair(Loss::accept);
                ASSERT_TRUE(disk.try_open().has_value());
            }
            EXPECT_EQ(contents(), expected);
            disk.kill();
        }
    }
    EXPECT_GT(before, 0);
    EXPECT_LT(before, states);
    RecordProperty("states", states);
}

TEST_F(RepairTest, BlocksStayDamagedUntilTheyAreWrittenAnew) {
    const std::uint64_t offset = disk.slot_offset(3);
    unmount();
    disk.image.flip_bit(offset + 100);
    EXPECT_THAT(repair().steps, IsEmpty());
    EXPECT_EQ(check().blocks_lost, 1u);
    disk.open();
    EXPECT_THAT(disk.read(3), FailsWith(Errc::unauthentic));
    must(disk.write(3, 9));
    EXPECT_EQ(must(disk.read(3)), 9);
    disk.close();
    EXPECT_TRUE(check().sound());
}

}  // namespace
}  // namespace twofold::fs

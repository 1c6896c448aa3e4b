// A header as a file, and back: only of this disk, not older than it may be, over nothing sound
// unless asked, and with one whole copy at any moment if there was one.
#include "fs/disk/header_backup.h"

#include "fs/disk/envelope_sector.h"
#include "fs/disk/header.h"
#include "fs/disk/superblock.h"
#include "tests/support/recording_file.h"
#include "tests/support/seeds.h"
#include "tests/support/test_disks.h"

namespace twofold::fs {
namespace {

class HeaderBackup : public testing::Test {
protected:
    void SetUp() override {
        disk.open();
        must(disk.write(3, 7));
        must(disk.sync());
        disk.close();
        saved = backup();
    }
    std::vector<std::byte> backup() {
        const auto file = disk.image.open();
        return must(back_up_header(*file, disk.keys, disk.note, Limits::tiny()));
    }
    Result<RestoredHeader> restore(SoundHeader sound = SoundHeader::keep) {
        const auto file = disk.wrap(disk.image.open());
        return restore_header(*file, saved, disk.keys, disk.note, Limits::tiny(), sound);
    }
    void destroy(HeaderCopy copy) {
        disk.image.write(header_offset(copy), std::vector<std::byte>(kHeaderSize, std::byte{0xa5}));
    }
    void destroy_both() {
        destroy(HeaderCopy::a);
        destroy(HeaderCopy::b);
    }
    std::vector<std::byte> copy_of(HeaderCopy copy) const {
        std::vector<std::byte> out(kHeaderSize);
        disk.image.read(header_offset(copy), MutableBytes(out));
        return out;
    }

    TestDisk disk;
    std::vector<std::byte> saved;
};

TEST_F(HeaderBackup, IsCopyAOfASoundHeader) {
    EXPECT_EQ(saved.size(), kHeaderSize);
    EXPECT_TRUE(saved == copy_of(HeaderCopy::a));
}

TEST_F(HeaderBackup, OfADamagedCopyTheOtherOneCounts) {
    destroy(HeaderCopy::a);
    EXPECT_TRUE(backup() == saved);
}

TEST_F(HeaderBackup, BothCopiesLostItBringsTheDiskBack) {
    destroy_both();
    EXPECT_FALSE(disk.try_open());
    const RestoredHeader restored = must(restore());
    EXPECT_EQ(restored.generation, 1u);
    EXPECT_EQ(restored.copies_damaged, 2);
    EXPECT_TRUE(copy_of(HeaderCopy::a) == saved && copy_of(HeaderCopy::b) == saved);
    disk.open();
    EXPECT_EQ(must(disk.read(3)), 7);
}

TEST_F(HeaderBackup, IsNotRestoredOverAHeaderThatOpensUnlessForced) {
    EXPECT_THAT(restore(), FailsWith(Errc::exists));
    destroy(HeaderCopy::b);
    EXPECT_THAT(restore(), FailsWith(Errc::exists));
    EXPECT_TRUE(copy_of(HeaderCopy::a) == saved);
    EXPECT_EQ(must(restore(SoundHeader::overwrite)).copies_damaged, 1);
    EXPECT_TRUE(copy_of(HeaderCopy::b) == saved);
}

TEST_F(HeaderBackup, AfterARotationItBringsTheOldEnvelopeBackAndOnlyWhileThatOpens) {
    disk.open();
    auto record = disk.keys.record_of(crypto::Layer::two);
    const std::string old(as_text(record));
    record.push_back(std::byte{'2'});
    must(disk.disk->rewrap(crypto::Layer::two, record, [](const auto&) { return Result<void>(); }));
    disk.close();
    EXPECT_FALSE(saved == copy_of(HeaderCopy::a));
    destroy_both();
    disk.keys.refused_records[old] = Errc::key_revoked;
    EXPECT_THAT(restore(), FailsWith(Errc::key_revoked));
    disk.keys.refused_records.clear();
    must(restore());
    disk.open();
}

TEST_F(HeaderBackup, OfAnotherDiskIsRefused) {
    const TestDisk other({}, two_layers(), 2);
    const auto file = other.image.open();
    saved = must(back_up_header(*file, disk.keys, other.note, Limits::tiny()));
    destroy_both();
    EXPECT_THAT(restore(), FailsWith(Errc::substituted));
}

TEST_F(HeaderBackup, DamagedOrOfAnotherSizeIsRefusedAndNothingIsWritten) {
    destroy_both();
    const auto before = copy_of(HeaderCopy::a);
    const auto whole = saved;
    int cases = 0;
    const std::size_t envelope = EnvelopePlace{crypto::Layer::one, 0, 0}.offset(HeaderCopy::a);
    for (const std::size_t at : {std::size_t{0}, std::size_t{300}, std::size_t{3937}, envelope + 70,
                                 std::size_t{9} * kSectorSize}) {
        saved = whole;
        saved[at] ^= std::byte{1};
        EXPECT_FALSE(restore()) << at;
        ++cases;
    }
    for (const std::size_t size : {std::size_t{0}, kHeaderSize - 1, kHeaderSize + 1}) {
        saved = whole;
        saved.resize(size);
        EXPECT_THAT(restore(), FailsWith(Errc::invalid));
        ++cases;
    }
    EXPECT_EQ(cases, 8);
    EXPECT_TRUE(copy_of(HeaderCopy::a) == before && copy_of(HeaderCopy::b) == before);
}

// A header of the disk's generation 1 while its superblock says that it has had 2.
TEST_F(HeaderBackup, OlderThanTheDiskHasHadIsRefused) {
    const auto file = disk.image.open();
    const auto opened =
        must(Header::open(*file, disk.keys, disk.note, Limits::tiny(), Libraries::fastest));
    const StaticSector& facts = opened.header->facts();
    const crypto::Blake2b& mac = opened.keys.macs().super;
    for (const std::uint64_t parity : {0u, 1u})
        for (const std::uint32_t replica : {0u, 1u}) {
            PageBytes sector;
            must(file->read(superblock_offset(parity, replica), MutableBytes(sector)));
            auto superblock =
                must(Superblock::parse(sector, facts.disk, facts.shape, Limits::tiny(), mac));
            superblock.min_header_generation = 2;
            must(file->write(superblock_offset(parity, replica), Bytes(superblock.encode(mac))));
        }
    destroy_both();
    EXPECT_THAT(restore(), FailsWith(Errc::rolled_back));
}

// Wherever a cut falls, a disk that had one sound copy still opens.
TEST_F(HeaderBackup, ACutWhileItIsRestoredLeavesTheSoundCopyOrTheNewOne) {
    const std::uint64_t seed = seeds(1, 1).front();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937_64 random(seed);
    int states = 0;
    const MemoryImage sound = disk.image;
    for (const HeaderCopy damaged : {HeaderCopy::a, HeaderCopy::b}) {
        disk.image = sound;
        destroy(damaged);
        const MemoryImage start = disk.image;
        auto trace = std::make_shared<Trace>();
        disk.wrap = [&](auto file) {
            return std::make_unique<RecordingFile>(std::move(file), trace);
        };
        must(restore(SoundHeader::overwrite));
        disk.wrap = [](auto file) { return file; };
        PowerCut cut(start, trace->operations());
        for (std::size_t i = 0; i <= cut.size(); ++i) {
            cut.advance(i);
            for (int family = 0; family < PowerCut::kFamilies; ++family) {
                disk.image = cut.state(static_cast<PowerCut::Family>(family), random);
                ++states;
                const auto file = disk.image.open();
                EXPECT_TRUE(
                    Header::open(*file, disk.keys, disk.note, Limits::tiny(), Libraries::fastest));
            }
        }
    }
    EXPECT_GT(states, 100);
}

}  // namespace
}  // namespace twofold::fs

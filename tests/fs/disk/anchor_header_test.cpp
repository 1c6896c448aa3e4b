// Both header copies being of one generation, older ones are rollbacks (format, sections 4 and 9).
#include "fs/disk/header.h"
#include "tests/fs/disk/anchored_disk.h"

namespace twofold {
namespace {

// Both copies as a header change would leave them: one generation later, by the same keys.
class RollbackOfAHeader : public AnchoredDiskTest {
protected:
    void change_header(std::initializer_list<fs::HeaderCopy> copies) {
        const auto file = disk.image.open();
        const auto opened = must(fs::Header::open(*file, disk.keys, disk.note, disk.options.limits,
                                                  fs::Libraries::fastest));
        fs::StaticSector facts = opened.header->facts();
        ++facts.generation;
        const auto bytes = must(facts.encode(opened.keys.header_mac()));
        for (const fs::HeaderCopy copy : copies) disk.image.write(fs::header_offset(copy), bytes);
    }
};

TEST_F(RollbackOfAHeader, AHeaderInBothCopiesMakesOlderOnesRollbacks) {
    using fs::HeaderCopy;
    std::array<std::vector<std::byte>, 2> older{
        sector(disk.image, fs::header_offset(HeaderCopy::a)),
        sector(disk.image, fs::header_offset(HeaderCopy::b))};
    change_header({HeaderCopy::b});  // cut before copy A
    disk.open();
    EXPECT_EQ(disk.disk->info().header_generation, 2u);
    EXPECT_EQ(anchor().min_header_generation, 1u) << "copy A alone would still be read";
    disk.close();
    disk.image.write(fs::header_offset(HeaderCopy::a),
                     sector(disk.image, fs::header_offset(HeaderCopy::b)));
    disk.open();
    EXPECT_EQ(anchor().min_header_generation, 2u);
    disk.close();
    disk.image.write(fs::header_offset(HeaderCopy::a), older[0]);
    EXPECT_THAT(disk.try_open(), Succeeds()) << "copy B is the newer one";
    disk.close();
    disk.image.write(fs::header_offset(HeaderCopy::b), older[1]);
    EXPECT_THAT(disk.try_open(), FailsWith(Errc::rolled_back));
}

TEST_F(RollbackOfAHeader, ARewrapThatMendsTheOtherCopyIsToldByTheNextSuperblock) {
    change_header({fs::HeaderCopy::b});
    disk.open();
    auto record = disk.keys.record_of(crypto::Layer::two);
    record.push_back(std::byte{'x'});
    must(disk.disk->rewrap(crypto::Layer::two, record,
                           [](const crypto::Envelope&) { return Result<void>(); }));
    put_text(0xa1);
    checkpoint();
    EXPECT_EQ(anchor().min_header_generation, 2u);
    disk.close();
    EXPECT_THAT(disk.try_open(), Succeeds());
}

}  // namespace
}  // namespace twofold

#include "fs/disk/header_backup.h"

#include <array>

#include "fs/disk/header.h"
#include "fs/disk/superblock_store.h"

namespace twofold::fs {

namespace {

constexpr std::array kCopies{HeaderCopy::a, HeaderCopy::b};

// A backup as both copies of an image that has nothing else, so that it is opened and verified as
// any header is.
Result<Header::Opened> open_backup(Bytes backup, crypto::KeySource& keys, const DiskNote& expected,
                                   const Limits& limits) {
    const auto alone = io::make_memory_file(kLogOffset);
    for (const HeaderCopy copy : kCopies) TF_TRY(alone->write(header_offset(copy), backup));
    auto opened = Header::open(*alone, keys, expected, limits, Libraries::fastest);
    if (!opened) return fail(std::move(opened.error()).in("header backup"));
    if (opened->header->sectors_that_differ() != 0)
        return fail(Errc::damaged, "header backup: {}",
                    opened->header->damage().empty() ? std::string("damaged")
                                                     : opened->header->damage().front().text);
    return opened;
}

// Which copies of the image are not sound headers of this disk by the backup's keys, as the format
// calls a copy sound; and no sound one may be newer.
Result<std::vector<HeaderCopy>> damaged_copies(io::File& image, const StaticSector& facts,
                                               const DiskKeys& keys, const Limits& limits) {
    std::vector<HeaderCopy> damaged;
    for (const HeaderCopy copy : kCopies) {
        PageBytes sector;
        auto read = image.read(header_offset(copy), MutableBytes(sector));
        const auto found = read ? StaticSector::parse(sector) : fail(read.error());
        const bool sound = found && found->disk == facts.disk && found->salt == facts.salt &&
                           found->keysets == facts.keysets &&
                           StaticSector::verify(sector, keys.header_mac(), limits);
        if (sound && found->generation > facts.generation)
            return fail(Errc::rolled_back,
                        "header backup: generation {}, while the disk has a sound header of "
                        "generation {}",
                        facts.generation, found->generation);
        if (!sound) damaged.push_back(copy);
    }
    return damaged;
}

}  // namespace

Result<std::vector<std::byte>> back_up_header(io::File& image, crypto::KeySource& keys,
                                              const DiskNote& expected, const Limits& limits) {
    TF_ASSIGN(const Header::Opened opened,
              Header::open(image, keys, expected, limits, Libraries::fastest));
    std::vector<std::byte> backup = opened.header->encoded();
    TF_TRY(open_backup(backup, keys, expected, limits));  // what is kept can be restored
    return backup;
}

Result<RestoredHeader> restore_header(io::File& image, Bytes backup, crypto::KeySource& keys,
                                      const DiskNote& expected, const Limits& limits,
                                      SoundHeader sound) {
    if (backup.size() != kHeaderSize)
        return fail(Errc::invalid, "header backup: {} bytes, not {}", backup.size(), kHeaderSize);
    TF_TRY(image.sync());
    TF_TRY(image.drop_cache());
    TF_ASSIGN(const Header::Opened opened, open_backup(backup, keys, expected, limits));
    const StaticSector& facts = opened.header->facts();
    TF_ASSIGN(
        const Superblock superblock,
        read_newest_superblock(image, facts.disk, facts.shape, limits, opened.keys.macs().super));
    if (facts.generation < superblock.min_header_generation)
        return fail(Errc::rolled_back,
                    "header backup: generation {}, older than {} which the disk has had: its keys "
                    "are not in use any more",
                    facts.generation, superblock.min_header_generation);
    TF_ASSIGN(const auto damaged, damaged_copies(image, facts, opened.keys, limits));
    if (sound == SoundHeader::keep &&
        Header::open(image, keys, expected, limits, Libraries::fastest))
        return fail(
            Error{Errc::exists,
                  "header: opens as it is",
                  "mend a damaged copy with: check --repair; restore all the same with: --force",
                  0,
                  {}});

    // What is sound is overwritten last: a cut leaves one whole copy wherever there was one.
    const bool a_first = damaged.size() == 1 && damaged.front() == HeaderCopy::a;
    for (const HeaderCopy copy :
         {a_first ? HeaderCopy::a : HeaderCopy::b, a_first ? HeaderCopy::b : HeaderCopy::a}) {
        TF_TRY(image.write(header_offset(copy), backup));
        TF_TRY(image.sync());
    }
    TF_TRY(image.drop_cache());
    TF_ASSIGN(const Header::Opened again,
              Header::open(image, keys, expected, limits, Libraries::fastest));
    if (again.header->sectors_that_differ() != 0 || !equal(again.header->encoded(), backup))
        return fail(Errc::damaged, "header: reads back differently");
    return RestoredHeader{facts.generation, static_cast<int>(damaged.size())};
}

}  // namespace twofold::fs

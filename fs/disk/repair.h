#pragma once

#include <string>
#include <vector>

#include "fs/disk/check.h"

namespace twofold::fs {

// One thing that repair_disk() did; one line: "superblock at 96 KiB: restored from its twin".
struct RepairStep {
    enum class Kind {
        restored,  // the image has bytes again that it ought to have, and only those
        accepted   // it goes on without something that is lost
    } kind = Kind::restored;
    std::string text;
};

struct RepairReport {
    std::vector<RepairStep> steps;
    // What is wrong with the metadata still, with what must be accepted to go on.
    std::vector<CheckFinding> left;
};

enum class Loss {
    refuse,
    // Goes on where synced history or a page of the map is lost for good: as of the last epoch that
    // is whole, and with the blocks of a lost leaf unreadable until they are written anew. Only on
    // its owner's word: nothing that was lost comes back afterwards.
    accept
};

// Mends the metadata of an image that nobody has mounted, and invents nothing: a damaged header
// copy, envelope or superblock replica is written from the sound one; a node, segment table or pool
// table, which have no second copy, from what they were made of, if that has the very MAC which the
// image demands of it. What is written was verified before, is synced, and is read back. Each write
// goes to bytes that were useless before, and what it came from stays until it is synced, so a cut
// at any point leaves an image that the same call mends. Blocks are not looked at: those whose tag
// is wrong stay unreadable until they are written anew. The caller holds the file's lock.
//
// Errors: those of check_disk(), and Errc::damaged where something reads back otherwise. What can't
// be mended is in `left`, and the image is as it was in that place.
Result<RepairReport> repair_disk(io::File& file, crypto::KeySource& keys, const DiskNote& expected,
                                 crypto::RandomSource& random, const Clock& clock,
                                 const Limits& limits, Loss loss);

}  // namespace twofold::fs

#pragma once

#include <string>
#include <vector>

#include "base/io/io.h"
#include "fs/disk/disk_note.h"
#include "fs/disk/limits.h"
#include "keyring/crypto/key_source.h"

namespace twofold::fs {

// A header as a file of 64 KiB, for the day when both copies are lost (format, section 10). It
// holds the envelopes of its day: who has it and a KEK that wrapped one of them opens the disk,
// also after that KEK was retired; and it opens the disk only as long as a KEK in it can be used
// and the disk still uses its DEKs.

// The header as it ought to be, every MAC verified; of a damaged copy the other one counts. Writes
// nothing. Errors of Header::open.
Result<std::vector<std::byte>> back_up_header(io::File& image, crypto::KeySource& keys,
                                              const DiskNote& expected, const Limits& limits);

// Whether to restore over a header that opens. It undoes what was done to the header since: after a
// KEK rotation it brings the old KEK's envelopes back.
enum class SoundHeader { keep, overwrite };

// Writes `backup` to both copies, a damaged one first, each synced, and reads them back. Before
// that the backup must open and verify as the header of this disk, and its keys must verify the
// superblock. Errc::rolled_back: older than the disk has had, or than a copy that is sound; exists:
// the header opens as it is. Errors besides: invalid (not 64 KiB), those of Header::open for the
// backup, unauthentic (the superblock is not one that goes with it), io. The caller holds the
// file's lock.
struct RestoredHeader {
    std::uint64_t generation = 0;
    int copies_damaged = 0;  // before, of two
};
Result<RestoredHeader> restore_header(io::File& image, Bytes backup, crypto::KeySource& keys,
                                      const DiskNote& expected, const Limits& limits,
                                      SoundHeader sound);

}  // namespace twofold::fs

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/io/io.h"
#include "keyring/crypto/random.h"

namespace twofold::keyring {

// A small record that is replaced in place and never lost: two slots of 4 KiB in one file.
//
//     off  size  slot
//       0     4  "TFKR"
//       4  2+1+1 version 1; state: 1 pending, 2 live; zero
//       8     8  generation, one more at each replacement
//      16     4  length of the record, at most 3936
//      20    12  zero
//      32    32  SHA-256 of the slot with this field zero
//      64        the record, then zeros
//
// The live slot with the highest generation counts. Replacing one:
//
//     1  the idle slot is written as pending, synced, read back     a cut: pending never counts
//     2  the caller's proof opens what was read back                fails: the slot is zeroed again
//     3  its first 512 bytes are written as live, synced            a cut: old or new, both open
//     4  the retired slot is overwritten with random bytes, synced, then zeros, synced
//
// Step 4 is why not to rename a new file over the old: the old key version must open nothing later.
// If it was cut off, the next replace() or scrub() does it. Not thread-safe; one writer at a time
// (open with io::Lock::exclusive), any number of readers.
class RecordFile {
public:
    static constexpr std::size_t kSlotSize = 4096;
    static constexpr std::size_t kFileSize = 2 * kSlotSize;
    static constexpr std::size_t kRecordSizeMax = 3936;

    // Makes the file's contents (it must be empty) with generation 1, and syncs it.
    static Result<RecordFile> create(std::unique_ptr<io::File> file, Bytes record);
    // Errc::damaged where no live slot is sound.
    static Result<RecordFile> open(std::unique_ptr<io::File> file);

    Bytes record() const { return record_; }
    std::uint64_t generation() const { return generation_; }
    // A slot that is neither empty nor sound, or a record whose retirement was cut off. For a
    // report.
    const std::optional<std::string>& finding() const { return finding_; }

    using Proof = std::function<Result<void>(Bytes read_back)>;
    // Errc::damaged before anything is written where the generation is 2^62, the largest. On
    // failure the old record is in force, except after a failed write or sync of step 3 or 4, when
    // either may be: both open. A failed sync is final for this object: open the file again and
    // repeat.
    Result<void> replace(Bytes record, const Proof& proof, crypto::RandomSource& random);
    // Step 4 for every slot that is not the live one and not zero.
    Result<void> scrub(crypto::RandomSource& random);

private:
    explicit RecordFile(std::unique_ptr<io::File> file) : file_(std::move(file)) {}
    Result<void> load();

    std::unique_ptr<io::File> file_;
    std::vector<std::byte> record_;
    std::uint64_t generation_ = 0;
    unsigned live_ = 0;  // slot, 0 or 1
    bool idle_is_zero_ = true;
    std::optional<std::string> finding_;
};

}  // namespace twofold::keyring

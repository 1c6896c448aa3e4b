#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/io/io.h"
#include "fs/disk/disk_keys.h"
#include "fs/disk/disk_note.h"
#include "fs/disk/envelope_sector.h"
#include "fs/disk/limits.h"
#include "fs/disk/static_sector.h"
#include "keyring/crypto/key_source.h"
#include "keyring/crypto/random.h"

namespace twofold::fs {

// How a header writer makes its writes durable: on a living disk one thread alone may call
// fdatasync (format, O7), so the owner of that thread passes this in. On return everything written
// before the call survives a power cut.
using SyncFunction = std::function<Result<void>()>;

// Something found wrong with a header that could be opened all the same; one line.
struct HeaderDamage {
    enum class What { copy, envelope } what = What::copy;
    HeaderCopy copy = HeaderCopy::a;
    std::string text;
};

// The header of an open disk: 64 KiB, in two copies (format, sections 4 and 7). Thread-safe.
class Header {
public:
    struct Opened;

    // Reads both copies, unwraps the DEKs of every live keyset, compares layers, suites, ids and
    // commitments with `expected`, verifies every MAC and opens the volume secret. Takes the newest
    // copy that passes all of it. Writes nothing. Errors: not_an_image, unsupported, damaged,
    // unauthentic, substituted, wrong_key, key_*, vault_unreachable, corrupt, io.
    static Result<Opened> open(io::File& file, crypto::KeySource& keys, const DiskNote& expected,
                               const Limits& limits, Libraries libraries);

    // Writes both copies of a new header, B first, each followed by a sync. `envelopes`: of the
    // ACTIVE keyset, [0] layer 1; those of absent layers are ignored.
    static Result<void> write_new(io::File& file, const StaticSector& facts,
                                  const std::array<crypto::Envelope, 2>& envelopes,
                                  const DiskKeys& keys, const SyncFunction& sync);

    const StaticSector& facts() const { return facts_; }
    // As found at open, without what was repaired since.
    std::vector<HeaderDamage> damage() const;

    // The live envelope of a layer of the ACTIVE keyset. Errc::not_found: the disk has no such
    // layer.
    Result<crypto::Envelope> envelope(crypto::Layer layer) const;

    // Puts both copies into the same sound state. Does nothing where they are. Called by rewrap().
    Result<void> repair(io::File& file, const SyncFunction& sync);

    // KEK rewrap (format, section 10). `proof` unwraps an envelope as it was read back. Any failure
    // leaves at least one envelope that was live before in each copy; may be called again.
    Result<void> rewrap(io::File& file, crypto::Layer layer, Bytes record, const DiskKeys& keys,
                        crypto::RandomSource& random, const SyncFunction& sync,
                        const std::function<Result<void>(const crypto::Envelope&)>& proof);

    Header(StaticSector facts, const PageBytes& sector);  // for open()

private:
    struct Worker;
    StaticSector facts_;
    PageBytes sector_;             // the sound static sector
    mutable std::mutex mutex_;     // guards all below
    std::array<bool, 2> stale_{};  // [a, b]: static sector differs from sector_
    std::vector<HeaderDamage> damage_;
    std::array<std::optional<EnvelopeSector>, kEnvelopes>
        envelopes_;  // the sound ones, by sector - 1
};

struct Header::Opened {
    std::unique_ptr<Header> header;
    DiskKeys keys;
};

}  // namespace twofold::fs

#pragma once

#include <bitset>
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

    // What the key of one layer alone can vouch for: that layer's MAC over the static sector, and
    // its envelopes; asks for no other key. `seals`: of that layer, by keyset. Errors as open(),
    // and Errc::invalid: the disk has no such layer.
    struct OneLayer;
    static Result<OneLayer> open_layer(io::File& file, crypto::KeySource& keys,
                                       const DiskNote& expected, const Limits& limits,
                                       crypto::Layer layer);

    // Writes both copies of a new header, B first, each followed by a sync. `envelopes`: of the
    // ACTIVE keyset, [0] layer 1; those of absent layers are ignored.
    static Result<void> write_new(io::File& file, const StaticSector& facts,
                                  const std::array<crypto::Envelope, 2>& envelopes,
                                  const DiskKeys& keys, const SyncFunction& sync);

    const StaticSector& facts() const { return facts_; }
    // As found at open, whatever was repaired since.
    const std::vector<HeaderDamage>& damage() const { return damage_; }

    // Whether a reader of either copy, alone, would find this header's generation.
    bool in_both_copies() const;

    // The live envelope of a layer of the ACTIVE keyset. Errc::not_found: the disk has no such
    // layer.
    Result<crypto::Envelope> envelope(crypto::Layer layer) const;

    // A write of either copy failed since the header was opened: nobody knows what the store holds.
    bool write_failed() const;
    // Of both copies: how many are not what they ought to be; and the whole 64 KiB as they ought to
    // be, for a backup.
    std::size_t sectors_that_differ() const;
    std::vector<std::byte> encoded() const;

    // Writes what differs from the sound header, copy B first, each copy followed by a sync. Does
    // nothing where both copies are sound. rewrap() does it first.
    Result<void> repair(io::File& file, const SyncFunction& sync);

    // KEK rewrap (format, section 10). `proof` unwraps an envelope as it was read back; it runs
    // without any lock that readers of this object need. After any failure both copies still hold
    // an envelope that was live before, and the call may be repeated.
    Result<void> rewrap(io::File& file, crypto::Layer layer, Bytes record, const DiskKeys& keys,
                        crypto::RandomSource& random, const SyncFunction& sync,
                        const std::function<Result<void>(const crypto::Envelope&)>& proof);

private:
    // A header as it ought to be in both copies, and the sectors of each copy that are not so.
    struct Image {
        std::array<PageBytes, kHeaderSectors> sectors{};
        std::array<std::bitset<kHeaderSectors>, 2> differ;  // [a, b]
    };
    struct Opening;
    struct Rewrap;

    Header(StaticSector facts, Image image, std::vector<HeaderDamage> damage);
    std::optional<crypto::Envelope> slot(EnvelopePlace place) const;  // empty where none is live
    Result<void> put(io::File& file, HeaderCopy copy, std::uint32_t sector, const PageBytes& bytes,
                     const SyncFunction& sync);
    Result<void> write(io::File& file, HeaderCopy copy, std::uint32_t sector,
                       const PageBytes& bytes);
    Result<void> repair_differences(io::File& file, const SyncFunction& sync);

    const StaticSector facts_;
    const std::vector<HeaderDamage> damage_;
    std::mutex writing_;        // one writer at a time; taken before mutex_
    mutable std::mutex mutex_;  // guards all below
    Image image_;
    bool write_failed_ = false;
};

struct Header::OneLayer {
    StaticSector facts;
    std::vector<HeaderDamage> damage;
    std::vector<std::pair<std::uint32_t, std::unique_ptr<Seal>>> seals;
};

struct Header::Opened {
    std::unique_ptr<Header> header;
    DiskKeys keys;
};

}  // namespace twofold::fs

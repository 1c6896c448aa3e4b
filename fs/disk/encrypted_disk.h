#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/io/io.h"
#include "fs/block/block_device.h"
#include "fs/block/role.h"
#include "fs/disk/anchor_place.h"
#include "fs/disk/disk_note.h"
#include "fs/disk/limits.h"
#include "fs/seal/seal.h"
#include "keyring/crypto/key_source.h"
#include "keyring/crypto/random.h"

namespace twofold::fs {

// What a new disk shall be. Suite::none for an absent layer; at least one is present.
struct DiskSpec {
    Uuid deployment;
    std::string label;  // the disk's name: at most 64 bytes
    Role role = Role::data;
    std::uint64_t block_count = 0;
    Suite layer1 = Suite::aes_256_xts;
    Suite layer2 = Suite::xchacha20_poly1305;
    std::optional<std::uint32_t> pool_slots;    // R; else the format's default
    std::optional<std::uint32_t> log_pages;     // L
    std::optional<std::uint32_t> segments_max;  // max_segments
};

// Makes an empty disk (all zero) in `file`, which must be empty, and syncs it; then writes its
// first anchor. Errc::invalid for a geometry outside `limits`, Errc::unsupported for a combination
// of suites that is not allowed, Errc::no_space, errors of the anchor's place. One DEK for both
// layers is refused.
Result<DiskNote> create_disk(io::File& file, const DiskSpec& spec, crypto::KeySource& keys,
                             crypto::RandomSource& random, const Clock& clock,
                             const Limits& limits = Limits::production(),
                             const AnchorPlace& anchor = {});

// Something to tell the operator: for events.jsonl. Never holds plaintext or key bytes.
struct DiskEvent {
    enum class Kind {
        header_copy_damaged,  // one copy; the disk opened with the other
        envelope_damaged,
        epochs_dropped,  // recovery dropped epochs that were never synced
        block_error,     // a block's tag failed at read
        stopped,         // the backing store failed; no more writes
        repaired,
        anchor_behind,    // it can't be brought up to date; the mount goes on
        anchor_restored,  // it is up to date again
    };
    Kind kind;
    std::string text;  // one line
    std::optional<BlockIndex> block;
    std::optional<crypto::Layer> layer;
};

struct OpenOptions {
    bool read_only = false;
    // Reads the last committed state without being the writer: takes the file as it is, writes
    // nothing, expects that a daemon may write to it meanwhile. For `inspect`.
    bool observe = false;
    Libraries libraries = Libraries::fastest;
    Limits limits = Limits::production();
    // A thread of the disk's own commits, soft-commits and checkpoints in time. Without it the
    // caller's flush() and tick() do all work, in the caller's thread: for tests that replay.
    bool background = true;
    std::chrono::milliseconds soft_commit_every{100};
    std::chrono::seconds commit_every{5};
    std::chrono::seconds checkpoint_when_idle{30};
    std::size_t leaf_cache_max = 16384;  // leaves, 4 KiB each
    // Where the disk's anchor is. Without one an older image is not told from the newest.
    AnchorPlace anchor;
    // Leaves the anchor aside, for take_anchor(): the disk is opened as it is, whatever it was.
    bool adopt = false;
    // The anchor follows each flush, and not only each checkpoint: a smaller window, a save a
    // flush.
    bool anchor_every_flush = false;
    std::function<void(const DiskEvent&)> on_event = [](const DiskEvent&) {};
};

struct DiskInfo {
    DiskNote note;
    std::string label;
    Role role = Role::data;
    std::uint64_t block_count = 0;
    std::uint64_t header_generation = 0;
    std::uint64_t superblock_generation = 0;
    std::uint64_t mount_counter = 0;
    std::uint64_t acknowledged_epoch = 0;
    bool clean = false;          // as it was found at open
    UnixSeconds written_at = 0;  // of the superblock; informational
    std::optional<AnchorTrouble> anchor_trouble;
};

struct DiskStats {
    std::uint64_t syncs = 0;  // fdatasync calls
    std::uint64_t commits = 0, soft_commits = 0, checkpoints = 0;
    std::uint64_t blocks_read = 0, blocks_written = 0;
    std::uint64_t pool_free = 0, log_pages_used = 0;
    bool stopped = false;
};

// One block as three people see it (inspect): the thief of the disk, who holds layer 1's key, and
// the owner. On a disk with one layer `outer_removed` is the plaintext.
struct BlockView {
    bool zero = false;  // never written, or discarded: no slot holds it
    std::uint64_t slot = 0;
    std::uint64_t file_offset = 0;  // of the slot
    std::uint32_t keyset = 0;
    crypto::Nonce nonce{};
    std::array<std::byte, 16> outer_tag{}, inner_tag{};
    std::array<std::byte, kBlockSize> stored{}, outer_removed{}, plain{};
};

// A disk image of format 1 (FORMAT.md): one or two layers of encryption, authenticated, crash
// consistent. Owns the file, and is the only one that writes to it.
class EncryptedDisk final : public BlockDevice {
public:
    // Opens, recovers and, unless read-only, starts a new mount, which the anchor is told before a
    // byte is written. `expected`: Errc::substituted where the image differs from it. Other errors:
    // Errc::not_an_image, unsupported, damaged (both header copies, truncated), unauthentic,
    // history_lost, corrupt, key_* (no envelope unwraps), io. With an anchor's place: rolled_back,
    // forked, substituted (also: there is no anchor), and those of the place.
    static Result<std::unique_ptr<EncryptedDisk>> open(
        std::unique_ptr<io::File> file, crypto::KeySource& keys, const DiskNote& expected,
        crypto::RandomSource& random, const Clock& clock, OpenOptions options = {});
    // Without close(): as a crash of the process, except that keys are wiped. Whatever the caller
    // handed in by reference must live until then.
    ~EncryptedDisk() override;

    Geometry geometry() const override;
    bool read_only() const override;
    Result<void> read(ByteOffset offset, MutableBytes out) override;
    // Errc::invalid, too, for more blocks than the pool or the log of a very small disk could ever
    // hold: such a write could not be kept whole. A pool of 257 slots and a log of 6 pages are
    // enough for any.
    Result<void> write(ByteOffset offset, Bytes data) override;
    Result<void> zero(ByteOffset offset, std::uint64_t length) override;
    Result<std::optional<BlockRange>> next_data(BlockIndex from) override;
    Result<void> flush(Durability durability) override;

    // Commits, checkpoints, marks the disk CLEAN, waits for all of it, tells the anchor, and wipes
    // the keys. An anchor that can't be told stays behind, which is an event and no failure.
    // Everything else fails with Errc::stopped afterwards. Idempotent.
    Result<void> close();

    // Work that is due by the clock, when there is no background thread.
    Result<void> tick();

    // On a disk opened read-only: its state as it is now is what the anchor knows from here on.
    Result<void> take_anchor();

    DiskInfo info() const;
    DiskStats stats() const;
    Result<BlockView> look(BlockIndex block);
    // Every slot is owned once, by one block or the pool (format, section 3), in the acknowledged
    // state; Errc::corrupt otherwise. Reads the whole map, and holds up commits meanwhile.
    Result<void> check_map();

    // The live envelope of a layer, as the header has it.
    Result<crypto::Envelope> envelope(crypto::Layer layer) const;
    // KEK rewrap (format, section 10): stores `record` as the next envelope of the layer's DEK in
    // both header copies, reads it back, calls `proof` (which unwraps what was read), then
    // overwrites the old one. May run while the disk is in use, and again after any failure.
    Result<void> rewrap(crypto::Layer layer, Bytes record,
                        const std::function<Result<void>(const crypto::Envelope&)>& proof);

private:
    struct State;
    explicit EncryptedDisk(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace twofold::fs

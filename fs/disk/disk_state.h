#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "fs/disk/anchor_keeper.h"
#include "fs/disk/block_reader.h"
#include "fs/disk/block_writer.h"
#include "fs/disk/encrypted_disk.h"
#include "fs/disk/gate.h"
#include "fs/disk/header.h"
#include "fs/disk/recovery.h"
#include "fs/disk/room.h"
#include "fs/disk/upkeep.h"

namespace twofold::fs {

// The parts of an open disk, put together. They are declared in the order in which they lean on
// each other, so that they go in the reverse.
struct EncryptedDisk::State {
    State(std::unique_ptr<io::File> image, crypto::RandomSource& random_source,
          const Clock& the_clock, OpenOptions open_options);

    // The steps of opening (format, section 7).
    Result<void> load_anchor();
    Result<void> verify_anchor() const;
    Result<void> open_header(crypto::KeySource& source, const DiskNote& expected);
    Result<void> recover_image();
    Result<void> recover_or_look_again();
    Result<void> start_mount(Recovered recovered);  // step 9
    Result<void> start_log(const Recovered& recovered, Superblock& next);
    Result<void> open_anchor(const LogSalt& next_salt);
    void start_reading(Recovered recovered);  // without it: read-only
    // What a reader beside the writer needs: the newest state, found anew.
    Result<void> look_again();
    // Runs a read; when it fails beside a writer, on the newest state again.
    template <class Body>
    auto observing(Body body) -> decltype(body()) {
        if (!options.observe) return body();
        constexpr int kAttempts = 5;
        const std::scoped_lock one_at_a_time(observer);
        for (int attempt = 1;; ++attempt) {
            auto result = body();
            if (result || attempt == kAttempts) return result;
            TF_TRY(look_again());
        }
    }

    // What the image is now, as an anchor of `state` tells it.
    Anchor anchor_of(const Superblock& superblock, std::uint64_t acknowledged,
                     Anchor::State state) const;
    void anchor_follows(const Superblock& superblock);
    bool compares_anchor() const { return options.anchor && !options.adopt; }

    bool writable() const { return !options.read_only && !options.observe; }
    void note_stop(const Error& error);
    Result<void> check_writable() const;
    Result<void> finish();  // the last commit and checkpoint
    Result<void> how_it_closed() const;
    void release();         // all that leans on keys, and the file
    DiskStats stats() const;
    Result<void> look(BlockIndex block, BlockView& view);
    Result<void> check_map();

    std::unique_ptr<io::File> file;
    crypto::RandomSource& random;
    const Clock& clock;
    const OpenOptions options;
    Counters counters;
    Gate gate;
    std::mutex closing;                  // one close() at a time
    std::optional<Result<void>> closed;  // what it came to; guarded by `closing`
    mutable std::mutex parts;            // held while they go, and by who looks in from outside
    bool released = false;               // guarded by `parts`
    DiskStats final_stats;               // once closed
    std::mutex observer;                 // guards the parts where `observe` renews them
    DiskInfo facts;                      // as found at open, and as left by close()

    std::unique_ptr<Header> header;
    std::optional<DiskKeys> keys;
    std::optional<StoredAnchor> anchored;  // the anchor as it was found
    std::optional<Anchor> found;           // the image as it was found, for take_anchor()
    std::unique_ptr<AnchorKeeper> keeper;  // null: read-only, or no anchor
    Health health;
    std::optional<EngineContext> context;
    BlockLocks locks;
    ScratchPool scratch;
    std::unique_ptr<Map> map;
    std::unique_ptr<Versions> versions;
    std::unique_ptr<Committer> committer;        // null: read-only
    std::unique_ptr<Checkpointer> checkpointer;  // null: read-only
    std::unique_ptr<BlockReader> reader;
    std::unique_ptr<Room> room;           // null: read-only
    std::unique_ptr<BlockWriter> writer;  // null: read-only
    std::unique_ptr<Upkeep> upkeep;       // null: read-only
};

}  // namespace twofold::fs

// Opening a disk: anchor, header, recovery, and the first superblock of a mount (format, section
// 7).
#include "fs/disk/disk_state.h"
#include "fs/disk/rule.h"
#include "fs/disk/superblock_store.h"

namespace twofold::fs {

EncryptedDisk::State::State(std::unique_ptr<io::File> image, crypto::RandomSource& random_source,
                            const Clock& the_clock, OpenOptions open_options)
    : file(std::move(image)),
      random(random_source),
      clock(the_clock),
      options(std::move(open_options)),
      health([this](const Error& error) { note_stop(error); }) {}

void EncryptedDisk::State::note_stop(const Error& error) {
    options.on_event({DiskEvent::Kind::stopped, error.line(), std::nullopt, std::nullopt});
    if (versions) versions->wake();
    if (upkeep) upkeep->wake(true);
}

Result<std::unique_ptr<EncryptedDisk>> EncryptedDisk::open(
    std::unique_ptr<io::File> file, crypto::KeySource& keys, const DiskNote& expected,
    crypto::RandomSource& random, const Clock& clock, OpenOptions options) {
    TF_CHECK(!options.adopt || options.read_only);
    auto state = std::make_unique<State>(std::move(file), random, clock, std::move(options));
    // Step 1. What a killed daemon left in the cache must be on the device before anything rests on
    // it, and what a failed sync left there must not be believed: so sync, then read from the
    // device.
    if (!state->options.observe) {
        ++state->counters.syncs;
        if (!broken(Rule::recovery_starts_with_a_sync)) TF_TRY(state->file->sync());
        if (!broken(Rule::recovery_reads_the_device)) TF_TRY(state->file->drop_cache());
    }
    TF_TRY(state->load_anchor());
    TF_TRY(state->open_header(keys, expected));
    TF_TRY(state->recover_or_look_again());
    if (state->upkeep && state->options.background) TF_TRY(state->upkeep->start());
    return std::unique_ptr<EncryptedDisk>(new EncryptedDisk(std::move(state)));
}

Result<void> EncryptedDisk::State::load_anchor() {
    if (!compares_anchor()) return {};
    TF_ASSIGN(anchored, StoredAnchor::load(*options.anchor.store));
    if (!anchored)
        return fail(Error{Errc::substituted,
                          "anchor: none is known, so nothing tells how new the disk is",
                          "to take it as it is now: twofold adopt STORE DISK",
                          0,
                          {}});
    return {};
}

// Its key hangs on the volume secret; so this comes right after that is open.
Result<void> EncryptedDisk::State::verify_anchor() const {
    if (!anchored) return {};
    const AnchorName name{header->facts().deployment, options.anchor.node, options.anchor.disk};
    return Anchor::verify(anchored->record, name, keys->macs().anchor);
}

// Step 2. What note and anchor both know is all that a key is used for.
Result<void> EncryptedDisk::State::open_header(crypto::KeySource& source,
                                               const DiskNote& expected) {
    DiskNote trusted = expected;
    if (anchored) {
        TF_ASSIGN(trusted, anchored->anchor.narrow(expected));
    }
    TF_ASSIGN(Header::Opened opened,
              Header::open(*file, source, trusted, options.limits, options.libraries));
    header = std::move(opened.header);
    keys.emplace(std::move(opened.keys));
    TF_TRY(verify_anchor());
    facts.note = header->facts().note();
    facts.label = header->facts().label;
    facts.role = header->facts().role;
    facts.header_generation = header->facts().generation;
    for (const HeaderDamage& damage : header->damage())
        options.on_event({damage.what == HeaderDamage::What::copy
                              ? DiskEvent::Kind::header_copy_damaged
                              : DiskEvent::Kind::envelope_damaged,
                          damage.text, std::nullopt, std::nullopt});
    return {};
}

// A writer may have gone on between an observer's look at the anchor and its look at the image: so
// before it calls that a rollback, it looks at both once more.
Result<void> EncryptedDisk::State::recover_or_look_again() {
    constexpr int kAttempts = 5;
    for (int attempt = 1;; ++attempt) {
        auto recovered = recover_image();
        if (recovered || !options.observe || attempt == kAttempts) return recovered;
        const Errc why = recovered.error().code;
        if (why != Errc::rolled_back && why != Errc::forked) return recovered;
        TF_TRY(load_anchor());
        TF_TRY(verify_anchor());
    }
}

// Steps 3 to 9.
Result<void> EncryptedDisk::State::recover_image() {
    const StaticSector& sector = header->facts();
    TF_ASSIGN(const Superblock superblock,
              read_newest_superblock(*file, sector.disk, sector.shape, options.limits,
                                     keys->macs().super));
    if (sector.generation < superblock.min_header_generation &&
        !broken(Rule::header_is_not_older_than_the_superblock))
        return fail(Errc::rolled_back, "header: generation {}, older than {} which the disk had",
                    sector.generation, superblock.min_header_generation);
    if (anchored) TF_TRY(anchored->anchor.compare(superblock, sector.generation));
    TF_ASSIGN(const Layout layout,
              Layout::create(superblock.block_count, sector.shape, options.limits));
    TF_ASSIGN(const std::uint64_t size, file->size());
    if (size < layout.file_size() && !broken(Rule::file_is_not_cut_short))
        return fail(Errc::damaged, "disk image: {} bytes, cut short: it had {}", size,
                    layout.file_size());
    context.emplace(EngineContext{*file, layout, sector.disk, *keys, sector.policy, random, clock,
                                  options, health, counters});
    TF_ASSIGN(Recovered recovered,
              recover(*context, superblock, anchored ? anchored->anchor.acknowledged_epoch : 0));
    if (anchored)
        TF_TRY(
            anchored->anchor.compare_log(superblock, recovered.applied_epoch, recovered.log_pages));
    facts.block_count = superblock.block_count;
    facts.clean = superblock.state == Superblock::State::clean;
    facts.superblock_generation = superblock.generation;
    facts.mount_counter = superblock.mount_counter;
    facts.acknowledged_epoch = recovered.applied_epoch;
    facts.written_at = superblock.wall_clock;
    const bool still_clean = facts.clean && recovered.log_pages == 0;
    found = anchor_of(superblock, recovered.applied_epoch,
                      still_clean ? Anchor::State::clean : Anchor::State::open);
    if (recovered.dropped)
        options.on_event(
            {DiskEvent::Kind::epochs_dropped,
             fmt::format("epochs {} to {} were not on the disk as a whole, and never synced: "
                         "dropped; {} blocks, the first one {}",
                         recovered.dropped->first_epoch, recovered.dropped->last_epoch,
                         recovered.dropped->bad_blocks, recovered.dropped->first_bad.value()),
             recovered.dropped->first_bad, std::nullopt});
    if (writable()) return start_mount(std::move(recovered));
    start_reading(std::move(recovered));
    return {};
}

// Step 9, up to the first superblock of this mount.
Result<void> EncryptedDisk::State::start_mount(Recovered recovered) {
    map = std::move(recovered.map);
    checkpointer = std::make_unique<Checkpointer>(
        *context, *map, recovered.superblock, [this](const Superblock& s) { anchor_follows(s); });
    if (header->in_both_copies()) checkpointer->header_is_settled(header->facts().generation);
    Superblock next = recovered.superblock;
    next.state = Superblock::State::open;
    TF_TRY(start_log(recovered, next));
    next.wall_clock = clock.now();
    // From here on the image is written to.
    if (!broken(Rule::anchor_opens_before_the_image_is_written)) TF_TRY(open_anchor(next.log_salt));
    TF_TRY(checkpointer->settle(recovered.backlog, recovered.pool, next, [&]() -> Result<void> {
        ++counters.syncs;
        return file->sync();
    }));
    if (broken(Rule::anchor_opens_before_the_image_is_written)) TF_TRY(open_anchor(next.log_salt));

    Uuid mount;
    TF_ASSIGN(mount, random.uuid());
    TF_ASSIGN(const auto prefix, draw_nonce_prefix(*context, mount, next.settled_epoch + 1));
    const LogPosition log{next.log_start, next.chain};
    Versions::Start start;
    start.pool = std::move(recovered.pool);
    start.settled_epoch = next.settled_epoch;
    start.log = log;
    if (context->discard_reaches_store() && !broken(Rule::recovered_discards_are_punched))
        start.punches = recovered.backlog.zeroed();
    versions = std::make_unique<Versions>(context->layout, std::move(start), clock, prefix,
                                          [this](bool urgent) {
                                              if (upkeep) upkeep->wake(urgent);
                                          });
    committer =
        std::make_unique<Committer>(*context, *versions, *map, mount,
                                    Journal::Identity{next.log_salt, next.mount_counter}, log);
    reader = std::make_unique<BlockReader>(*context, *versions, *map, locks, scratch);
    room = std::make_unique<Room>(*context, *versions, *committer, *checkpointer);
    writer =
        std::make_unique<BlockWriter>(*context, *versions, *map, locks, scratch, *reader, *room);
    upkeep = std::make_unique<Upkeep>(*context, *versions, *committer, *checkpointer);
    anchor_follows(checkpointer->current());
    return {};
}

// No page of before fits this mount.
Result<void> EncryptedDisk::State::start_log(const Recovered& recovered, Superblock& next) {
    if (broken(Rule::recovery_starts_a_new_log) && recovered.applied_epoch == next.settled_epoch)
        return {};
    next.settled_epoch = broken(Rule::settled_epoch_is_above_all_seen) ? recovered.applied_epoch
                                                                       : recovered.highest_epoch;
    if (!broken(Rule::mount_counter_grows)) ++next.mount_counter;
    if (!broken(Rule::log_salt_is_fresh)) TF_TRY(random.fill(next.log_salt));
    if (!broken(Rule::chain_starts_afresh)) TF_TRY(random.fill(next.chain));
    if (!broken(Rule::log_starts_above_all_seen)) next.log_start = recovered.next_sequence;
    return {};
}

// The numbers just verified, and the log salt that this mount is about to use: whichever of its
// first superblock and a crash comes first, the image is then of the lineage that the anchor knows.
Result<void> EncryptedDisk::State::open_anchor(const LogSalt& next_salt) {
    if (!options.anchor) return {};
    keeper = std::make_unique<AnchorKeeper>(
        options.anchor, header->facts().deployment, keys->macs().anchor, clock,
        [this](const Error* trouble) {
            using Kind = DiskEvent::Kind;
            options.on_event({trouble ? Kind::anchor_behind : Kind::anchor_restored,
                              trouble ? "anchor not brought up to date: " + trouble->line()
                                      : "anchor up to date again",
                              std::nullopt, std::nullopt});
        });
    Anchor open = *found;
    open.state = Anchor::State::open;
    if (!broken(Rule::anchor_names_the_next_salt)) open.next_salt = next_salt;
    TF_TRY(keeper->save(open));
    if (options.background) TF_TRY(keeper->start());
    return {};
}

void EncryptedDisk::State::anchor_follows(const Superblock& superblock) {
    if (!keeper) return;
    keeper->follow(anchor_of(superblock, versions->acknowledged(), Anchor::State::open));
}

// Every keyset that may be in use: those that the anchor knows, for a change under way may have
// added one that the header does not name yet.
Anchor EncryptedDisk::State::anchor_of(const Superblock& superblock, std::uint64_t acknowledged,
                                       Anchor::State state) const {
    return Anchor::of(superblock, acknowledged, state,
                      anchored ? anchored->anchor.keysets : facts.note.keysets);
}

// Everything in memory; nothing is written, ever.
void EncryptedDisk::State::start_reading(Recovered recovered) {
    reader.reset();
    map = std::move(recovered.map);
    Versions::Start start;
    start.backlog = std::move(recovered.backlog);
    start.pool = std::move(recovered.pool);
    start.settled_epoch = recovered.applied_epoch;
    versions = std::make_unique<Versions>(context->layout, std::move(start), clock,
                                          Epoch::NoncePrefix{}, [](bool) {});
    reader = std::make_unique<BlockReader>(*context, *versions, *map, locks, scratch);
}

Result<void> EncryptedDisk::State::look_again() {
    TF_ASSIGN(const Superblock superblock,
              read_newest_superblock(*file, context->disk, context->layout.shape(), options.limits,
                                     keys->macs().super));
    TF_ASSIGN(Recovered recovered,
              recover(*context, superblock, anchored ? anchored->anchor.acknowledged_epoch : 0));
    start_reading(std::move(recovered));
    return {};
}

}  // namespace twofold::fs

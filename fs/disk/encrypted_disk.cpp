#include "fs/disk/encrypted_disk.h"

#include <algorithm>

#include "fs/disk/disk_state.h"
#include "fs/disk/rule.h"

namespace twofold::fs {
namespace {

Failure closed_disk() { return fail(Errc::stopped, "disk: closed"); }

}  // namespace

EncryptedDisk::EncryptedDisk(std::unique_ptr<State> state) : state_(std::move(state)) {}

// As after a crash: nothing more is written. Threads end, requests under way too.
EncryptedDisk::~EncryptedDisk() {
    state_->gate.shut();
    if (state_->upkeep) state_->upkeep->stop();
    if (state_->keeper) state_->keeper->stop();
}

Geometry EncryptedDisk::geometry() const { return Geometry{state_->facts.block_count}; }

bool EncryptedDisk::read_only() const { return !state_->writable(); }

Result<void> EncryptedDisk::State::check_writable() const {
    if (!writable()) return fail(Errc::read_only, "disk: opened read-only");
    return health.check();
}

Result<void> EncryptedDisk::read(ByteOffset offset, MutableBytes out) {
    const Gate::Visit visit(state_->gate);
    if (!visit) return closed_disk();
    return state_->observing([&] { return state_->reader->read(offset, out); });
}

Result<void> EncryptedDisk::write(ByteOffset offset, Bytes data) {
    const Gate::Visit visit(state_->gate);
    if (!visit) return closed_disk();
    TF_TRY(state_->check_writable());
    return state_->writer->write(offset, data);
}

Result<void> EncryptedDisk::zero(ByteOffset offset, std::uint64_t length) {
    const Gate::Visit visit(state_->gate);
    if (!visit) return closed_disk();
    TF_TRY(state_->check_writable());
    return state_->writer->zero(offset, length);
}

Result<std::optional<BlockRange>> EncryptedDisk::next_data(BlockIndex from) {
    const Gate::Visit visit(state_->gate);
    if (!visit) return closed_disk();
    return state_->observing([&] { return state_->reader->next_data(from); });
}

Result<void> EncryptedDisk::flush(Durability durability) {
    const Gate::Visit visit(state_->gate);
    if (!visit) return closed_disk();
    if (!state_->writable()) return {};
    if (durability == Durability::committed) return state_->committer->soft_commit();
    TF_TRY(state_->committer->commit());
    if (state_->options.anchor_every_flush) state_->anchor_follows(state_->checkpointer->current());
    return {};
}

Result<void> EncryptedDisk::tick() {
    const Gate::Visit visit(state_->gate);
    if (!visit) return closed_disk();
    if (state_->keeper) state_->keeper->retry_due();
    return state_->upkeep ? state_->upkeep->run_due() : Result<void>();
}

Result<void> EncryptedDisk::close() {
    const std::scoped_lock hold(state_->closing);
    if (state_->closed) return state_->how_it_closed();
    state_->gate.shut();
    if (state_->upkeep) state_->upkeep->stop();
    if (state_->keeper) state_->keeper->stop();
    state_->closed = state_->finish();
    state_->release();
    return state_->how_it_closed();
}

Result<void> EncryptedDisk::State::how_it_closed() const {
    if (!*closed) return fail(Error(closed->error()));
    return {};
}

// The last commit and checkpoint: CLEAN, with an empty log; then the anchor. One that can't be told
// stays an OPEN lower bound, which the next mount accepts.
Result<void> EncryptedDisk::State::finish() {
    if (!writable()) return {};
    TF_TRY(committer->commit());
    for (bool all_punched = false; !all_punched;) {
        TF_TRY(health.check());
        const auto role = committer->take_sync_role();
        TF_ASSIGN(all_punched, committer->punch_some(role));
    }
    TF_TRY(checkpointer->close(*committer, *versions));
    if (!keeper) return {};
    const Superblock last = checkpointer->current();
    auto told = keeper->save(anchor_of(last, last.settled_epoch, Anchor::State::clean));
    if (told) return {};
    const std::string why = told.error().line();
    if (!keeper->trouble()) facts.anchor_trouble = AnchorTrouble{clock.now(), why};
    options.on_event({DiskEvent::Kind::anchor_behind,
                      "unmounted cleanly, but the anchor does not know: " + why, std::nullopt,
                      std::nullopt});
    return {};
}

// Keys, ciphers and whatever else could still open a block.
void EncryptedDisk::State::release() {
    const std::scoped_lock hold(parts);
    final_stats = stats();
    released = true;
    if (checkpointer) {
        facts.superblock_generation = checkpointer->current().generation;
        facts.mount_counter = checkpointer->current().mount_counter;
        facts.acknowledged_epoch = versions->acknowledged();
    }
    if (keeper && keeper->trouble()) facts.anchor_trouble = keeper->trouble();
    keeper.reset();
    upkeep.reset();
    writer.reset();
    room.reset();
    reader.reset();
    checkpointer.reset();
    committer.reset();
    versions.reset();
    map.reset();
    context.reset();
    keys.reset();
    file.reset();
}

// ---- What is known of it

DiskInfo EncryptedDisk::info() const {
    const std::scoped_lock hold(state_->parts);
    DiskInfo info = state_->facts;
    if (state_->checkpointer) {
        const Superblock now = state_->checkpointer->current();
        info.superblock_generation = now.generation;
        info.mount_counter = now.mount_counter;
        info.acknowledged_epoch = state_->versions->acknowledged();
    }
    if (state_->keeper) info.anchor_trouble = state_->keeper->trouble();
    return info;
}

DiskStats EncryptedDisk::stats() const {
    const std::scoped_lock hold(state_->parts);
    return state_->released ? state_->final_stats : state_->stats();
}

DiskStats EncryptedDisk::State::stats() const {
    DiskStats stats;
    stats.syncs = counters.syncs;
    stats.commits = counters.commits;
    stats.soft_commits = counters.soft_commits;
    stats.checkpoints = counters.checkpoints;
    stats.blocks_read = counters.blocks_read;
    stats.blocks_written = counters.blocks_written;
    stats.stopped = health.stopped();
    if (versions) {
        const Versions::Work work = versions->work();
        stats.pool_free = work.pool_free;
        stats.log_pages_used = work.log_used;
    }
    return stats;
}

Result<BlockView> EncryptedDisk::look(BlockIndex block) {
    const Gate::Visit visit(state_->gate);
    if (!visit) return closed_disk();
    TF_TRY(check_inside(state_->context->layout, offset_of(block), kBlockSize));
    BlockView view;
    TF_TRY(state_->observing([&] { return state_->look(block, view); }));
    return view;
}

Result<void> EncryptedDisk::State::look(BlockIndex block, BlockView& view) {
    const auto lock = locks.lock({block, 1});
    Location where;
    TF_TRY(reader->locate({block, 1}, BlockReader::Want::slots, {&where, 1}));
    const Entry& entry = where.entry;
    view = BlockView();
    view.zero = !entry.data;
    view.slot = entry.slot.value();
    view.file_offset = context->layout.slot_offset(entry.slot);
    if (view.zero) return {};
    view.keyset = entry.keyset;
    view.nonce = entry.nonce;
    view.outer_tag = entry.tag1;
    view.inner_tag = entry.tag2;
    const ScratchPool::Scratch unit = scratch.take(1);
    const MutableBytes block_bytes = unit.unit(0).first(kBlockSize);
    const auto copy_to = [&](MutableBytes out) { std::ranges::copy(block_bytes, out.begin()); };
    TF_TRY(file->read(view.file_offset, block_bytes));
    copy_to(view.stored);
    const SealStack* stack = keys->find(entry.keyset);
    if (stack == nullptr)
        return fail(Errc::corrupt, "block {}: keyset {} unknown", block.value(), entry.keyset);
    SealInfo info = entry.seal_info(block);
    TF_TRY(stack->open_outer(info, unit.unit(0)));
    copy_to(view.outer_removed);
    TF_TRY(reader->read_locked(block, entry, unit.unit(0)));
    copy_to(view.plain);
    return {};
}

Result<void> EncryptedDisk::check_map() {
    const Gate::Visit visit(state_->gate);
    if (!visit) return closed_disk();
    return state_->check_map();
}

// Holds the sync role, so that no epoch is half acknowledged.
Result<void> EncryptedDisk::State::check_map() {
    std::optional<Committer::SyncRole> role;
    if (committer) role = committer->take_sync_role();
    std::vector<Entry> entries(context->layout.block_count());
    for (std::uint64_t b = 0; b < entries.size(); ++b) {
        const Known known = versions->find_acknowledged(BlockIndex{b});
        if (known.entry) {
            entries[b] = *known.entry;
            continue;
        }
        TF_ASSIGN(entries[b], map->entry(BlockIndex{b}));
    }
    return versions->check_bijection(entries);
}

// ---- Anchor

Result<void> EncryptedDisk::take_anchor() {
    const Gate::Visit visit(state_->gate);
    if (!visit) return closed_disk();
    TF_CHECK(state_->options.anchor && state_->options.read_only && !state_->options.observe);
    const AnchorPlace& place = state_->options.anchor;
    const AnchorName name{state_->facts.note.deployment, place.node, place.disk};
    return place.store->save(state_->found->encode(name, state_->keys->macs().anchor));
}

// ---- Envelopes

Result<crypto::Envelope> EncryptedDisk::envelope(crypto::Layer layer) const {
    return state_->header->envelope(layer);
}

// A header change syncs in between. It holds the sync role for each sync, not throughout:
// unwrapping in `proof` may take as long as a vault takes, and no lock is held while waiting for
// one.
Result<void> EncryptedDisk::rewrap(
    crypto::Layer layer, Bytes record,
    const std::function<Result<void>(const crypto::Envelope&)>& proof) {
    const Gate::Visit visit(state_->gate);
    if (!visit) return closed_disk();
    TF_TRY(state_->check_writable());
    const auto sync = [this] {
        if (broken(Rule::every_sync_is_the_committers)) return state_->file->sync();
        return state_->committer->sync(state_->committer->take_sync_role());
    };
    Header& header = *state_->header;
    auto done =
        header.rewrap(*state_->file, layer, record, *state_->keys, state_->random, sync, proof);
    if (!done && header.write_failed())
        return state_->health.stop(std::move(done).error().in("header"));
    if (done && header.in_both_copies())
        state_->checkpointer->header_is_settled(header.facts().generation);
    return done;
}

}  // namespace twofold::fs

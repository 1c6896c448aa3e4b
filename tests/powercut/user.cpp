#include "tests/powercut/user.h"

#include <algorithm>
#include <chrono>

#include "tests/powercut/medium.h"

namespace twofold::powercut {
namespace {

using fs::ByteOffset;
using fs::kBlockSize;
using Kind = Operation::Kind;

std::uint64_t blocks_around(std::uint64_t offset, std::uint64_t length) {
    return (offset + length + kBlockSize - 1) / kBlockSize - offset / kBlockSize;
}

}  // namespace

Result<void> User::mount() {
    TF_ASSIGN(auto mounted, machine_.mount(recording_, false, ++counters_.random_seed));
    take_over(std::move(mounted));
    return {};
}

void User::take_over(std::unique_ptr<Mount> mount) {
    mount_ = std::move(mount);
    open_records_ = sealing_records_ = 0;
    soft_commits_ = 0;
    soft_ = history_.newest();
    recording_.during = [this](const Operation& operation) { during(operation); };
    recording_.trace->mark(Kind::synced, history_.newest());
}

Result<void> User::perform(const Script& script, std::uint32_t number) {
    for (const Action& action : script) {
        recording_.trace->action(number++);
        TF_TRY(perform(action));
    }
    return {};
}

Result<void> User::perform(const Action& action) {
    if (action.when != Action::When::now) {
        later_.push_back(action);
        return {};
    }
    if (auto done = run(action); !done) return fail(std::move(done).error().in(action.text()));
    return std::exchange(inside_result_, {});
}

Result<void> User::run(const Action& action) {
    switch (action.kind) {
        case Action::Kind::write:
            return write(action.a, action.b);
        case Action::Kind::zero:
            return zero(action.a, action.b);
        case Action::Kind::read:
            return read(action.a, action.b);
        case Action::Kind::sync:
            return flush(fs::Durability::synced);
        case Action::Kind::soft:
            return flush(fs::Durability::committed);
        case Action::Kind::pass:
            mount_->clock.passed += std::chrono::milliseconds(action.a);
            return {};
        case Action::Kind::tick:
            return mount_->disk->tick();
        case Action::Kind::kill:
            return die_and_return();
        case Action::Kind::remount: {
            closing_ = true;
            const auto closed = mount_->disk->close();
            closing_ = false;
            TF_TRY(closed);
            recording_.trace->mark(Kind::synced, history_.newest());
            return mount();
        }
        case Action::Kind::rewrap:
            return rewrap(action.a == 1 ? crypto::Layer::one : crypto::Layer::two);
    }
    return {};
}

void User::began(std::size_t state) { recording_.trace->mark(Kind::began, state); }

Result<void> User::write(std::uint64_t offset, std::uint64_t length) {
    std::vector<std::byte> contents(length);
    make_contents(++counters_.version, offset, contents);
    began(history_.write(offset, contents));
    open_records_ += blocks_around(offset, length);
    const bool before = std::exchange(changing_, true);
    const auto written = mount_->disk->write(ByteOffset{offset}, contents);
    changing_ = before;
    TF_TRY(written);
    return note_nonces(offset, length);
}

// Whole blocks are a discard, which is in or out as a whole; parts at the ends are writes of zeros.
Result<void> User::zero(std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t end = offset + length;
    const std::uint64_t whole_begin = (offset + kBlockSize - 1) / kBlockSize * kBlockSize;
    const std::uint64_t whole_end = end / kBlockSize * kBlockSize;
    const auto change = [&](std::uint64_t from, std::uint64_t to) {
        if (from < to) began(history_.zero(from, to - from));
    };
    if (whole_begin >= whole_end) {
        change(offset, end);
    } else {
        change(offset, whole_begin);
        change(whole_begin, whole_end);
        change(whole_end, end);
    }
    open_records_ += 3;
    const bool before = std::exchange(changing_, true);
    auto zeroed = mount_->disk->zero(ByteOffset{offset}, length);
    changing_ = before;
    return zeroed;
}

// What is written meanwhile may be seen or not, block by block.
Result<void> User::read(std::uint64_t offset, std::uint64_t length) {
    std::vector<std::byte> found(length);
    Window window{history_.newest(), 0};
    reading_ = !inside_;
    const auto done = mount_->disk->read(ByteOffset{offset}, found);
    reading_ = false;
    TF_TRY(done);
    window.to = history_.newest();
    if (window.from == window.to)
        return equal(found, history_.contents().subspan(offset, length))
                   ? Result<void>()
                   : fail(Errc::failed, "other bytes than were written there");
    for (std::uint64_t at = 0; at + kBlockSize <= length; at += kBlockSize)
        if (!history_.held((offset + at) / kBlockSize, Bytes(found).subspan(at, kBlockSize),
                           window))
            return fail(Errc::failed, "block {}: neither as before nor as written meanwhile",
                        (offset + at) / kBlockSize);
    return {};
}

// A flush answers for what had returned before it was called, not for what is written meanwhile.
Result<void> User::flush(fs::Durability durability) {
    const std::size_t state = history_.newest();
    sealing_records_ = std::exchange(open_records_, 0);
    soft_commits_ = durability == fs::Durability::synced ? 0 : soft_commits_ + 1;
    TF_TRY(mount_->disk->flush(durability));
    soft_ = std::max(soft_, state);
    recording_.trace->mark(durability == fs::Durability::synced ? Kind::synced : Kind::soft, state);
    return {};
}

// What was not in a soft commit may be gone. What is found is durable, and goes on.
Result<void> User::die_and_return() {
    kill();
    TF_ASSIGN(auto mounted, machine_.mount(recording_, false, ++counters_.random_seed));
    buffer_.resize(machine_.blocks() * kBlockSize);
    TF_TRY(mounted->disk->read(ByteOffset{0}, buffer_));
    const Window window{soft_, history_.newest()};
    if (!history_.explain(History::prints_of(buffer_), window))
        return fail(Errc::failed, "after the kill: {}", history_.why_not(buffer_, window));
    history_.becomes(buffer_);
    take_over(std::move(mounted));
    return {};
}

// The new record differs from the old one in its end alone; see InsecureTestKeys.
Result<void> User::rewrap(crypto::Layer layer) {
    auto record = machine_.keys().record_of(layer);
    const std::string end = fmt::format(" wrapped anew {}", ++counters_.version);
    record.insert(record.end(), as_bytes(end).begin(), as_bytes(end).end());
    return mount_->disk->rewrap(layer, record, [&](const crypto::Envelope& e) -> Result<void> {
        TF_TRY(machine_.keys().unwrap(layer, e));
        return {};
    });
}

// Right after the write: the newest version of each block is the one that was just sealed.
Result<void> User::note_nonces(std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t end = (offset + length + kBlockSize - 1) / kBlockSize;
    for (std::uint64_t block = offset / kBlockSize; block < end; ++block) {
        TF_ASSIGN(const fs::BlockView view, mount_->disk->look(fs::BlockIndex{block}));
        if (view.zero) return fail(Errc::failed, "block {}: zero after a write", block);
        TF_TRY(ledger_.note(view.nonce, view.keyset, fingerprint(view.plain, block)));
    }
    return {};
}

// ---- Races

// Whether a write finds room without a commit or checkpoint, one of which may be running: it would
// wait for itself.
bool User::has_room(std::uint64_t blocks) const {
    const fs::DiskStats stats = mount_->disk->stats();
    const std::uint64_t pages = (open_records_ + sealing_records_ + blocks) / fs::kLogRecords + 4;
    return stats.pool_free >= blocks &&
           stats.log_pages_used + pages <= machine_.layout().shape().log_pages;
}

// Which moment of a script this is; nothing where a lock is held that whatever is done might want.
std::optional<Action::When> User::moment_of(const Operation& operation) const {
    using When = Action::When;
    if (operation.kind == Kind::sync_begin) return When::sync;
    const auto& layout = machine_.layout();
    const std::uint64_t first = layout.segment_offset(fs::Segment{0});
    const bool slot = operation.offset >= first &&
                      (operation.offset - first) % fs::kSegmentSize >= fs::kSegmentMetadataSize;
    if (operation.kind == Kind::read)
        return reading_ && slot ? std::optional(When::read) : std::nullopt;
    if (operation.kind != Kind::write || slot) return std::nullopt;
    if (operation.offset < fs::kMebibyte)
        return operation.offset % (512 * 1024) < fs::kHeaderSize ? std::optional(When::header)
                                                                 : std::nullopt;
    return operation.offset < layout.segment_table_offset(0) ? When::page : When::tree;
}

// Whether this can be done at its moment by the thread that is amid something else.
bool User::possible(const Action& action) const {
    using When = Action::When;
    using Do = Action::Kind;
    switch (action.kind) {
        case Do::write:
            return action.when == When::read || action.when == When::header ||
                   has_room(blocks_around(action.a, action.b));
        case Do::zero:
            return action.when == When::read || action.when == When::header || has_room(2);
        case Do::soft:  // one too many would be a sync
            return action.when != When::page && soft_commits_ < 50;
        case Do::sync:
        case Do::rewrap:
            return action.when == When::tree || action.when == When::read ||
                   (action.when == When::header && action.kind == Do::sync);
        case Do::tick:
            return action.when == When::header || action.when == When::read;
        case Do::read:
        case Do::pass:
            return true;
        case Do::kill:
        case Do::remount:
            return false;
    }
    return false;
}

void User::during(const Operation& operation) {
    if (inside_ || changing_ || closing_ || later_.empty() || !mount_ || !inside_result_) return;
    const auto when = moment_of(operation);
    if (!when) return;
    inside_ = true;
    while (!later_.empty() && later_.front().when == *when && inside_result_) {
        const Action action = later_.front();
        later_.pop_front();
        if (!possible(action)) continue;
        auto done = run(action);
        if (!done) inside_result_ = fail(std::move(done).error().in(action.text()));
    }
    inside_ = false;
}

}  // namespace twofold::powercut

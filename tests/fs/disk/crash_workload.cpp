#include "tests/fs/disk/crash_workload.h"

#include <algorithm>

namespace twofold {

using fs::kBlockSize;

std::vector<std::byte> contents_of(std::uint64_t block, std::uint64_t version) {
    std::vector<std::byte> bytes(kBlockSize);
    if (version == 0) return bytes;
    Writer w(bytes);
    while (w.offset() < bytes.size()) {
        w.u64_le(version);
        w.u64_le(block << 32 | w.offset());
    }
    return bytes;
}

Result<DiskState> read_state(TestDisk& disk, std::uint64_t blocks) {
    DiskState state(blocks);
    std::vector<std::byte> bytes(blocks * kBlockSize);
    for (std::size_t at = 0; at < bytes.size(); at += fs::kRequestMax)
        TF_TRY(disk.disk->read(
            fs::ByteOffset{at},
            MutableBytes(bytes).subspan(at, std::min(fs::kRequestMax, bytes.size() - at))));
    for (std::uint64_t b = 0; b < blocks; ++b) {
        const Bytes found = Bytes(bytes).subspan(b * kBlockSize, kBlockSize);
        state[b] = Reader(found).u64_le();
        if (!equal(found, contents_of(b, state[b])))
            return fail(Errc::failed, "block {}: nobody wrote this", b);
    }
    return state;
}

CrashWorkload::CrashWorkload(const Options& options, std::uint64_t seed)
    : options_(options),
      random_(seed),
      disk_(options.shape, options.layers, seed),
      first_anchor_(disk_.anchors->record()) {
    if (options.anchored) disk_.use_anchor();
    disk_.anchors->saved = [this](Bytes record) { trace_->anchor(record); };
    start_ = disk_.image;
    disk_.wrap = [this](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
        return std::make_unique<RecordingFile>(std::move(file), trace_);
    };
    history_.push_back(DiskState(options.shape.blocks));
}

void CrashWorkload::run() {
    disk_.open();
    for (int i = 0; i < options_.steps; ++i) step();
    if (random_() % 2 == 0) disk_.close();
}

void CrashWorkload::step() {
    switch (random_() % 16) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4:
        case 5:
            return write();
        case 6:
        case 7:
            return zero();
        case 8:
        case 9:
            must(disk_.sync(), "sync");
            soft_ = history_.size() - 1;
            return mark(Mark::synced, soft_);
        case 10:
        case 11:
        case 12:
            must(disk_.soft_commit(), "soft commit");
            soft_ = history_.size() - 1;
            return mark(Mark::soft, soft_);
        case 13:
            disk_.pass(std::chrono::milliseconds(random_() % 250));
            return must(disk_.disk->tick(), "tick");
        case 14:
            if (random_() % 2 == 0) disk_.pass(std::chrono::seconds(40));
            return must(disk_.disk->tick(), "tick");
        default:
            return kill();
    }
}

void CrashWorkload::write() {
    const std::uint64_t count = 1 + random_() % options_.write_max;
    const std::uint64_t first = random_() % (options_.shape.blocks - count + 1);
    const std::uint64_t version = next_version_++;
    DiskState state = history_.back();
    std::vector<std::byte> data;
    for (std::uint64_t b = first; b < first + count; ++b) {
        state[b] = version;
        const auto contents = contents_of(b, version);
        data.insert(data.end(), contents.begin(), contents.end());
    }
    history_.push_back(std::move(state));
    mark(Mark::began, history_.size() - 1);
    must(disk_.disk->write(fs::ByteOffset{first * kBlockSize}, data), "write");
}

void CrashWorkload::zero() {
    const std::uint64_t count = 1 + random_() % (options_.shape.blocks / 2);
    const std::uint64_t first = random_() % (options_.shape.blocks - count + 1);
    DiskState state = history_.back();
    std::fill_n(state.begin() + static_cast<std::ptrdiff_t>(first), count, 0);
    history_.push_back(std::move(state));
    mark(Mark::began, history_.size() - 1);
    must(disk_.zero(first, count), "zero");
}

// What was not in a soft commit may be gone. What is found then goes on, and is durable.
void CrashWorkload::kill() {
    disk_.kill();
    disk_.open();
    const DiskState found = must(read_state(disk_, options_.shape.blocks), "after a kill");
    EXPECT_TRUE(explain(found, soft_, history_.size() - 1)) << "a kill lost a soft commit";
    history_.push_back(found);
    soft_ = history_.size() - 1;
    mark(Mark::synced, soft_);
}

CrashWorkload::Legal CrashWorkload::legal(std::size_t index) const {
    Legal legal;
    const auto operations = trace_->operations();
    for (std::size_t i = 0; i < index; ++i) {
        if (operations[i].kind != Operation::Kind::mark) continue;
        const auto mark = static_cast<Mark>(operations[i].mark >> 56);
        const std::size_t state = operations[i].mark & ((std::uint64_t{1} << 56) - 1);
        legal.newest = std::max(legal.newest, state);
        if (mark != Mark::began) legal.killed = state;
        if (mark == Mark::synced) legal.synced = state;
    }
    return legal;
}

std::optional<std::size_t> CrashWorkload::explain(const DiskState& state, std::size_t from,
                                                  std::size_t to) const {
    for (std::size_t i = from; i <= to; ++i)
        if (history_[i] == state) return i;
    return std::nullopt;
}

}  // namespace twofold

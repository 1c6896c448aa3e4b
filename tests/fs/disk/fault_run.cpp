#include "tests/fs/disk/fault_run.h"

#include <algorithm>

namespace twofold {

using fs::kBlockSize;
using Kind = InjectedFault::Kind;
using StepKind = FaultScript::Step::Kind;

namespace {

Result<void> error_of(Errc code, int sys_errno) {
    return fail(Error{code, "injected", {}, sys_errno, {}});
}

// A step whose success after a stop would be a lie.
bool writes(StepKind kind) { return kind != StepKind::read; }
bool changes_blocks(StepKind kind) {
    return kind == StepKind::write || kind == StepKind::patch || kind == StepKind::zero;
}

}  // namespace

FaultScript FaultScript::random(DiskShape shape, Layers layers, std::uint64_t seed, int steps) {
    std::mt19937_64 random(seed);
    FaultScript script{shape, std::move(layers), {}};
    const auto range = [&](Step::Kind kind, std::uint64_t most) {
        const std::uint64_t count = 1 + random() % most;
        return Step{kind, random() % (shape.blocks - count + 1), count, 0, {}};
    };
    for (int i = 0; i < steps; ++i) {
        Step step{Step::Kind::read, 0, 0, 0, {}};
        const std::uint64_t choice = random() % 32;
        if (choice < 9)
            step = range(Step::Kind::write, 4);
        else if (choice < 11)
            step = range(Step::Kind::patch, 2);
        else if (choice < 14)
            step = range(Step::Kind::zero, shape.blocks / 3);
        else if (choice < 17)
            step = range(Step::Kind::read, 6);
        else if (choice < 21)
            step.kind = Step::Kind::sync;
        else if (choice < 25)
            step.kind = Step::Kind::soft;
        else if (choice < 29)
            step = {Step::Kind::tick, 0, 0, 0,
                    std::chrono::milliseconds(choice < 27 ? random() % 250 : 40'000)};
        else
            step.kind = choice == 29 ? Step::Kind::rewrap : Step::Kind::kill;
        step.version = static_cast<std::uint64_t>(i) + 1;
        script.steps.push_back(step);
    }
    return script;
}

std::string InjectedFault::name() const {
    constexpr std::array<const char*, kKinds> kNames{
        "read_error",        "write_error",    "write_torn",    "write_full",
        "sync_error",        "allocate_error", "allocate_full", "punch_error",
        "punch_unsupported", "gone",           "stall",         "no_memory"};
    return std::string(kNames[static_cast<std::size_t>(kind)]) + " at call " +
           std::to_string(index) + (for_good ? " and all later ones" : "");
}

std::vector<InjectedFault> faults_fitting(FileCall::Kind call, std::uint64_t index) {
    std::vector<InjectedFault> faults{{Kind::gone, index, true}, {Kind::stall, index, false}};
    const auto add = [&](std::initializer_list<Kind> kinds) {
        for (const Kind kind : kinds)
            for (const bool for_good : {false, true}) faults.push_back({kind, index, for_good});
    };
    switch (call) {
        case FileCall::Kind::read:
            add({Kind::read_error});
            break;
        case FileCall::Kind::write:
            add({Kind::write_error, Kind::write_torn, Kind::write_full});
            break;
        case FileCall::Kind::sync:
            add({Kind::sync_error});
            break;
        case FileCall::Kind::allocate:
            add({Kind::allocate_error, Kind::allocate_full});
            break;
        case FileCall::Kind::punch:
            add({Kind::punch_error, Kind::punch_unsupported});
            break;
    }
    return faults;
}

// What the image in memory allocates is not the disk's.
class TestsOwnFile final : public io::ForwardingFile {
public:
    using ForwardingFile::ForwardingFile;
    using ForwardingFile::read;
    using ForwardingFile::write;
    Result<void> read(std::uint64_t offset, std::span<const MutableBytes> parts) override {
        const AllocationPlan::Scope ours(nullptr);
        return inner().read(offset, parts);
    }
    Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override {
        const AllocationPlan::Scope ours(nullptr);
        return inner().write(offset, parts);
    }
    Result<void> sync() override {
        const AllocationPlan::Scope ours(nullptr);
        return inner().sync();
    }
    Result<void> punch(std::uint64_t offset, std::uint64_t length) override {
        const AllocationPlan::Scope ours(nullptr);
        return inner().punch(offset, length);
    }
};

// Whatever is thrown comes out of the disk as it would come to whoever serves it.
template <class Body>
auto FaultRun::in_disk(Body body) -> decltype(body()) {
    const AllocationPlan::Scope disks(&memory_);
    try {
        return body();
    } catch (const std::bad_alloc&) {
        const AllocationPlan::Scope ours(nullptr);
        return fail(Errc::out_of_memory, "thrown");
    }
}

FaultRun::FaultRun(const FaultScript& script, std::uint64_t seed)
    : script_(script), disk_(script.shape, script.layers, seed), cache_(disk_.image, seed) {
    disk_.wrap = [this](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
        const AllocationPlan::Scope ours(nullptr);
        file = std::make_unique<FaultyFile>(cache_.wrap(std::move(file)),
                                            [this](FileCall& call) { return before_call(call); });
        return std::make_unique<TestsOwnFile>(std::move(file));
    };
    start_image_ = disk_.image;
}

// ---- Running

std::vector<FileCall::Kind> FaultRun::run_without() {
    begin({});
    run_script();
    const auto calls = calls_;
    judge_image();
    return calls;
}

void FaultRun::run(const InjectedFault& fault) {
    run_if_met(fault);
    EXPECT_GT(hits(), 0u) << fault.name() << ": the run never came to that call";
}

void FaultRun::run_if_met(const InjectedFault& fault) {
    SCOPED_TRACE(fault.name());
    begin(fault);
    if (fault.kind == Kind::stall)
        run_beside_a_reader();
    else
        run_script();
    ++counts_.injections;
    counts_.calls_failed += hits();
    judge_image();
}

void FaultRun::run_on_a_liar(std::uint64_t index) {
    SCOPED_TRACE("power cut at call " + std::to_string(index));
    begin(InjectedFault{Kind::gone, index, true});
    cache_.lie(true);
    run_script();
    ++counts_.injections;
    judge_lies();
    cache_.lie(false);
}

void FaultRun::begin(const std::optional<InjectedFault>& fault) {
    fault_ = fault;
    disk_.kill();
    disk_.image = start_image_;
    disk_.clock.passed = {};
    disk_.options.read_only = false;
    cache_.reset();
    calls_.clear();
    memory_ = {};
    if (fault && fault->kind == Kind::no_memory)
        memory_ = {.fail_at = fault->index, .for_good = fault->for_good};
    hits_ = 0;
    sync_failed_ = false;
    history_.assign(1, DiskState(script_.shape.blocks));
    synced_ = soft_ = 0;
    under_way_.reset();
    doubtful_ = {};
    stall_ = Stall::not_yet;
    runner_ = std::this_thread::get_id();
}

void FaultRun::run_script() {
    if (!mount()) return;
    for (const Step& step : script_.steps) {
        if (testing::Test::HasFailure()) return;
        if (step.kind == StepKind::kill) {
            disk_.kill();
            if (!mount()) return;
        } else {
            perform(step);
        }
    }
    close();
}

void FaultRun::run_beside_a_reader() {
    std::thread runner([this] {
        runner_ = std::this_thread::get_id();
        run_script();
        stall_ = Stall::over;
        stall_.notify_all();
    });
    stall_.wait(Stall::not_yet);
    if (stall_ == Stall::stalled) {
        if (under_way_) read_beside(*under_way_);
        stall_ = Stall::over;
        stall_.notify_all();
    }
    runner.join();
}

Result<void> FaultRun::before_call(FileCall& call) {
    if (!fault_ || std::this_thread::get_id() != runner_) {
        if (!fault_) calls_.push_back(call.kind);
        return {};
    }
    const bool due = is_due(call.kind);
    calls_.push_back(call.kind);
    return due ? inject(call) : Result<void>();
}

bool FaultRun::is_due(FileCall::Kind call) {
    const std::uint64_t now = calls_.size();
    if (fault_->for_good ? now < fault_->index : now != fault_->index) return false;
    const auto fitting = faults_fitting(call, 0);
    return std::ranges::any_of(fitting,
                               [&](const auto& each) { return each.kind == fault_->kind; });
}

Result<void> FaultRun::inject(FileCall& call) {
    ++hits_;
    switch (fault_->kind) {
        case Kind::write_torn:
            call.done_all_the_same = call.length / 2 + 100;
            return error_of(Errc::io, EIO);
        case Kind::write_full:
        case Kind::allocate_full:
            return error_of(Errc::no_space, ENOSPC);
        case Kind::punch_unsupported:
            return error_of(Errc::io, EOPNOTSUPP);
        case Kind::stall:
            stall();
            return {};
        case Kind::read_error:
        case Kind::write_error:
        case Kind::sync_error:
        case Kind::allocate_error:
        case Kind::punch_error:
        case Kind::gone:
        case Kind::no_memory:
            break;
    }
    if (call.kind == FileCall::Kind::sync) {
        cache_.fail_sync();
        sync_failed_ = true;
    }
    return error_of(Errc::io, EIO);
}

void FaultRun::stall() {
    stall_ = Stall::stalled;
    stall_.notify_all();
    stall_.wait(Stall::stalled);
}

// ---- Mounting and its end

bool FaultRun::mount() {
    under_way_.reset();
    doubtful_ = {};
    disk_.events.clear();
    const std::uint64_t hits_before = hits();
    const auto opened = in_disk([&] { return disk_.try_open(); });
    const bool hit = hits() != hits_before;
    if (opened) {
        if (hit) judge_absorbed();
        return take_found_state();
    }
    ++counts_.refusals;
    EXPECT_TRUE(hit) << "refused for nothing: " << opened.error().line();
    EXPECT_FALSE(disk_.disk) << "a half-made mount";
    const Errc code = opened.error().code;
    EXPECT_TRUE(code == (memory_.failed > 0 ? Errc::out_of_memory : Errc::io) ||
                code == Errc::no_space)
        << opened.error().line();
    return false;
}

bool FaultRun::take_found_state() {
    auto found = read_state(disk_, script_.shape.blocks);
    for (int again = 0; !found && again < 1; ++again) {
        EXPECT_THAT(found, FailsWith(Errc::io));
        ++counts_.bad_reads;
        found = read_state(disk_, script_.shape.blocks);
    }
    if (!found) {  // no read works any more
        EXPECT_TRUE(fault_ && fault_->for_good) << found.error().line();
        return false;
    }
    const auto from =
        history_.begin() + static_cast<std::ptrdiff_t>(sync_failed_ ? synced_ : soft_);
    EXPECT_NE(std::find(from, history_.end(), *found), history_.end())
        << "a mount found what was not there";
    history_.push_back(*found);
    synced_ = soft_ = history_.size() - 1;
    sync_failed_ = false;
    return true;
}

void FaultRun::close() {
    under_way_.reset();
    const std::uint64_t hits_before = hits();
    const bool was_stopped = stopped();
    const auto closed = in_disk([&] { return disk_.disk->close(); });
    const bool hit = hits() != hits_before;
    if (closed) {
        EXPECT_FALSE(was_stopped) << "closed well after the stop";
        synced_ = soft_ = history_.size() - 1;
        if (hit) judge_absorbed();
    } else {
        EXPECT_TRUE(hit || was_stopped) << "close failed for nothing: " << closed.error().line();
    }
    if (disk_.disk->stats().stopped) ++counts_.stops;
}

// ---- Steps

void FaultRun::perform(const Step& step) {
    under_way_ = step;
    constexpr std::array kNames{"write", "patch", "zero",   "read", "sync",
                                "soft",  "tick",  "rewrap", "kill"};
    SCOPED_TRACE(std::string("step ") + std::to_string(step.version) + ": " +
                 kNames[static_cast<std::size_t>(step.kind)]);
    const std::uint64_t hits_before = hits();
    const bool was_stopped = stopped();
    const auto result = call_disk(step);
    if (testing::Test::HasFatalFailure()) return;
    const bool hit = hits() != hits_before;
    if (result)
        judge_success(step, hit, was_stopped);
    else
        judge_failure(step, result.error(), hit, was_stopped);
    const auto events =
        std::ranges::count(disk_.events, fs::DiskEvent::Kind::stopped, &fs::DiskEvent::kind);
    EXPECT_TRUE(events == (stopped() ? 1 : 0) || (events == 0 && memory_.failed > 0))
        << "one event tells why";
    settle(step, result.has_value(), was_stopped);
    under_way_.reset();
}

Result<void> FaultRun::call_disk(const Step& step) {
    const fs::ByteOffset at{step.first * kBlockSize};
    switch (step.kind) {
        case StepKind::write:
        case StepKind::patch: {
            std::vector<std::byte> data;
            for (std::uint64_t b = step.first; b < step.first + step.count; ++b) {
                const bool same = step.kind == StepKind::patch;
                const auto block = contents_of(b, same ? history_.back()[b] : step.version);
                data.insert(data.end(), block.begin(), block.end());
            }
            if (step.kind == StepKind::write)
                return in_disk([&] { return disk_.disk->write(at, data); });
            return in_disk([&] {
                return disk_.disk->write(fs::ByteOffset{at.value() + 100},
                                         Bytes(data).subspan(100, data.size() - 300));
            });
        }
        case StepKind::zero:
            return in_disk([&] { return disk_.zero(step.first, step.count); });
        case StepKind::read:
            return read(step);
        case StepKind::sync:
            return in_disk([&] { return disk_.sync(); });
        case StepKind::soft:
            return in_disk([&] { return disk_.soft_commit(); });
        case StepKind::tick:
            disk_.pass(step.pass);
            return in_disk([&] { return disk_.disk->tick(); });
        case StepKind::rewrap: {
            const auto layer =
                script_.layers.layer1 == fs::Suite::none ? crypto::Layer::two : crypto::Layer::one;
            auto record = disk_.keys.record_of(layer);
            record.push_back(static_cast<std::byte>('a' + step.version % 26));
            return in_disk([&] {
                return disk_.disk->rewrap(layer, record,
                                          [&](const crypto::Envelope& envelope) -> Result<void> {
                                              TF_TRY(disk_.keys.unwrap(layer, envelope));
                                              return {};
                                          });
            });
        }
        case StepKind::kill:
            break;
    }
    return {};
}

// Every block reads as what was written last; one whose write failed as before or as written, or
// not at all.
Result<void> FaultRun::read(const Step& step) {
    std::vector<std::byte> bytes(step.count * kBlockSize);
    auto whole =
        in_disk([&] { return disk_.disk->read(fs::ByteOffset{step.first * kBlockSize}, bytes); });
    if (!whole && !stopped()) return whole;
    for (std::uint64_t i = 0; i < step.count; ++i) {
        const std::uint64_t block = step.first + i;
        const bool doubtful = block - doubtful_.first.value() < doubtful_.count;
        const MutableBytes out = MutableBytes(bytes).subspan(i * kBlockSize, kBlockSize);
        if (!whole) {
            const auto one = disk_.disk->read(fs::ByteOffset{block * kBlockSize}, out);
            if (!one && fault_->kind != Kind::gone && !doubtful && fault_->kind != Kind::read_error)
                ADD_FAILURE() << "block " << block << ": " << one.error().line();
            if (!one) continue;
        }
        const bool new_one = equal(out, contents_of(block, history_.back()[block]));
        const bool old_one =
            doubtful && equal(out, contents_of(block, history_[history_.size() - 2][block]));
        EXPECT_TRUE(new_one || old_one) << "block " << block << " reads as something else";
    }
    return {};
}

void FaultRun::judge_success(const Step& step, bool hit, bool was_stopped) {
    EXPECT_FALSE(was_stopped && writes(step.kind)) << "a success after the stop";
    if (hit && !was_stopped) judge_absorbed();
}

void FaultRun::judge_absorbed() {
    if (fault_->kind == Kind::stall) return;
    ++counts_.absorbed;
    EXPECT_TRUE(fault_->kind == Kind::punch_unsupported || fault_->kind == Kind::no_memory)
        << "a failed call that nobody heard of";
}

void FaultRun::judge_failure(const Step& step, const Error& error, bool hit, bool was_stopped) {
    if (was_stopped) {
        EXPECT_TRUE(error.code == Errc::stopped || !writes(step.kind) ||
                    (hit && error.code == Errc::out_of_memory))
            << error.line();
        return;
    }
    EXPECT_TRUE(hit) << "failed for nothing: " << error.line();
    if (!hit) return;
    const Kind kind = fault_->kind;
    const bool full = kind == Kind::write_full || kind == Kind::allocate_full;
    EXPECT_EQ(error.code, full                      ? Errc::no_space
                          : kind == Kind::no_memory ? Errc::out_of_memory
                                                    : Errc::io)
        << error.line();
    if (stopped()) {
        EXPECT_NE(kind, Kind::allocate_full) << "a full store costs the request";
        EXPECT_TRUE(writes(step.kind)) << "a read stopped the disk";
        ++counts_.stops;
    } else if (full) {
        EXPECT_TRUE(step.kind == StepKind::write || step.kind == StepKind::patch);
        ++counts_.full;
    } else {
        EXPECT_TRUE(kind == Kind::read_error || kind == Kind::gone || kind == Kind::no_memory)
            << "a failed write or sync did not stop the disk: " << error.line();
        ++counts_.bad_reads;
    }
}

void FaultRun::settle(const Step& step, bool done, bool was_stopped) {
    if (changes_blocks(step.kind) && step.kind != StepKind::patch && !was_stopped &&
        (done || stopped())) {
        DiskState next = history_.back();
        for (std::uint64_t b = step.first; b < step.first + step.count; ++b)
            next[b] = step.kind == StepKind::write ? step.version : 0;
        history_.push_back(std::move(next));
    }
    if (changes_blocks(step.kind) && !done && !was_stopped && stopped()) {
        doubtful_ = {fs::BlockIndex{step.first}, step.count};
        if (step.kind == StepKind::patch) history_.push_back(history_.back());
    }
    if (step.kind == StepKind::sync && done) synced_ = history_.size() - 1;
    if ((step.kind == StepKind::sync || step.kind == StepKind::soft) && done)
        soft_ = history_.size() - 1;
}

// While a call does not return, reads of other blocks do.
void FaultRun::read_beside(const Step& step) {
    std::vector<std::byte> block(kBlockSize);
    for (std::uint64_t b = 0; b < script_.shape.blocks; ++b) {
        if (step.kind == StepKind::read ||
            (changes_blocks(step.kind) && b - step.first < step.count))
            continue;
        EXPECT_THAT(disk_.disk->read(fs::ByteOffset{b * kBlockSize}, block), Succeeds());
        EXPECT_TRUE(equal(block, contents_of(b, history_.back()[b]))) << "block " << b;
    }
}

// ---- Judging what is left

void FaultRun::judge_image() {
    fault_.reset();
    memory_.fail_at = UINT64_MAX;
    disk_.kill();
    const MemoryImage end = disk_.image;
    const KernelCache::Account account = cache_.account();
    judge_state(sync_failed_ ? synced_ : soft_, "the daemon died");
    for (const auto keep : {KernelCache::Keep::nothing, KernelCache::Keep::some}) {
        disk_.kill();
        disk_.image = end;
        cache_.restore(account);
        cache_.cut_power(keep);
        judge_state(synced_, keep == KernelCache::Keep::nothing ? "all of the cache was lost"
                                                                : "some of the cache was lost");
    }
}

// Nothing was ever durable. An older state of the history, a refusal, or blocks that can't be read:
// but never a block that holds anything else than that state.
void FaultRun::judge_lies() {
    fault_.reset();
    memory_.fail_at = UINT64_MAX;
    disk_.kill();
    const MemoryImage end = disk_.image;
    const KernelCache::Account account = cache_.account();
    for (int sample = 0; sample < 3; ++sample) {
        disk_.kill();
        disk_.image = end;
        cache_.restore(account);
        cache_.cut_power(KernelCache::Keep::some);
        ++counts_.states;
        if (!disk_.try_open()) {
            ++counts_.refusals;
            continue;
        }
        std::vector<std::optional<DiskState::value_type>> found(script_.shape.blocks);
        for (std::uint64_t b = 0; b < found.size(); ++b) {
            std::vector<std::byte> block(kBlockSize);
            if (!disk_.disk->read(fs::ByteOffset{b * kBlockSize}, block))
                ++counts_.bad_reads;
            else
                found[b] = Reader(block).u64_le();
            EXPECT_TRUE(!found[b] || equal(block, contents_of(b, *found[b]))) << "block " << b;
        }
        EXPECT_TRUE(std::ranges::any_of(history_, [&](const DiskState& state) {
            return std::ranges::equal(found, state, [](const auto& each, std::uint64_t version) {
                return !each || *each == version;
            });
        })) << "blocks of two states";
    }
}

void FaultRun::judge_state(std::size_t from, const char* after) {
    SCOPED_TRACE(after);
    disk_.options.read_only = ++counts_.states % 4 == 0;
    const auto opened = disk_.try_open();
    ASSERT_THAT(opened, Succeeds());
    const auto found = read_state(disk_, script_.shape.blocks);
    ASSERT_THAT(found, Succeeds());
    const auto first = history_.begin() + static_cast<std::ptrdiff_t>(from);
    EXPECT_NE(std::find(first, history_.end(), *found), history_.end())
        << "not a state of the history, or older than was promised";
    EXPECT_THAT(disk_.disk->check_map(), Succeeds());
    if (counts_.states % 4 == 1) go_on(*found);
}

void FaultRun::go_on(const DiskState& found) {
    DiskState next = found;
    const std::uint64_t block = counts_.states % next.size();
    next[block] = 1'000'000;
    must(disk_.disk->write(fs::offset_of(fs::BlockIndex{block}), contents_of(block, next[block])));
    must(disk_.sync());
    disk_.kill();
    cache_.cut_power(KernelCache::Keep::nothing);
    must(disk_.try_open());
    EXPECT_EQ(must(read_state(disk_, next.size())), next) << "what was synced then was lost";
}

}  // namespace twofold

#include "fs/disk/block_scan.h"

#include <algorithm>
#include <new>
#include <system_error>

namespace twofold::fs {

namespace {

constexpr std::size_t kRunMax = kRequestMax / kBlockSize;
static_assert(kRunMax <= ScratchPool::kUnitsMax);

// What an error says of a block; all else says something about us.
bool is_of_the_block(Errc code) {
    return code == Errc::unauthentic || code == Errc::corrupt || code == Errc::damaged ||
           code == Errc::io;
}

}  // namespace

BlockScan::BlockScan(io::File& file, const Layout& layout, Open open, unsigned threads)
    : file_(file), layout_(layout), open_(std::move(open)) {
    threads_.reserve(threads);
    try {
        for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {  // then with those there are
    } catch (const std::bad_alloc&) {
    }
}

BlockScan::~BlockScan() {
    {
        const std::scoped_lock hold(mutex_);
        ending_ = true;
        next_run_ = runs_.size();
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void BlockScan::start(std::vector<Sealed> batch) {
    std::ranges::sort(batch, {}, [](const Sealed& sealed) { return sealed.entry.slot; });
    {
        const std::scoped_lock hold(mutex_);
        TF_CHECK(runs_done_ == runs_.size());
        batch_ = std::move(batch);
        divide();
    }
    changed_.notify_all();
}

Result<std::vector<BlockScan::Failure>> BlockScan::wait() {
    Run run;
    if (threads_.empty())
        while (take(run)) scan(run);
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [&] { return runs_done_ == runs_.size(); });
    if (trouble_) return fail(*trouble_);
    std::ranges::sort(failures_, {}, &Failure::block);
    return std::exchange(failures_, {});
}

// mutex_ is held.
void BlockScan::divide() {
    runs_.clear();
    next_run_ = runs_done_ = 0;
    for (std::size_t i = 0; i < batch_.size(); ++i) {
        const bool goes_on = i > 0 && runs_.back().count < kRunMax &&
                             adjacent(batch_[i - 1].entry.slot, batch_[i].entry.slot);
        if (goes_on)
            ++runs_.back().count;
        else
            runs_.push_back({i, 1});
    }
}

void BlockScan::work() {
    for (;;) {
        {
            std::unique_lock hold(mutex_);
            changed_.wait(hold, [&] { return ending_ || next_run_ < runs_.size(); });
            if (ending_) return;
        }
        Run run;
        while (take(run)) scan(run);
    }
}

bool BlockScan::take(Run& run) {
    const std::scoped_lock hold(mutex_);
    if (next_run_ >= runs_.size()) return false;
    run = runs_[next_run_++];
    return true;
}

void BlockScan::scan(const Run& run) {
    const auto stop = [&](Error error) {
        const std::scoped_lock hold(mutex_);
        if (!trouble_) trouble_ = std::move(error);
    };
    try {
        const std::span<const Sealed> blocks(batch_.data() + run.first, run.count);
        const ScratchPool::Scratch units = scratch_.take(run.count);
        if (auto whole = read(blocks, units)) {
            open(blocks, units);
        } else if (!is_of_the_block(whole.error().code)) {
            stop(std::move(whole).error());
        } else {  // one by one, so that one bad sector costs its block alone
            for (const Sealed& sealed : blocks) {
                const std::span<const Sealed> alone(&sealed, 1);
                if (auto one = read(alone, units))
                    open(alone, units);
                else
                    note(sealed, std::move(one).error());
            }
        }
    } catch (const std::bad_alloc&) {
        stop({Errc::out_of_memory, "check: out of memory", {}, 0, {}});
    }
    const std::scoped_lock hold(mutex_);
    if (++runs_done_ == runs_.size()) changed_.notify_all();
}

Result<void> BlockScan::read(std::span<const Sealed> blocks, const ScratchPool::Scratch& units) {
    std::vector<MutableBytes> parts;
    parts.reserve(blocks.size());
    for (std::size_t i = 0; i < blocks.size(); ++i)
        parts.push_back(units.unit(i).first(kBlockSize));
    return file_.read(layout_.slot_offset(blocks.front().entry.slot), parts);
}

void BlockScan::open(std::span<const Sealed> blocks, const ScratchPool::Scratch& units) {
    for (std::size_t i = 0; i < blocks.size(); ++i)
        if (auto opened = open_(blocks[i], units.unit(i)); !opened)
            note(blocks[i], std::move(opened).error());
}

void BlockScan::note(const Sealed& sealed, Error error) {
    const std::scoped_lock hold(mutex_);
    if (is_of_the_block(error.code))
        failures_.push_back(
            {sealed.block, sealed.entry.slot, sealed.entry.keyset, std::move(error)});
    else if (!trouble_)
        trouble_ = std::move(error);
}

}  // namespace twofold::fs

#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "fs/block/block_device.h"

namespace twofold::fs {

// A device that notes what is asked of it, and fails on request; otherwise it hands on to `inner`.
class ProbeDevice final : public BlockDevice {
public:
    enum class Kind { read, write, zero, next_data, flush_committed, flush_synced };
    struct Call {
        Kind kind;
        std::uint64_t offset = 0, length = 0;
    };
    // Asked before each call; the error it returns is the call's.
    using Fault = std::function<Result<void>(const Call&)>;

    explicit ProbeDevice(std::unique_ptr<BlockDevice> inner) : inner_(std::move(inner)) {}

    Geometry geometry() const override { return inner_->geometry(); }
    bool read_only() const override { return read_only_ || inner_->read_only(); }
    Result<void> read(ByteOffset offset, MutableBytes out) override {
        TF_TRY(note({Kind::read, offset.value(), out.size()}));
        return inner_->read(offset, out);
    }
    Result<void> write(ByteOffset offset, Bytes data) override {
        TF_TRY(note({Kind::write, offset.value(), data.size()}));
        return inner_->write(offset, data);
    }
    Result<void> zero(ByteOffset offset, std::uint64_t length) override {
        TF_TRY(note({Kind::zero, offset.value(), length}));
        return inner_->zero(offset, length);
    }
    Result<std::optional<BlockRange>> next_data(BlockIndex from) override {
        TF_TRY(note({Kind::next_data, offset_of(from).value(), 0}));
        return inner_->next_data(from);
    }
    Result<void> flush(Durability durability) override {
        const bool synced = durability == Durability::synced;
        TF_TRY(note({synced ? Kind::flush_synced : Kind::flush_committed}));
        return inner_->flush(durability);
    }

    void make_read_only() { read_only_ = true; }
    void set_fault(Fault fault) {
        const std::lock_guard lock(mutex_);
        fault_ = std::move(fault);
    }
    void fail_with(Kind kind, Errc code) {
        set_fault([=](const Call& call) -> Result<void> {
            if (call.kind != kind) return {};
            return fail(code, "injected");
        });
    }
    void heal() { set_fault({}); }
    std::vector<Call> calls(Kind kind) const {
        const std::lock_guard lock(mutex_);
        std::vector<Call> out;
        for (const Call& call : calls_)
            if (call.kind == kind) out.push_back(call);
        return out;
    }
    std::size_t count(Kind kind) const { return calls(kind).size(); }
    std::uint64_t largest(Kind kind) const {
        std::uint64_t most = 0;
        for (const Call& call : calls(kind)) most = std::max(most, call.length);
        return most;
    }
    void forget_calls() {
        const std::lock_guard lock(mutex_);
        calls_.clear();
    }
    BlockDevice& inner() { return *inner_; }

private:
    Result<void> note(const Call& call) {
        Fault fault;
        {
            const std::lock_guard lock(mutex_);
            calls_.push_back(call);
            fault = fault_;
        }
        return fault ? fault(call) : Result<void>();
    }

    std::unique_ptr<BlockDevice> inner_;
    std::atomic<bool> read_only_ = false;
    mutable std::mutex mutex_;
    std::vector<Call> calls_;  // guarded by mutex_
    Fault fault_;              // guarded by mutex_
};

}  // namespace twofold::fs

#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "fs/disk/anchor_store.h"

namespace twofold {

// The place of one anchor, in memory. A test may look at the record, exchange it, and decide call
// by call whether the place works. Thread-safe, apart from the two functions, which are set before.
class MemoryAnchors final : public fs::AnchorStore {
public:
    using Record = std::optional<std::vector<std::byte>>;
    enum class Call { load, save, forget };

    std::function<Result<void>(Call)> before = [](Call) { return Result<void>(); };  // may fail
    std::function<void(Bytes)> saved = [](Bytes) {};  // the record, once it is kept

    Result<Record> load() override {
        TF_TRY(before(Call::load));
        return record();
    }
    Result<void> save(Bytes record) override {
        TF_TRY(before(Call::save));
        put(Record({record.begin(), record.end()}));
        saved(record);
        return {};
    }
    Result<void> forget() override {
        TF_TRY(before(Call::forget));
        put({});
        return {};
    }

    Record record() const {
        const std::scoped_lock hold(mutex_);
        return record_;
    }
    void put(Record record) {
        const std::scoped_lock hold(mutex_);
        record_ = std::move(record);
    }

private:
    mutable std::mutex mutex_;
    Record record_;  // guarded by mutex_
};

}  // namespace twofold

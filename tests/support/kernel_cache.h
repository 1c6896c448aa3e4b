#pragma once

#include <array>
#include <map>
#include <random>
#include <vector>

#include "tests/support/memory_image.h"

namespace twofold {

// A page cache between a file and its device, as far as a crash or a failed sync shows it: the
// image is what readers see, and for each unit of 512 bytes that was written since the last sync
// this knows what the device may hold instead. One thread at a time may write; others may read.
class KernelCache {
public:
    KernelCache(MemoryImage& view, std::uint64_t seed) : view_(view), random_(seed) {}

    // A file on the image that keeps account. Neither owns the other; both need the image.
    std::unique_ptr<io::File> wrap(std::unique_ptr<io::File> file);

    // fdatasync fails as on Linux: some pages reached the device, all are clean from now on, and
    // the next sync will succeed. Readers see no difference until the cache is dropped.
    void fail_sync();

    // From now on syncs succeed and do nothing.
    void lie(bool yes) { lying_ = yes; }

    enum class Keep { nothing, some };
    // The power goes: each unit is what the device held at the last sync, or (some) that or any
    // version since, or now and then garbage.
    void cut_power(Keep keep);

    // What is not on the device is forgotten, as if it were; for a new start.
    void reset() {
        dirty_.clear();
        lost_.clear();
    }
    // Its account, to judge several ends of one run. The image is the caller's to copy.
    struct Account;
    Account account() const;
    void restore(const Account& account);

private:
    class CachedFile;
    static constexpr std::uint64_t kUnit = 512;
    using Unit = std::array<std::byte, kUnit>;
    using Versions = std::map<std::uint64_t, std::vector<Unit>>;  // by number of the unit
    using Contents = std::map<std::uint64_t, Unit>;

    void before_change(std::uint64_t offset, std::uint64_t length);
    void synced() {
        if (!lying_) dirty_.clear();
    }
    void drop();

    MemoryImage& view_;
    std::mt19937_64 random_;
    bool lying_ = false;
    Versions dirty_;  // what each was before each change since the last sync, the oldest first
    Contents lost_;   // clean, but the device holds this
};

struct KernelCache::Account {
    Versions dirty;
    Contents lost;
};

}  // namespace twofold

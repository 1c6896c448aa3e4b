#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "fs/disk/anchor.h"
#include "fs/disk/anchor_place.h"

namespace twofold::fs {

// Brings the anchor of a mounted disk after what becomes durable in its image (format, section 9).
// A place that fails or takes its time stops nothing: the newest state is kept and tried again,
// after 1, 2, 4, ... 64 seconds, by a thread of the keeper's own, so that no lock of the disk is
// held meanwhile. Without start() whoever calls follow() or retry_due() saves. Thread-safe.
class AnchorKeeper {
public:
    // Called when saving begins to fail, with the reason, and with none when it works again.
    using Report = std::function<void(const Error* trouble)>;

    // `anchor_mac` and `clock` are borrowed.
    AnchorKeeper(AnchorPlace place, const Uuid& deployment, const crypto::Blake2b& anchor_mac,
                 const Clock& clock, Report report);
    ~AnchorKeeper() { stop(); }

    // Durable on return. For the two ends of a mount, when nothing else is under way.
    Result<void> save(const Anchor& anchor);
    // The state that the image has come to; an older one than was told already is ignored.
    void follow(const Anchor& anchor);
    // What failed before, once its time has come.
    void retry_due();
    std::optional<AnchorTrouble> trouble() const;

    Result<void> start();  // Errc::io: no thread
    void stop();           // waits for a save under way, and begins no other

private:
    using Duration = std::chrono::nanoseconds;
    Result<void> put(const Anchor& anchor);
    void note(const Result<void>& saved);
    bool pending_due() const;
    void save_pending(std::unique_lock<std::mutex>& hold);
    void work();

    const AnchorPlace place_;
    const AnchorName name_;
    const crypto::Blake2b& mac_;
    const Clock& clock_;
    const Report report_;

    mutable std::mutex mutex_;  // guards all below; never held while saving
    std::condition_variable changed_;
    std::optional<Anchor> pending_;                     // the newest that is not saved yet
    std::pair<std::uint64_t, std::uint64_t> newest_{};  // generation and epoch that were told
    bool saving_ = false;
    std::optional<AnchorTrouble> trouble_;
    Duration next_try_{0};  // by the monotonic clock; while there is trouble
    Duration pause_{0};     // after the next failure
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace twofold::fs

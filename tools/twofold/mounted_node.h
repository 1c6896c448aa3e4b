#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fs/control/control.h"
#include "tools/twofold/alerts.h"
#include "tools/twofold/daemon.h"
#include "tools/twofold/rotation.h"

namespace twofold::cli {

// The disks of a node while they are mounted: their keyring, its upkeep (proof of access, following
// new versions), alerts, and what the control socket answers.
class MountedNode {
public:
    // Unlocks once, opens every disk, and forgets the data keys: disks keep what they derived.
    // Holds the store's lock until release_store(), so that no rotation runs meanwhile.
    static Result<std::unique_ptr<MountedNode>> open(std::unique_ptr<Session> session,
                                                     const ServeOptions& options);
    ~MountedNode();
    MountedNode(const MountedNode&) = delete;
    MountedNode& operator=(const MountedNode&) = delete;

    std::vector<OpenDisk>& disks() { return disks_; }
    const std::string& store_path() const { return session_->store().path(); }
    void release_store() { opening_.reset(); }

    void mounted_at(const std::string& mountpoint) { mountpoint_ = mountpoint; }
    void is_mounted();
    void is_unmounted(const Result<void>& how);

    fs::ControlHandlers handlers(std::function<void()> stop);

    // A thread that proves access to the keys and follows newer versions, at once and then each
    // `every`.
    void start_upkeep(std::chrono::milliseconds every);
    void stop_upkeep();

    Result<void> close();
    // After close(): what the next mount will have to make good; a line each.
    std::vector<std::string> left_undone() const;

private:
    MountedNode(std::unique_ptr<Session> session, const ServeOptions& options);

    void tell(const std::string& line);  // a warning: to the log and, before we are up, to the user
    void on_disk_event(const fs::Disk& disk, const fs::DiskEvent& event);
    void upkeep();
    void check_key(crypto::Layer layer);
    void follow_newest(crypto::Layer layer);
    Result<keyring::RewrapReport> rotate_now(const Target& target);
    Result<void> commit();
    std::string status() const;
    std::string alerts() const;
    std::string metrics() const;

    std::unique_ptr<Session> session_;
    std::string node_, mountpoint_;
    bool read_only_, tells_user_;
    std::atomic<bool> up_{false};
    UnixSeconds since_ = 0;
    Alerts alerts_;
    std::unique_ptr<keyring::Keyring> keys_;
    std::unique_ptr<io::HeldLock> opening_;
    std::vector<OpenDisk> disks_;

    std::mutex rotating_;  // guards session_'s deployment and note, which a rotation changes
    mutable std::mutex described_;
    std::string description_;  // under described_: `describe` as of the last rotation
    void describe_anew();      // with rotating_ held, or before threads

    std::mutex upkeep_mutex_;
    std::condition_variable upkeep_wake_;
    bool upkeep_ends_ = false;  // under upkeep_mutex_
    std::chrono::milliseconds upkeep_every_{};
    std::thread upkeep_thread_;
};

}  // namespace twofold::cli

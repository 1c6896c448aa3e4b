#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/io/io.h"
#include "fs/deployment/deployment.h"

namespace twofold::fs {

// One line of events.jsonl: what happened, for scripts and for people. Never holds key bytes or
// plaintext.
struct Event {
    std::string kind;  // "mounted", "rotated", "alert-raised", ...
    using Value = std::variant<std::string, std::uint64_t>;
    std::vector<std::pair<std::string, Value>> fields;  // "disk": "data0", "block": 7, ...

    std::string to_json(UnixSeconds time) const;  // one line, with its newline
};

// The directory of a deployment:
//
//     deployment.json           a Deployment
//     keyring/layer1, layer2    the keyring's wrapped keys; opaque here
//     disks/<node>/<disk>.img   images
//     events.jsonl              an Event a line
//     lock                      held by whoever changes any of it, the images aside
//
// Thread-safe except update().
class Store {
public:
    // Errc::not_found, Errc::invalid ("not a twofold store"), Errc::damaged.
    static Result<Store> open(const std::string& path);

    const std::string& path() const { return path_; }
    const Deployment& deployment() const { return deployment_; }

    // Waits a few seconds for another command, then Errc::busy. What was read before may be old:
    // call reload() after.
    Result<std::unique_ptr<io::HeldLock>> lock() const;
    Result<std::unique_ptr<io::HeldLock>> try_lock() const;  // Errc::busy at once
    Result<void> reload();
    // Replaces deployment.json as a whole. The caller holds the lock.
    Result<void> update(Deployment deployment);

    Result<std::unique_ptr<io::Directory>> keyring() const;
    // Of a node's images, made if missing.
    Result<std::unique_ptr<io::Directory>> images(const std::string& node) const;
    // Errc::busy where another open file holds the lock (a mount, another command).
    Result<std::unique_ptr<io::File>> image(const Disk& disk, io::Access access,
                                            io::Lock lock) const;
    // A name for messages: STORE/disks/node0/data0.img.
    std::string image_path(const Disk& disk) const;

    // A failure is no reason to stop what happened: it is logged and forgotten.
    void note(UnixSeconds time, const Event& event) const;

private:
    Store(std::string path, std::unique_ptr<io::Directory> directory, Deployment deployment)
        : path_(std::move(path)),
          directory_(std::move(directory)),
          deployment_(std::move(deployment)) {}

    std::string path_;
    std::unique_ptr<io::Directory> directory_;
    Deployment deployment_;
};

// A store while it is made. It is none before finish() has written deployment.json, the last file;
// without finish() everything that was made is removed again.
class NewStore {
public:
    // Errc::exists unless `path` does not exist or is an empty directory; its parent exists.
    static Result<NewStore> begin(const std::string& path);
    NewStore(NewStore&&) = default;
    NewStore& operator=(NewStore&&) = delete;
    ~NewStore();

    Result<std::unique_ptr<io::Directory>> keyring();
    Result<Store> finish(const Deployment& deployment);

private:
    NewStore(std::string path, std::unique_ptr<io::Directory> parent, std::string name)
        : path_(std::move(path)), parent_(std::move(parent)), name_(std::move(name)) {}

    std::string path_;
    std::unique_ptr<io::Directory> parent_;     // of the store
    std::string name_;                          // in parent_
    bool made_ = false;                         // the directory itself was made here
    bool ours_ = false;                         // what is in it was made here
    std::unique_ptr<io::Directory> directory_;  // null before it is made and once finished
};

std::string image_name(std::string_view disk);  // "data0.img"

}  // namespace twofold::fs

#include "fs/deployment/store.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/json.h"
#include "base/log.h"

namespace twofold::fs {
namespace {

constexpr const char* kDeployment = "deployment.json";
constexpr const char* kKeyring = "keyring";
constexpr const char* kDisks = "disks";
constexpr const char* kEvents = "events.jsonl";
constexpr const char* kLock = "lock";

constexpr std::chrono::milliseconds kLockRetry{50};
constexpr int kLockTries = 100;  // five seconds

Result<Deployment> load(io::Directory& directory, const std::string& path) {
    auto text = directory.read_text(kDeployment, Deployment::kTextMax);
    if (!text && text.error().code == Errc::not_found)
        return fail(Errc::invalid, "{}: not a twofold store: no {}", path, kDeployment);
    if (!text) return fail(std::move(text).error());
    return Deployment::parse(*text, path + "/" + kDeployment);
}

}  // namespace

std::string image_name(std::string_view disk) { return std::string(disk) + ".img"; }

std::string Event::to_json(UnixSeconds time) const {
    nlohmann::ordered_json value{{"time", iso8601(time)}, {"event", kind}};
    for (const auto& [name, field] : fields)
        std::visit([&member = value[name]](const auto& v) { member = v; }, field);
    return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

Result<Store> Store::open(const std::string& path) {
    auto directory = io::open_posix_directory(path);
    if (!directory && directory.error().sys_errno == ENOTDIR)
        return fail(Errc::invalid, "{}: not a twofold store: not a directory", path);
    if (!directory) return fail(std::move(directory).error().in("store"));
    TF_ASSIGN(Deployment deployment, load(**directory, path));
    return Store(path, std::move(*directory), std::move(deployment));
}

Result<std::unique_ptr<io::HeldLock>> Store::try_lock() const {
    return directory_->lock(kLock, false);
}

Result<std::unique_ptr<io::HeldLock>> Store::lock() const {
    for (int i = 1;; ++i) {
        auto held = try_lock();
        if (held || held.error().code != Errc::busy || i == kLockTries) return held;
        std::this_thread::sleep_for(kLockRetry);
    }
}

Result<void> Store::reload() {
    TF_ASSIGN(deployment_, load(*directory_, path_));
    return {};
}

Result<void> Store::update(Deployment deployment) {
    TF_TRY(directory_->replace(kDeployment, deployment.to_json()));
    deployment_ = std::move(deployment);
    return {};
}

Result<std::unique_ptr<io::Directory>> Store::keyring() const {
    return directory_->open_directory(kKeyring);
}

Result<std::unique_ptr<io::Directory>> Store::images(const std::string& node) const {
    TF_ASSIGN(const auto disks, directory_->ensure_directory(kDisks));
    return disks->ensure_directory(node);
}

Result<std::unique_ptr<io::File>> Store::image(const Disk& disk, io::Access access,
                                               io::Lock lock) const {
    TF_ASSIGN(const auto disks, directory_->open_directory(kDisks));
    TF_ASSIGN(const auto node, disks->open_directory(disk.node));
    return node->open_file(image_name(disk.name), access, io::Create::no, lock);
}

std::string Store::image_path(const Disk& disk) const {
    return fmt::format("{}/{}/{}/{}", path_, kDisks, disk.node, image_name(disk.name));
}

void Store::note(UnixSeconds time, const Event& event) const {
    if (auto added = directory_->append(kEvents, as_bytes(event.to_json(time))); !added)
        log::warning("event {} was not written: {}", event.kind, added.error().line());
}

Result<NewStore> NewStore::begin(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string parent_path = slash == std::string::npos ? "."
                                    : slash == 0               ? "/"
                                                               : path.substr(0, slash);
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    auto parent = io::open_posix_directory(parent_path);
    if (!parent) return fail(std::move(parent).error().in("store"));
    TF_ASSIGN(const bool exists, (*parent)->exists(name));
    if (exists) {
        auto present = io::open_posix_directory(path);
        if (!present && present.error().sys_errno == ENOTDIR)
            return fail(Errc::exists, "store {}: there is a file of that name", path);
        if (!present) return fail(std::move(present).error());
        TF_ASSIGN(const auto entries, (*present)->list());
        if (!entries.empty()) return fail(Errc::exists, "store {}: exists and is not empty", path);
    }
    NewStore store(path, std::move(*parent), name);
    if (!exists) TF_TRY(store.parent_->make_directory(name));
    store.made_ = !exists;
    TF_ASSIGN(store.directory_, store.parent_->open_directory(name));
    // Of two commands that got here at once the one that makes this goes on; the other removes
    // nothing.
    TF_TRY(store.directory_->make_directory(kKeyring));
    store.ours_ = true;
    TF_TRY(store.directory_->make_directory(kDisks));
    return store;
}

NewStore::~NewStore() {
    if (!directory_ || !ours_) return;
    const auto remove = [](io::Directory& directory, const std::string& name) {
        auto removed = directory.remove_tree(name);
        if (!removed && removed.error().code != Errc::not_found)
            log::warning("left behind: {}", removed.error().line());
    };
    if (made_) {
        remove(*parent_, name_);
    } else {
        // There after all where only the last sync failed.
        (void)directory_->unlink(kDeployment);
        remove(*directory_, kKeyring);
        remove(*directory_, kDisks);
    }
}

Result<std::unique_ptr<io::Directory>> NewStore::keyring() {
    return directory_->open_directory(kKeyring);
}

Result<Store> NewStore::finish(const Deployment& deployment) {
    TF_TRY(directory_->replace(kDeployment, deployment.to_json()));
    directory_.reset();
    return Store::open(path_);
}

}  // namespace twofold::fs

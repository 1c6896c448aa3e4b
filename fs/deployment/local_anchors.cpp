#include "fs/deployment/local_anchors.h"

namespace twofold::fs {

namespace {

constexpr const char* kAnchors = "anchors";

Failure of_anchor(Error error) { return fail(std::move(error).in("anchor")); }

}  // namespace

Result<std::unique_ptr<io::Directory>> LocalAnchorStore::make() const {
    TF_ASSIGN(auto directory, io::make_posix_directory(state_directory_));
    for (const std::string& name : {deployment_.hex(), std::string(kAnchors), node_}) {
        TF_ASSIGN(directory, directory->ensure_directory(name));
    }
    return directory;
}

Result<std::unique_ptr<io::Directory>> LocalAnchorStore::open() const {
    TF_ASSIGN(auto directory, io::open_posix_directory(state_directory_));
    for (const std::string& name : {deployment_.hex(), std::string(kAnchors), node_}) {
        TF_ASSIGN(directory, directory->open_directory(name));
    }
    return directory;
}

Result<std::optional<std::vector<std::byte>>> LocalAnchorStore::load() {
    using Record = std::optional<std::vector<std::byte>>;
    auto record = [&]() -> Result<std::vector<std::byte>> {
        TF_ASSIGN(const auto directory, open());
        return directory->read(disk_, kRecordSizeMax);
    }();
    if (record) return Record(std::move(*record));
    if (record.error().code == Errc::not_found) return Record();
    return of_anchor(std::move(record).error());
}

Result<void> LocalAnchorStore::save(Bytes record) {
    auto saved = [&]() -> Result<void> {
        TF_ASSIGN(const auto directory, make());
        return directory->replace(disk_, record);
    }();
    return saved ? Result<void>() : of_anchor(std::move(saved).error());
}

Result<void> LocalAnchorStore::forget() {
    auto gone = [&]() -> Result<void> {
        TF_ASSIGN(const auto directory, open());
        return directory->unlink(disk_);
    }();
    if (gone || gone.error().code == Errc::not_found) return {};
    return of_anchor(std::move(gone).error());
}

}  // namespace twofold::fs

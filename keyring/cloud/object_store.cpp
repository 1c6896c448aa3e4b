#include "keyring/cloud/object_store.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "base/json.h"
#include "keyring/cloud/cloud.h"
#include "keyring/cloud/permissions.h"

namespace twofold::cloud {
namespace {

using nlohmann::json;

constexpr const char* kDeletion = "deletion.json";
constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kVersionDigits = 32;

template <class Version>
std::string file_of(const Version& version) {
    return fmt::format("{:06}-{}{}", version.sequence, version.version, kSuffix);
}

// Nothing for other files: deletion.json, what a cut left behind.
template <class VersionFile>
std::optional<VersionFile> parse_file_name(const std::string& file) {
    const auto dash = file.find('-');
    if (dash == std::string::npos || !file.ends_with(kSuffix)) return {};
    VersionFile out;
    out.file = file;
    const char* end = file.data() + dash;
    const auto [at, error] = std::from_chars(file.data(), end, out.sequence);
    if (error != std::errc() || at != end) return {};
    out.version = file.substr(dash + 1, file.size() - dash - 1 - kSuffix.size());
    if (out.version.size() != kVersionDigits || !from_hex(out.version)) return {};
    return out;
}

}  // namespace

template <class Version>
Result<std::unique_ptr<io::HeldLock>> ObjectStore<Version>::lock() {
    return vault_->lock("lock", true);
}

template <class Version>
Result<std::unique_ptr<io::Directory>> ObjectStore<Version>::open(Shelf shelf) {
    return vault_->open_directory(std::string(
        shelf == Shelf::live ? words_of(Version::kKind).shelf : words_of(Version::kKind).deleted));
}

template <class Version>
Result<std::unique_ptr<io::Directory>> ObjectStore<Version>::open_name(Shelf shelf,
                                                                       const std::string& name) {
    TF_ASSIGN(const auto directory, open(shelf));
    return directory->open_directory(lowered(name));
}

template <class Version>
Result<std::vector<std::string>> ObjectStore<Version>::names(Shelf shelf) {
    TF_ASSIGN(const auto directory, open(shelf));
    TF_ASSIGN(const auto entries, directory->list());
    std::vector<std::string> out;
    for (const io::Entry& entry : entries)
        if (entry.is_directory && entry.name.front() != '.') out.push_back(entry.name);
    return out;
}

template <class Version>
Result<bool> ObjectStore<Version>::has(Shelf shelf, const std::string& name) {
    TF_ASSIGN(const auto directory, open(shelf));
    return directory->exists(lowered(name));
}

template <class Version>
Result<std::vector<typename ObjectStore<Version>::VersionFile>> ObjectStore<Version>::versions(
    Shelf shelf, const std::string& name) {
    TF_ASSIGN(const auto directory, open_name(shelf, name));
    TF_ASSIGN(const auto entries, directory->list());
    std::vector<VersionFile> out;
    for (const io::Entry& entry : entries)
        if (auto file = parse_file_name<VersionFile>(entry.name); file && !entry.is_directory)
            out.push_back(std::move(*file));
    if (out.empty()) return fail(Errc::damaged, "{}: no versions", directory->path());
    std::ranges::sort(out, {}, &VersionFile::sequence);
    return out;
}

template <class Version>
Result<Version> ObjectStore<Version>::load(Shelf shelf, const std::string& name,
                                           const VersionFile& which) {
    TF_ASSIGN(const auto directory, open_name(shelf, name));
    TF_ASSIGN(const std::string text, directory->read_text(which.file, Version::kFileMax));
    const std::string where = directory->path() + "/" + which.file;
    TF_ASSIGN(Version version, Version::parse(text, where));
    if (!same_text(version.name, name) || version.version != which.version ||
        version.sequence != which.sequence)
        return fail(Errc::damaged, "{}: is of another {} or version", where,
                    words_of(Version::kKind).noun);
    return version;
}

template <class Version>
Result<typename ObjectStore<Version>::Deletion> ObjectStore<Version>::deletion(
    const std::string& name) {
    TF_ASSIGN(const auto directory, open_name(Shelf::deleted, name));
    TF_ASSIGN(const std::string text, directory->read_text(kDeletion, 4096));
    TF_ASSIGN(const json object, parse_json(text, directory->path() + "/" + kDeletion, 2));
    const auto deleted = json_integer(object, "deletedDate");
    const auto purge = json_integer(object, "scheduledPurgeDate");
    if (!deleted || !purge) return fail(Errc::damaged, "{}: bad {}", directory->path(), kDeletion);
    return Deletion{*deleted, *purge};
}

template <class Version>
Result<void> ObjectStore<Version>::create(const Version& first) {
    TF_TRY(sweep());
    TF_ASSIGN(const auto directory, open(Shelf::live));
    TF_ASSIGN(const std::string hidden, unfinished_name());
    TF_TRY(directory->make_directory(hidden));
    TF_ASSIGN(const auto inside, directory->open_directory(hidden));
    TF_TRY(inside->replace(file_of(first), first.to_text()));
    return directory->rename(hidden, *directory, lowered(first.name));
}

template <class Version>
Result<void> ObjectStore<Version>::put(const Version& version) {
    TF_ASSIGN(const auto directory, open_name(Shelf::live, version.name));
    return directory->replace(file_of(version), version.to_text());
}

template <class Version>
Result<void> ObjectStore<Version>::shelve(const std::string& name, const Deletion& deletion) {
    TF_ASSIGN(const auto directory, open_name(Shelf::live, name));
    // Before the move it says nothing: only the deleted shelf is asked for it.
    const json object = {{"deletedDate", deletion.deleted},
                         {"scheduledPurgeDate", deletion.scheduled_purge}};
    TF_TRY(directory->replace(kDeletion, to_pretty_text(object) + "\n"));
    TF_ASSIGN(const auto from, open(Shelf::live));
    TF_ASSIGN(const auto to, open(Shelf::deleted));
    return from->rename(lowered(name), *to, lowered(name));
}

template <class Version>
Result<void> ObjectStore<Version>::recover(const std::string& name) {
    TF_ASSIGN(const auto from, open(Shelf::deleted));
    TF_ASSIGN(const auto to, open(Shelf::live));
    TF_TRY(from->rename(lowered(name), *to, lowered(name)));
    TF_ASSIGN(const auto directory, open_name(Shelf::live, name));
    (void)directory->unlink(kDeletion);  // says nothing here: left by a cut it does no harm
    return {};
}

template <class Version>
Result<void> ObjectStore<Version>::remove(Shelf shelf, const std::string& name) {
    TF_ASSIGN(const auto directory, open(shelf));
    TF_ASSIGN(const std::string hidden, unfinished_name());
    TF_TRY(directory->rename(lowered(name), *directory, hidden));  // gone at once, whole
    return directory->remove_tree(hidden);
}

template <class Version>
Result<void> ObjectStore<Version>::sweep() {
    for (const Shelf shelf : {Shelf::live, Shelf::deleted}) {
        TF_ASSIGN(const auto directory, open(shelf));
        TF_TRY(sweep_unfinished(*directory));
    }
    return {};
}

template class ObjectStore<KeyVersion>;
template class ObjectStore<SecretVersion>;

}  // namespace twofold::cloud

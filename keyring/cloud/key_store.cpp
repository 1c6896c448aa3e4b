#include "keyring/cloud/key_store.h"

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

const char* directory_of(KeyStore::Shelf shelf) {
    return shelf == KeyStore::Shelf::keys ? "keys" : "deletedkeys";
}

std::string file_of(const KeyVersion& version) {
    return fmt::format("{:06}-{}{}", version.sequence, version.version, kSuffix);
}

// Nothing for other files: deletion.json, what a cut left behind.
std::optional<KeyStore::VersionFile> parse_file_name(const std::string& file) {
    const auto dash = file.find('-');
    if (dash == std::string::npos || !file.ends_with(kSuffix)) return {};
    KeyStore::VersionFile out;
    out.file = file;
    const char* end = file.data() + dash;
    const auto [at, error] = std::from_chars(file.data(), end, out.sequence);
    if (error != std::errc() || at != end) return {};
    out.version = file.substr(dash + 1, file.size() - dash - 1 - kSuffix.size());
    if (out.version.size() != kVersionDigits || !from_hex(out.version)) return {};
    return out;
}

}  // namespace

Result<std::unique_ptr<io::HeldLock>> KeyStore::lock() { return vault_->lock("lock", true); }

Result<std::unique_ptr<io::Directory>> KeyStore::open(Shelf shelf) {
    return vault_->open_directory(directory_of(shelf));
}

Result<std::unique_ptr<io::Directory>> KeyStore::open_key(Shelf shelf, const std::string& name) {
    TF_ASSIGN(const auto directory, open(shelf));
    return directory->open_directory(lowered(name));
}

Result<std::vector<std::string>> KeyStore::names(Shelf shelf) {
    TF_ASSIGN(const auto directory, open(shelf));
    TF_ASSIGN(const auto entries, directory->list());
    std::vector<std::string> out;
    for (const io::Entry& entry : entries)
        if (entry.is_directory && entry.name.front() != '.') out.push_back(entry.name);
    return out;
}

Result<bool> KeyStore::has(Shelf shelf, const std::string& name) {
    TF_ASSIGN(const auto directory, open(shelf));
    return directory->exists(lowered(name));
}

Result<std::vector<KeyStore::VersionFile>> KeyStore::versions(Shelf shelf,
                                                              const std::string& name) {
    TF_ASSIGN(const auto directory, open_key(shelf, name));
    TF_ASSIGN(const auto entries, directory->list());
    std::vector<VersionFile> out;
    for (const io::Entry& entry : entries)
        if (auto file = parse_file_name(entry.name); file && !entry.is_directory)
            out.push_back(std::move(*file));
    if (out.empty()) return fail(Errc::damaged, "{}: no versions", directory->path());
    std::ranges::sort(out, {}, &VersionFile::sequence);
    return out;
}

Result<KeyVersion> KeyStore::load(Shelf shelf, const std::string& name, const VersionFile& which) {
    TF_ASSIGN(const auto directory, open_key(shelf, name));
    TF_ASSIGN(const std::string text, directory->read_text(which.file, KeyVersion::kFileMax));
    const std::string where = directory->path() + "/" + which.file;
    TF_ASSIGN(KeyVersion version, KeyVersion::parse(text, where));
    if (!same_text(version.name, name) || version.version != which.version ||
        version.sequence != which.sequence)
        return fail(Errc::damaged, "{}: is of another key or version", where);
    return version;
}

Result<KeyStore::Deletion> KeyStore::deletion(const std::string& name) {
    TF_ASSIGN(const auto directory, open_key(Shelf::deleted, name));
    TF_ASSIGN(const std::string text, directory->read_text(kDeletion, 4096));
    TF_ASSIGN(const json object, parse_json(text, directory->path() + "/" + kDeletion, 2));
    const auto deleted = json_integer(object, "deletedDate");
    const auto purge = json_integer(object, "scheduledPurgeDate");
    if (!deleted || !purge) return fail(Errc::damaged, "{}: bad {}", directory->path(), kDeletion);
    return Deletion{*deleted, *purge};
}

Result<void> KeyStore::create(const KeyVersion& first) {
    TF_TRY(sweep());
    TF_ASSIGN(const auto directory, open(Shelf::keys));
    TF_ASSIGN(const std::string hidden, unfinished_name());
    TF_TRY(directory->make_directory(hidden));
    TF_ASSIGN(const auto inside, directory->open_directory(hidden));
    TF_TRY(inside->replace(file_of(first), first.to_text()));
    return directory->rename(hidden, *directory, lowered(first.name));
}

Result<void> KeyStore::put(const KeyVersion& version) {
    TF_ASSIGN(const auto directory, open_key(Shelf::keys, version.name));
    return directory->replace(file_of(version), version.to_text());
}

Result<void> KeyStore::shelve(const std::string& name, const Deletion& deletion) {
    TF_ASSIGN(const auto directory, open_key(Shelf::keys, name));
    // Before the move it says nothing: only the deleted shelf is asked for it.
    const json object = {{"deletedDate", deletion.deleted},
                         {"scheduledPurgeDate", deletion.scheduled_purge}};
    TF_TRY(directory->replace(kDeletion, to_pretty_text(object) + "\n"));
    TF_ASSIGN(const auto from, open(Shelf::keys));
    TF_ASSIGN(const auto to, open(Shelf::deleted));
    return from->rename(lowered(name), *to, lowered(name));
}

Result<void> KeyStore::recover(const std::string& name) {
    TF_ASSIGN(const auto from, open(Shelf::deleted));
    TF_ASSIGN(const auto to, open(Shelf::keys));
    TF_TRY(from->rename(lowered(name), *to, lowered(name)));
    TF_ASSIGN(const auto directory, open_key(Shelf::keys, name));
    (void)directory->unlink(kDeletion);  // says nothing here: left by a cut it does no harm
    return {};
}

Result<void> KeyStore::remove(Shelf shelf, const std::string& name) {
    TF_ASSIGN(const auto directory, open(shelf));
    TF_ASSIGN(const std::string hidden, unfinished_name());
    TF_TRY(directory->rename(lowered(name), *directory, hidden));  // gone at once, whole
    return directory->remove_tree(hidden);
}

Result<void> KeyStore::sweep() {
    for (const Shelf shelf : {Shelf::keys, Shelf::deleted}) {
        TF_ASSIGN(const auto directory, open(shelf));
        TF_TRY(sweep_unfinished(*directory));
    }
    return {};
}

}  // namespace twofold::cloud

#include "keyring/cloud/session.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/log.h"

namespace twofold::cloud {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// N of vN; nothing for another form.
std::optional<std::uint32_t> sequence_of(std::string_view version) {
    if (version.size() < 2 || (version[0] != 'v' && version[0] != 'V')) return {};
    std::uint32_t sequence = 0;
    const char* end = version.data() + version.size();
    const auto [at, error] = std::from_chars(version.data() + 1, end, sequence);
    if (error != std::errc() || at != end || sequence == 0) return {};
    return sequence;
}

std::string associated_data(const std::string& vault, const KeyVersion& key) {
    std::string out = "twofold vault key, format 1";
    for (const std::string& part : {lowered(vault), lowered(key.name), key.version})
        out.append(1, '\0').append(part);
    return out.append(1, '\0').append(as_text(key.n));
}

}  // namespace

Result<void> check_name(const std::string& name) {
    if (!name.empty() && name.size() <= 127 &&
        std::ranges::all_of(name, [](char c) { return is_word(c) || c == '-'; }))
        return {};
    return refuse(Answer::bad_parameter,
                  fmt::format("key name \"{}\": must be 1 to 127 letters, digits and hyphens",
                              name.substr(0, 130)));
}

Result<void> check_version(const std::string& version) {
    if (version.empty() || sequence_of(version)) return {};
    if (version.size() == 32 && std::ranges::all_of(version, is_hex)) return {};
    return refuse(Answer::bad_parameter,
                  fmt::format("key version \"{}\": must be 32 hex digits", version.substr(0, 64)));
}

std::string KeyVault::Session::label(const std::string& key) const {
    return fmt::format("vault {}: key {}", settings.name, key);
}

std::string KeyVault::Session::options(const std::string& key) const {
    return fmt::format("--vault-name {} --name {}", settings.name, key);
}

Failure KeyVault::Session::answer(const std::string& name, Error error) {
    log::info("{}", error.line());
    if (error.code == Errc::not_found) return not_found(name);  // moved away just now
    return refuse(Answer::internal_error,
                  fmt::format("{}: cannot be read ({})", label(name), error.what));
}

Failure KeyVault::Session::not_found(const std::string& name) {
    if (deletion(name))
        return refuse(Answer::key_not_found, fmt::format("{}: is deleted", label(name)),
                      "recover it with: twofold key recover " + options(name));
    return refuse(
        Answer::key_not_found, fmt::format("{}: not found", label(name)),
        fmt::format("twofold key list --vault-name {} shows the keys there are", settings.name));
}

Result<std::vector<KeyStore::VersionFile>> KeyVault::Session::locate_all(const std::string& name) {
    auto there = store.has(Shelf::keys, name);
    if (!there) return answer(name, std::move(there).error());
    if (!*there) return not_found(name);
    auto files = store.versions(Shelf::keys, name);
    if (!files) return answer(name, std::move(files).error());
    return files;
}

Result<KeyStore::VersionFile> KeyVault::Session::locate(const std::string& name,
                                                        const std::string& version) {
    TF_ASSIGN(const auto files, locate_all(name));
    if (version.empty()) return files.back();
    const auto sequence = sequence_of(version);
    for (const VersionFile& file : files)
        if (sequence ? file.sequence == *sequence : same_text(file.version, version)) return file;
    return refuse(Answer::key_not_found, fmt::format("{}: has no version {}", label(name), version),
                  "see its versions with: twofold key list-versions " + options(name));
}

Result<KeyVersion> KeyVault::Session::load(Shelf shelf, const std::string& name,
                                           const VersionFile& file) {
    auto key = store.load(shelf, name, file);
    if (!key) return answer(name, std::move(key).error());
    return key;
}

Result<KeyVersion> KeyVault::Session::find(const std::string& name, const std::string& version) {
    TF_ASSIGN(const VersionFile file, locate(name, version));
    return load(Shelf::keys, name, file);
}

Result<KeyStore::Deletion> KeyVault::Session::deletion(const std::string& name) {
    const auto gone = [&] {
        return refuse(Answer::key_not_found, fmt::format("{}: is not a deleted key", label(name)));
    };
    TF_ASSIGN(const bool there, store.has(Shelf::deleted, name));
    if (!there) return gone();
    auto deletion = store.deletion(name);
    if (!deletion) {
        log::info("{}", deletion.error().line());
        return refuse(Answer::internal_error,
                      fmt::format("{}: cannot be read ({})", label(name), deletion.error().what));
    }
    if (now >= deletion->scheduled_purge) return gone();  // swept by the next writer
    return deletion;
}

Result<KeyBundle> KeyVault::Session::deleted_bundle(const std::string& name) {
    TF_ASSIGN(const auto when, deletion(name));
    auto files = store.versions(Shelf::deleted, name);
    if (!files) return answer(name, std::move(files).error());
    TF_ASSIGN(KeyVersion key, load(Shelf::deleted, name, files->back()));
    KeyBundle out = bundle(std::move(key));
    out.deleted = when.deleted;
    out.scheduled_purge = when.scheduled_purge;
    return out;
}

Result<void> KeyVault::Session::clear_purged(const std::string& name) {
    auto there = store.has(Shelf::deleted, name);
    if (!there) return answer(name, std::move(there).error());
    if (!*there) return {};
    const auto when = deletion(name);
    if (when)
        return refuse(Answer::deleted_but_recoverable,
                      fmt::format("{}: is deleted but recoverable, its name is taken", label(name)),
                      "recover it with: twofold key recover " + options(name));
    if (code_of(when.error()) != row_of(Answer::key_not_found).code) return fail(when.error());
    return store.remove(Shelf::deleted, name);
}

Result<void> KeyVault::Session::allow(const KeyVersion& key, std::string_view operation,
                                      Window window) const {
    const std::string what = fmt::format("{}: version {}", label(key.name), key.version);
    if (!key.enabled)
        return refuse(Answer::key_disabled, what + " is disabled",
                      fmt::format("enable it with: twofold key set-attributes {} --version {} "
                                  "--enabled true",
                                  options(key.name), key.version));
    if (std::ranges::find(key.key_ops, operation) == key.key_ops.end())
        return refuse(Answer::key_operation_forbidden,
                      fmt::format("{} does not allow {}", what, operation),
                      fmt::format("allow it with: twofold key set-attributes {} --version {} "
                                  "--ops {}",
                                  options(key.name), key.version, join(all_key_ops(), " ")));
    if (window == Window::ignored) return {};
    if (key.nbf && now < *key.nbf)
        return refuse(Answer::key_not_yet_valid,
                      fmt::format("{} is not valid before {}", what, iso8601(*key.nbf)));
    if (key.exp && now >= *key.exp)
        return refuse(Answer::key_expired, fmt::format("{} expired at {}", what, iso8601(*key.exp)),
                      "make a new version with: twofold key rotate " + options(key.name));
    return {};
}

KeyBundle KeyVault::Session::bundle(KeyVersion key) const {
    key.sealed = {};
    key.document.clear();
    return {std::move(key), host, settings.recovery_level(), settings.recoverable_days(), {}, {}};
}

Result<void> KeyVault::Session::seal(KeyVersion& key, const crypto::SecretBytes& der) {
    TF_ASSIGN(const auto master, MasterSecret::load(store.vault()));
    TF_ASSIGN(key.sealed, master.seal(as_bytes(associated_data(settings.name, key)), der.reveal()));
    return {};
}

Result<crypto::SecretBytes> KeyVault::Session::unseal(const KeyVersion& key) {
    auto master = MasterSecret::load(store.vault());
    if (!master && master.error().code == Errc::not_found)
        master = fail(Errc::damaged, "{}", master.error().what);  // not that the key is gone
    if (!master) return answer(key.name, std::move(master).error());
    auto der = master->open(as_bytes(associated_data(settings.name, key)), key.sealed);
    if (!der) return answer(key.name, std::move(der).error());
    return der;
}

}  // namespace twofold::cloud

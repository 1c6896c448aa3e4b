#include "keyring/cloud/session.h"

#include "base/hex.h"
#include "base/log.h"
#include "keyring/crypto/random.h"

namespace twofold::cloud {

template <class Version>
std::string ObjectSession<Version>::label(const std::string& name) const {
    return fmt::format("vault {}: {} {}", settings.name, kWords.noun, name);
}

template <class Version>
std::string ObjectSession<Version>::options(const std::string& name) const {
    return fmt::format("--vault-name {} --name {}", settings.name, name);
}

template <class Version>
std::string ObjectSession<Version>::command(std::string_view verb, const std::string& name) const {
    return fmt::format("twofold {} {} {}", kWords.noun, verb, options(name));
}

template <class Version>
Failure ObjectSession<Version>::answer(const std::string& name, Error error) {
    log::info("{}", error.line());
    if (error.code == Errc::not_found) return not_found(name);  // moved away just now
    return refuse(Answer::internal_error,
                  fmt::format("{}: cannot be read ({})", label(name), error.what));
}

template <class Version>
Failure ObjectSession<Version>::not_found(const std::string& name) {
    if (deletion(name))
        return refuse(kWords.not_found, fmt::format("{}: is deleted", label(name)),
                      "recover it with: " + command("recover", name));
    return refuse(kWords.not_found, fmt::format("{}: not found", label(name)),
                  fmt::format("twofold {} list --vault-name {} shows the {} there are", kWords.noun,
                              settings.name, kWords.shelf));
}

template <class Version>
Result<std::vector<typename ObjectSession<Version>::VersionFile>>
ObjectSession<Version>::locate_all(const std::string& name) {
    auto there = store.has(live, name);
    if (!there) return answer(name, std::move(there).error());
    if (!*there) return not_found(name);
    auto files = store.versions(live, name);
    if (!files) return answer(name, std::move(files).error());
    return files;
}

template <class Version>
Result<typename ObjectSession<Version>::VersionFile> ObjectSession<Version>::locate(
    const std::string& name, const std::string& version) {
    TF_ASSIGN(const auto files, locate_all(name));
    if (version.empty()) return files.back();
    const auto sequence = sequence_of(version);
    for (const VersionFile& file : files)
        if (sequence ? file.sequence == *sequence : same_text(file.version, version)) return file;
    return refuse(kWords.not_found, fmt::format("{}: has no version {}", label(name), version),
                  "see its versions with: " + command("list-versions", name));
}

template <class Version>
Result<Version> ObjectSession<Version>::load(Shelf shelf, const std::string& name,
                                             const VersionFile& file) {
    auto version = store.load(shelf, name, file);
    if (!version) return answer(name, std::move(version).error());
    return version;
}

template <class Version>
Result<Version> ObjectSession<Version>::find(const std::string& name, const std::string& version) {
    TF_ASSIGN(const VersionFile file, locate(name, version));
    return load(live, name, file);
}

template <class Version>
Result<typename ObjectStore<Version>::Deletion> ObjectSession<Version>::deletion(
    const std::string& name) {
    const auto gone = [&] {
        return refuse(kWords.not_found,
                      fmt::format("{}: is not a deleted {}", label(name), kWords.noun));
    };
    TF_ASSIGN(const bool there, store.has(deleted, name));
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

template <class Version>
Result<Bundle<Version>> ObjectSession<Version>::deleted_bundle(const std::string& name) {
    TF_ASSIGN(const auto when, deletion(name));
    auto files = store.versions(deleted, name);
    if (!files) return answer(name, std::move(files).error());
    TF_ASSIGN(Version version, load(deleted, name, files->back()));
    Bundle<Version> out = bundle(std::move(version));
    out.deleted = when.deleted;
    out.scheduled_purge = when.scheduled_purge;
    return out;
}

template <class Version>
Result<void> ObjectSession<Version>::clear_purged(const std::string& name) {
    auto there = store.has(deleted, name);
    if (!there) return answer(name, std::move(there).error());
    if (!*there) return {};
    const auto when = deletion(name);
    if (when)
        return refuse(Answer::deleted_but_recoverable,
                      fmt::format("{}: is deleted but recoverable, its name is taken", label(name)),
                      "recover it with: " + command("recover", name));
    if (code_of(when.error()) != row_of(kWords.not_found).code) return fail(when.error());
    return store.remove(deleted, name);
}

template <class Version>
Result<void> ObjectSession<Version>::add(Version& version, Bytes secret) {
    TF_TRY(clear_purged(version.name));
    TF_ASSIGN(const bool there, store.has(live, version.name));
    if (there) {
        TF_ASSIGN(const Version latest, find(version.name, ""));
        version.name = latest.name;
        version.sequence = latest.sequence + 1;
    }
    TF_ASSIGN(const Uuid id, crypto::KernelRandom().uuid());
    version.version = id.hex();
    version.created = version.updated = now;
    TF_TRY(seal(version, secret));
    return there ? store.put(version) : store.create(version);
}

template <class Version>
Result<void> ObjectSession<Version>::enabled(const Version& version) const {
    if (version.enabled) return {};
    return refuse(kWords.disabled,
                  fmt::format("{}: version {} is disabled", label(version.name), version.version),
                  fmt::format("enable it with: {} --version {} --enabled true",
                              command("set-attributes", version.name), version.version));
}

template <class Version>
Bundle<Version> ObjectSession<Version>::bundle(Version version) const {
    version.sealed = {};
    version.document.clear();
    return {std::move(version),          host, settings.recovery_level(),
            settings.recoverable_days(), {},   {}};
}

template <class Version>
Result<void> ObjectSession<Version>::seal(Version& version, Bytes secret) {
    TF_ASSIGN(const auto master, MasterSecret::load(store.vault()));
    TF_ASSIGN(version.sealed,
              master.seal(as_bytes(version.associated_data(settings.name)), secret));
    return {};
}

template <class Version>
Result<crypto::SecretBytes> ObjectSession<Version>::unseal(const Version& version) {
    auto master = MasterSecret::load(store.vault());
    if (!master && master.error().code == Errc::not_found)
        master = fail(Errc::damaged, "{}", master.error().what);  // not that the key is gone
    if (!master) return answer(version.name, std::move(master).error());
    auto secret = master->open(as_bytes(version.associated_data(settings.name)), version.sealed);
    if (!secret) return answer(version.name, std::move(secret).error());
    return secret;
}

template struct ObjectSession<KeyVersion>;
template struct ObjectSession<SecretVersion>;

}  // namespace twofold::cloud

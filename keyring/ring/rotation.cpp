#include "keyring/ring/rotation.h"

#include <algorithm>

namespace twofold::keyring {
namespace {

bool allows(const KeyBundle& key, std::string_view operation) {
    return std::ranges::find(key.key_ops, operation) != key.key_ops.end();
}

Failure unusable(Errc code, const KeyBundle& key, std::string_view why, std::string_view inner,
                 std::string_view advice) {
    Error error{code, fmt::format("key {}: {}", key.id.uri(), why), std::string(advice), 0, {}};
    if (!inner.empty()) error.vault_code = fmt::format("Forbidden/{}", inner);
    return fail(std::move(error));
}

// What is to be stored, once it was seen to be something that can be read again: members of an old
// record go into the new one, and nobody vouches for them.
Result<std::string> text_of(const WrappedKey& record) {
    std::string text = record.to_json();
    TF_TRY(WrappedKey::parse(as_bytes(text)));
    return text;
}

// A second unwrap of the same bytes tells nothing new: what a copy holds is proved by being, byte
// for byte, what the vault has just unwrapped.
Result<void> same_record(const std::string& text, Bytes read_back) {
    const Bytes expected = as_bytes(text);
    if (read_back.size() >= expected.size() && equal(read_back.first(expected.size()), expected) &&
        all_zero(read_back.subspan(expected.size())))
        return {};
    return fail(Errc::damaged, "the envelope reads back differently");
}

// The wrapped DEK that is in force, or, where the store's record is damaged, a disk's.
Result<WrappedKey> record_in_force(const KeyringLayer& layer,
                                   const std::vector<EnvelopeHolder*>& holders) {
    auto record = layer.record();
    if (record) return record;
    for (EnvelopeHolder* holder : holders) {
        const auto envelope = holder->envelope(layer.which());
        if (!envelope) continue;
        auto copy = WrappedKey::parse(envelope->record);
        if (copy && layer.check_record(*copy)) return copy;
    }
    return record;
}

bool holds(EnvelopeHolder& holder, crypto::Layer layer, const KeyId& kid) {
    const auto envelope = holder.envelope(layer);
    if (!envelope) return false;
    const auto used = Keyring::key_of(*envelope);
    return used && *used == kid;
}

// The store's own copy, opened as its one writer before anything is changed.
struct StoreRecord {
    std::optional<RecordFile> file;  // nothing where it is damaged and will be made anew
};

Result<StoreRecord> open_for_writing(const KeyringLayer& layer) {
    auto file = layer.open_file(io::Access::read_write, io::Create::no, io::Lock::exclusive);
    if (!file) {
        if (file.error().code == Errc::not_found) return StoreRecord{};
        return fail(std::move(file).error());
    }
    auto record = RecordFile::open(std::move(*file));
    if (record) return StoreRecord{std::move(*record)};
    if (record.error().code == Errc::damaged) return StoreRecord{};
    return fail(std::move(record).error());
}

Result<void> store_record(KeyringLayer& layer, StoreRecord& store, const WrappedKey& record) {
    TF_ASSIGN(const std::string text, text_of(record));
    if (!store.file) {
        TF_ASSIGN(const bool there, layer.directory().exists(layer.file_name()));
        if (there) TF_TRY(layer.directory().unlink(layer.file_name()));
        return create_record(layer, record);
    }
    const auto proof = [&](Bytes read_back) -> Result<void> {
        TF_ASSIGN(const WrappedKey stored, WrappedKey::parse(read_back));
        TF_TRY(layer.open(stored));
        return {};
    };
    return store.file->replace(as_bytes(text), proof, layer.options().random);
}

Result<void> rewrap_holders(KeyringLayer& layer, const std::vector<EnvelopeHolder*>& holders,
                            const std::string& text, RewrapReport& report) {
    for (EnvelopeHolder* holder : holders) {
        auto done = holder->rewrap(
            layer.which(), as_bytes(text),
            [&](const crypto::Envelope& envelope) { return same_record(text, envelope.record); });
        if (!done)
            return fail(std::move(done)
                            .error()
                            .in(holder->name())
                            .advise("the key in force is unchanged; repeat the rotation"));
        report.holders.push_back(holder->name());
    }
    return {};
}

Result<RewrapReport> rewrap_now(KeyringLayer& layer, const KeyId& target,
                                const std::vector<EnvelopeHolder*>& holders) {
    TF_TRY(layer.refresh());
    TF_ASSIGN(const WrappedKey old, record_in_force(layer, holders));
    TF_ASSIGN(const KeyBundle key, resolve_target(layer, target));
    RewrapReport report{old.kid, key.id, {}, false, false};
    TF_ASSIGN(StoreRecord store, open_for_writing(layer));
    if (store.file && key.id == old.kid &&
        std::ranges::all_of(holders, [&](EnvelopeHolder* holder) {
            return holds(*holder, layer.which(), key.id);
        })) {
        TF_TRY(store.file->scrub(layer.options().random));  // of a rotation cut in its last step
        report.old_version_free = true;
        return report;
    }

    // Both keys, before anything changes: an unwrap by the old one, even where the DEK is in
    // memory.
    TF_ASSIGN(const crypto::SecretBytes dek, layer.open(old));
    TF_ASSIGN(const auto vault, layer.vault_of(key.id));
    WrappedKey record = old;
    record.generation = old.generation + 1;
    record.created = layer.options().clock.now();
    record.reference = target.versionless() ? target : key.id;
    TF_TRY(wrap_and_prove(*vault, key.id, dek, record));
    TF_ASSIGN(const std::string text, text_of(record));

    // The disks first and the store last: while the store's record names the old key the rotation
    // is not done, and whoever looks (a poll, a person) starts it again.
    TF_TRY(rewrap_holders(layer, holders, text, report));
    if (auto stored = store_record(layer, store, record); !stored) {
        (void)layer.refresh();  // either may be in force: see which
        return fail(std::move(stored).error());
    }
    layer.in_force(std::move(record));
    report.changed = true;
    report.old_version_free = true;
    return report;
}

}  // namespace

KeyRules rules_for(const Keyring::Options& options, crypto::Layer layer) {
    return layer == crypto::Layer::two ? options.rules : KeyRules{};
}

Result<void> check_target(const KeyBundle& key, const KeyRules& rules, UnixSeconds now) {
    const std::string options =
        fmt::format("--vault-name {} --name {}", vault_name_of(key.id.host()), key.id.name());
    if (key.kty != "RSA" && key.kty != "RSA-HSM")
        return unusable(Errc::refused, key, fmt::format("is of type {}, not RSA", key.kty), "", "");
    if (std::ranges::find(rules.bits, key.bits) == rules.bits.end())
        return unusable(
            Errc::refused, key,
            fmt::format("has {} bits; allowed here: {}", key.bits, fmt::join(rules.bits, ", ")), "",
            "");
    if (!key.enabled)
        return unusable(Errc::key_revoked, key, "is disabled", "KeyDisabled",
                        fmt::format("enable it with: twofold key set-attributes {} --version {} "
                                    "--enabled true",
                                    options, key.id.version()));
    for (const char* operation : {"wrapKey", "unwrapKey"})
        if (!allows(key, operation))
            return unusable(Errc::key_revoked, key, fmt::format("does not allow {}", operation),
                            "KeyOperationForbidden", "");
    if (key.nbf && now < *key.nbf)
        return unusable(Errc::key_expired, key, "is not valid before " + iso8601(*key.nbf),
                        "KeyNotYetValid", "");
    if (key.exp && now >= *key.exp)
        return unusable(Errc::key_expired, key, "expired at " + iso8601(*key.exp), "KeyExpired",
                        "make a new version with: twofold key rotate " + options);
    return {};
}

Result<KeyBundle> usable_target(Vault& vault, const KeyId& reference, const KeyRules& rules,
                                UnixSeconds now) {
    TF_ASSIGN(KeyBundle key, vault.get_key(reference.name(), reference.version()));
    TF_TRY(check_target(key, rules, now));
    return key;
}

Result<void> wrap_and_prove(Vault& vault, const KeyId& target, const crypto::SecretBytes& dek,
                            WrappedKey& record) {
    TF_ASSIGN(auto wrapped, vault.wrap(target.name(), target.version(), dek.reveal()));
    if (!(wrapped.kid == target))
        return fail(Errc::substituted, "vault {}: wrapped with {} and not with {}", vault.host(),
                    wrapped.kid.uri(), target.uri());
    TF_ASSIGN(const auto proof,
              vault.unwrap(wrapped.kid.name(), wrapped.kid.version(), wrapped.value));
    if (!crypto::equal_in_constant_time(proof.reveal(), dek.reveal()))
        return fail(Errc::wrong_key, "key {}: unwraps to other bytes than it wrapped",
                    target.uri());
    record.kid = std::move(wrapped.kid);
    record.wrapped = std::move(wrapped.value);
    return {};
}

Result<void> create_record(const KeyringLayer& layer, const WrappedKey& record) {
    TF_ASSIGN(const std::string text, text_of(record));
    auto made = [&]() -> Result<void> {
        TF_ASSIGN(auto file, layer.open_file(io::Access::read_write, io::Create::must_not_exist,
                                             io::Lock::exclusive));
        TF_TRY(RecordFile::create(std::move(file), as_bytes(text)));
        return {};
    }();
    if (!made && made.error().code != Errc::exists)
        (void)layer.directory().unlink(layer.file_name());
    return made;
}

Result<KeyBundle> resolve_target(KeyringLayer& layer, const KeyId& target) {
    TF_TRY(layer.check_vault(target.host()));
    TF_ASSIGN(const auto vault, layer.vault_of(target));
    return usable_target(*vault, target, rules_for(layer.options(), layer.which()),
                         layer.options().clock.now());
}

Result<std::optional<KeyId>> find_newer_version(KeyringLayer& layer) {
    TF_TRY(layer.refresh());
    const LayerStatus status = layer.status();
    if (!status.reference.versionless() || !status.in_use) return std::optional<KeyId>();
    // A change to another key was cut off before the configuration was completed: going back by
    // itself would undo what was ordered.
    if (!status.reference.same_key(*status.in_use)) return std::optional<KeyId>();
    const auto newest = [&]() -> Result<std::optional<KeyId>> {
        TF_TRY(layer.check_vault(status.reference.host()));
        TF_ASSIGN(const auto vault, layer.vault_of(status.reference));
        TF_ASSIGN(const KeyBundle key, vault->get_key(status.reference.name(), ""));
        // Whether the version in use still works is for the health check to tell.
        if (key.id == *status.in_use) return std::optional<KeyId>();
        TF_TRY(check_target(key, rules_for(layer.options(), layer.which()),
                            layer.options().clock.now()));
        return std::optional(key.id);
    }();
    layer.rotation_ended(newest ? Result<void>() : Result<void>(fail(newest.error())));
    return newest;
}

Result<RewrapReport> rewrap_layer(KeyringLayer& layer, const KeyId& target,
                                  const std::vector<EnvelopeHolder*>& holders) {
    auto report = rewrap_now(layer, target, holders);
    layer.rotation_ended(report ? Result<void>() : Result<void>(fail(report.error())));
    return report;
}

}  // namespace twofold::keyring

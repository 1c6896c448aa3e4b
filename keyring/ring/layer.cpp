#include "keyring/ring/layer.h"

#include <algorithm>

#include "keyring/crypto/kdf.h"

namespace twofold::keyring {
namespace {

constexpr std::size_t kDekSize = 32;

std::string rotate_command(crypto::Layer layer, const KeyId& to) {
    std::string out = "twofold rotate STORE";
    if (layer == crypto::Layer::one) out += " --layer 1";
    out += fmt::format(" --encryption-vault-uri {} --encryption-key-name {}", to.vault_uri(),
                       to.name());
    if (!to.versionless()) out += " --encryption-key-version " + to.version();
    return out;
}

}  // namespace

KeyringLayer::KeyringLayer(crypto::Layer layer, const Keyring::Options& options,
                           io::Directory& directory, LayerConfig config, LayerNote note)
    : layer_(layer),
      options_(options),
      directory_(directory),
      config_(std::move(config)),
      note_(std::move(note)) {}

std::string KeyringLayer::file_name() const {
    return layer_ == crypto::Layer::one ? "layer1" : "layer2";
}

LayerStatus KeyringLayer::status() const {
    const std::scoped_lock hold(mutex_);
    LayerStatus out{.layer = layer_, .reference = config_.reference};
    if (record_) {
        out.in_use = record_->kid;
        out.generation = record_->generation;
    }
    out.state = state_;
    out.proved = proved_;
    out.failing_since = failing_since_;
    out.cause = cause_;
    out.rotation_error = rotation_error_;
    return out;
}

LayerNote KeyringLayer::note() const {
    const std::scoped_lock hold(mutex_);
    return note_;
}

void KeyringLayer::allow_vault(const std::string& host) {
    const std::scoped_lock hold(mutex_);
    if (std::ranges::none_of(note_.vaults, [&](const auto& h) { return same_host(h, host); }))
        note_.vaults.push_back(host);
}

void KeyringLayer::configured(KeyId reference) {
    const std::scoped_lock hold(mutex_);
    config_.reference = std::move(reference);
    config_.next_reference.reset();
}

std::optional<std::string> KeyringLayer::finding() const {
    const std::scoped_lock hold(mutex_);
    return finding_;
}

std::optional<std::string> KeyringLayer::left_over() const {
    const std::scoped_lock hold(mutex_);
    return left_over_;
}

Result<std::unique_ptr<io::File>> KeyringLayer::open_file(io::Access access, io::Create create,
                                                          io::Lock lock) const {
    return directory_.open_file(file_name(), access, create, lock);
}

Result<void> KeyringLayer::refresh() {
    const auto read = [&]() -> Result<std::pair<WrappedKey, std::optional<std::string>>> {
        TF_ASSIGN(auto file, open_file(io::Access::read_only, io::Create::no, io::Lock::none));
        TF_ASSIGN(const auto slots, RecordFile::open(std::move(file)));
        TF_ASSIGN(WrappedKey record, WrappedKey::parse(slots.record()));
        return std::pair(std::move(record), slots.finding());
    }();
    const std::string where = fmt::format("keyring/{}", file_name());
    if (!read) {
        const std::scoped_lock hold(mutex_);
        record_.reset();
        left_over_.reset();
        finding_ = std::move(Error(read.error())).in(where).line();
        return {};
    }
    TF_TRY(check_record(read->first));
    const std::scoped_lock hold(mutex_);
    record_ = read->first;
    finding_.reset();
    left_over_.reset();
    if (read->second) left_over_ = fmt::format("{}: {}", where, *read->second);
    return {};
}

Result<void> KeyringLayer::check_record(const WrappedKey& record) const {
    const LayerNote note = this->note();
    if (record.layer != layer_ || record.dek != note.dek ||
        record.key_check != key_check_of(note.commitment))
        return fail(Errc::substituted,
                    "keyring/{}: wraps another data key than the one noted on this machine",
                    file_name());
    return check_vault(record.kid.host());
}

Result<void> KeyringLayer::check_vault(const std::string& host) const {
    const LayerNote note = this->note();
    if (std::ranges::any_of(note.vaults, [&](const auto& h) { return same_host(h, host); }))
        return {};
    return fail(Errc::substituted,
                "layer {}: vault {} is not one that this machine was told to ask",
                static_cast<int>(layer_), host);
}

Result<void> KeyringLayer::agrees_with_configuration() const {
    const std::scoped_lock hold(mutex_);
    if (!record_ || config_.reference.covers(record_->kid)) return {};
    if (config_.next_reference && config_.next_reference->covers(record_->kid)) return {};
    Error error{Errc::refused,
                fmt::format("layer {}: the configuration names key {}, but the data key is wrapped "
                            "by {}",
                            static_cast<int>(layer_), config_.reference.uri(), record_->kid.uri()),
                {},
                0,
                {}};
    return fail(
        std::move(error).advise("to change to it: " + rotate_command(layer_, config_.reference)));
}

Result<WrappedKey> KeyringLayer::record() const {
    const std::scoped_lock hold(mutex_);
    if (record_) return *record_;
    return fail(Errc::damaged, "{}", finding_.value_or("no wrapped data key"));
}

Result<std::unique_ptr<Vault>> KeyringLayer::vault_of(const KeyId& id) const {
    return options_.vaults.open(id.host(), config_.identity);
}

Result<crypto::SecretBytes> KeyringLayer::open(const WrappedKey& record) const {
    TF_TRY(check_record(record));
    TF_ASSIGN(const auto vault, vault_of(record.kid));
    TF_ASSIGN(auto dek, vault->unwrap(record.kid.name(), record.kid.version(), record.wrapped));
    if (dek.size() != kDekSize)
        return fail(Errc::wrong_key, "layer {}: the wrapped data key has the wrong size",
                    static_cast<int>(layer_));
    TF_ASSIGN(const auto commitment, crypto::deployment_commitment(options_.deployment, layer_,
                                                                   record.dek.id, dek.reveal()));
    if (!crypto::equal_in_constant_time(commitment, note().commitment))
        return fail(Errc::wrong_key, "layer {}: {} opens to another data key",
                    static_cast<int>(layer_), record.kid.uri());
    return dek;
}

Result<void> KeyringLayer::unlock() {
    TF_TRY(refresh());
    TF_TRY(agrees_with_configuration());
    {
        const std::scoped_lock hold(mutex_);
        if (!dek_.empty()) return {};
        refusal_.reset();
    }
    // Damaged, or its key out of reach: left to the envelopes of the disks, see unwrap().
    if (const auto record = this->record()) (void)open_envelope(*record);
    return {};
}

void KeyringLayer::forget() {
    const std::scoped_lock hold(mutex_);
    dek_.wipe();
    refusal_.reset();
}

Result<crypto::SecretBytes> KeyringLayer::unwrap(const crypto::Envelope& envelope) {
    if (envelope.dek != note().dek)
        return fail(Errc::substituted,
                    "layer {}: an envelope of another data key than the noted one",
                    static_cast<int>(layer_));
    for (const bool unlocked : {false, true}) {
        TF_ASSIGN(auto dek, copy_of_dek());
        if (!dek.empty()) return dek;
        if (!unlocked && !refusal()) TF_TRY(unlock());
    }
    const auto refused = refusal();
    const auto record = WrappedKey::parse(envelope.record);
    if (refused && (!record || record->kid == refused->kid)) return fail(refused->error);
    if (!record) return fail(record.error());
    return open_envelope(*record);
}

// A proof of access, and where it succeeds the DEK in memory.
Result<crypto::SecretBytes> KeyringLayer::open_envelope(const WrappedKey& record) {
    auto dek = open(record);
    if (!dek) {
        proof_failed(dek.error());
        const std::scoped_lock hold(mutex_);
        if (!refusal_) refusal_ = Refusal{record.kid, dek.error()};
        return dek;
    }
    proof_succeeded();
    const std::scoped_lock hold(mutex_);
    TF_ASSIGN(dek_, dek->clone());
    proved_text_ = record.to_json();
    return dek;
}

Result<crypto::SecretBytes> KeyringLayer::copy_of_dek() const {
    const std::scoped_lock hold(mutex_);
    if (dek_.empty()) return crypto::SecretBytes();
    return dek_.clone();
}

std::optional<KeyringLayer::Refusal> KeyringLayer::refusal() const {
    const std::scoped_lock hold(mutex_);
    return refusal_;
}

Result<crypto::KeySource::Current> KeyringLayer::current() {
    TF_TRY(unlock());
    TF_ASSIGN(const WrappedKey record, this->record());
    const std::string text = record.to_json();
    const Bytes bytes = as_bytes(text);
    crypto::Envelope envelope{record.generation, record.dek, {bytes.begin(), bytes.end()}};
    {
        const std::scoped_lock hold(mutex_);
        if (refusal_) return fail(refusal_->error);
        // The store's record may have changed since, or be another than the envelope's that opened.
        if (state_ == KeyState::unlocked && !dek_.empty() && proved_text_ == text) {
            TF_ASSIGN(auto dek, dek_.clone());
            return crypto::KeySource::Current{std::move(dek), std::move(envelope)};
        }
    }
    TF_ASSIGN(auto dek, open(record));
    return crypto::KeySource::Current{std::move(dek), std::move(envelope)};
}

Result<void> KeyringLayer::check() {
    auto checked = [&]() -> Result<void> {
        TF_TRY(refresh());  // a record exchanged in the store is no proof, either
        TF_ASSIGN(const WrappedKey record, this->record());
        TF_TRY(open(record));
        return {};
    }();
    checked ? proof_succeeded() : proof_failed(checked.error());
    return checked;
}

void KeyringLayer::in_force(WrappedKey record) {
    const std::scoped_lock hold(mutex_);
    proved_text_ = record.to_json();
    record_ = std::move(record);
    finding_.reset();
    left_over_.reset();
    refusal_.reset();
}

void KeyringLayer::rotation_ended(const Result<void>& result) {
    const std::scoped_lock hold(mutex_);
    rotation_error_.reset();
    if (!result) rotation_error_ = result.error();
}

// Only here is failing_since_ reset: nothing but an unwrap proves that the key is there.
void KeyringLayer::proof_succeeded() {
    const UnixSeconds now = options_.clock.now();
    const std::scoped_lock hold(mutex_);
    state_ = KeyState::unlocked;
    proved_ = now;
    failing_since_.reset();
    cause_.reset();
    refusal_.reset();
}

void KeyringLayer::proof_failed(const Error& cause) {
    const UnixSeconds now = options_.clock.now();
    const std::scoped_lock hold(mutex_);
    if (state_ == KeyState::unlocked) state_ = KeyState::degraded;
    if (!failing_since_) failing_since_ = now;
    cause_ = cause;
}

WrappedKey::KeyCheck key_check_of(const std::array<std::byte, 32>& commitment) {
    WrappedKey::KeyCheck out;
    std::copy_n(commitment.begin(), out.size(), out.begin());
    return out;
}

}  // namespace twofold::keyring

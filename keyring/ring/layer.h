#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "keyring/envelope/record_file.h"
#include "keyring/envelope/wrapped_key.h"
#include "keyring/ring/keyring.h"

namespace twofold::keyring {

// One layer of a keyring: its configuration, what the note says, its record, and (while unlocked)
// its DEK. Every call locks only while it copies or publishes, never while a vault is asked.
class KeyringLayer {
public:
    KeyringLayer(crypto::Layer layer, const Keyring::Options& options, io::Directory& directory,
                 LayerConfig config, LayerNote note);

    crypto::Layer which() const { return layer_; }
    std::string file_name() const;  // "layer2"
    LayerStatus status() const;
    LayerNote note() const;
    void allow_vault(const std::string& host);
    void configured(KeyId reference);
    std::optional<std::string> finding() const;
    std::optional<std::string> left_over() const;
    const Keyring::Options& options() const { return options_; }

    // Reads the record again: another process may have rotated. Damage is a finding, not an error.
    Result<void> refresh();
    // Errc::refused with the command that rotates, where the configuration names another key.
    Result<void> agrees_with_configuration() const;
    // Errc::damaged where the store's is; the reason is the finding.
    Result<WrappedKey> record() const;
    // A vault that the note names; Errc::substituted.
    Result<void> check_vault(const std::string& host) const;
    // Of the DEK and a vault that the note names; Errc::substituted.
    Result<void> check_record(const WrappedKey& record) const;

    // Asks the vault to unwrap and compares key check and commitment; one call. Does not touch
    // state.
    Result<crypto::SecretBytes> open(const WrappedKey& record) const;
    Result<std::unique_ptr<Vault>> vault_of(const KeyId& id) const;

    Result<void> unlock();
    void forget();
    Result<crypto::SecretBytes> unwrap(const crypto::Envelope& envelope);
    Result<crypto::KeySource::Current> current();
    Result<void> check();

    // For rotation: what is in force from now on, and how the last attempt went.
    void in_force(WrappedKey record);
    void rotation_ended(const Result<void>& result);
    Result<std::unique_ptr<io::File>> open_file(io::Access access, io::Create create,
                                                io::Lock lock) const;
    io::Directory& directory() const { return directory_; }

private:
    struct Refusal {
        KeyId kid;
        Error error;
    };
    Result<crypto::SecretBytes> open_envelope(const WrappedKey& record);
    Result<crypto::SecretBytes> copy_of_dek() const;  // empty while not unlocked
    std::optional<Refusal> refusal() const;
    void proof_succeeded();
    void proof_failed(const Error& cause);

    const crypto::Layer layer_;
    const Keyring::Options& options_;
    io::Directory& directory_;
    LayerConfig config_;  // its references under mutex_; its identity never changes

    mutable std::mutex mutex_;
    // All below guarded by mutex_.
    LayerNote note_;
    std::optional<WrappedKey> record_;
    std::optional<std::string> finding_, left_over_;
    crypto::SecretBytes dek_;  // empty while not unlocked
    std::string proved_text_;  // the record that dek_ was unwrapped from, or is wrapped in
    // By which key version the record could not be opened, and why; kept from unlock() to the next
    // unlock(), forget() or success, so that a mount of many disks asks a lost key once.
    std::optional<Refusal> refusal_;
    KeyState state_ = KeyState::locked;
    std::optional<UnixSeconds> proved_, failing_since_;
    std::optional<Error> cause_, rotation_error_;
};

WrappedKey::KeyCheck key_check_of(const std::array<std::byte, 32>& commitment);

}  // namespace twofold::keyring

#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/io/io.h"
#include "keyring/crypto/key_source.h"
#include "keyring/crypto/random.h"
#include "keyring/envelope/key_id.h"
#include "keyring/vault/vault.h"

namespace twofold::keyring {

// How a layer's DEK is reached, as configured (the store's deployment.json).
struct LayerConfig {
    KeyId reference;  // versionless, or full
    // The target of a rotation that may have been cut off: written to the configuration before
    // rewrap() and removed after it, so that the record in force is covered by one of the two at
    // any instant.
    std::optional<KeyId> next_reference;
    std::string identity;  // object id that asks the vault
};

// What is known of a layer's DEK outside the store (the local state directory). A record that
// differs is Errc::substituted: RSA-OAEP doesn't tell who wrapped, so anybody can wrap a DEK of his
// own.
struct LayerNote {
    crypto::DekName dek;
    std::array<std::byte, 32> commitment{};  // crypto::deployment_commitment
    std::vector<std::string> vaults;         // hosts that may be asked
    bool operator==(const LayerNote&) const = default;
};

// A layer's key, to see from outside (key-vault states). `locked`: no proof of access in this
// process yet. `waiting`, `failed` and locking a key that is in use need a policy of the deployment
// and come into use with it.
enum class KeyState { waiting, unlocked, degraded, locked, failed };
std::string_view name_of(KeyState state);

struct LayerStatus {
    crypto::Layer layer = crypto::Layer::one;
    KeyId reference;  // as configured
    // Full: the version that the store's record is wrapped by. Nothing where the record is damaged.
    std::optional<KeyId> in_use{};
    std::uint64_t generation = 0;  // of the record
    KeyState state = KeyState::locked;
    std::optional<UnixSeconds> proved{};         // the last unwrap that succeeded
    std::optional<UnixSeconds> failing_since{};  // the first failed proof since then
    std::optional<Error> cause{};                // of the last failed proof
    std::optional<Error> rotation_error{};       // of the last rotation or poll that failed
};

// Something beside the store's record that keeps a copy of a layer's envelope: a disk's header.
class EnvelopeHolder {
public:
    virtual ~EnvelopeHolder() = default;
    virtual std::string name() const = 0;  // "node0/data1", for messages
    virtual Result<crypto::Envelope> envelope(crypto::Layer layer) = 0;
    // As fs::EncryptedDisk::rewrap: stores `record`, reads it back, calls `proof` with what was
    // read, and only then overwrites the old one. May be repeated after any failure.
    virtual Result<void> rewrap(
        crypto::Layer layer, Bytes record,
        const std::function<Result<void>(const crypto::Envelope&)>& proof) = 0;
};

// Sizes that a target may have; the profile narrows them (HPC Cache: 2048 alone).
struct KeyRules {
    std::vector<int> bits = {2048, 3072, 4096};
};

struct RewrapReport {
    KeyId from, to;                    // full; equal where nothing was to do
    std::vector<std::string> holders;  // rewrapped, by name
    bool changed = false;
    // Every copy now opens with `to` alone: `from` may be disabled (as far as this store knows).
    bool old_version_free = false;
};

// The data encryption keys of one deployment, one a layer: made here, wrapped by keys in vaults,
// kept wrapped in the store (keyring/layer1, keyring/layer2) and in the header of each disk,
// unwrapped in memory only while needed. A KeySource for disks.
//
// Thread-safe; calls that change something exclude each other. One vault call where one is enough:
// unlock() makes one unwrap a layer, however many disks follow.
class Keyring final : public crypto::KeySource {
public:
    struct Options {
        Uuid deployment;
        Vaults& vaults;
        crypto::RandomSource& random;
        const Clock& clock;  // the vaults' clock
        KeyRules rules;      // for layer 2
    };

    // Makes a DEK for each given layer: generates, wraps, unwraps what was wrapped and compares,
    // then writes the record. `directory` is the store's keyring directory. If any step fails, no
    // record of that call is left behind.
    static Result<std::unique_ptr<Keyring>> create(std::unique_ptr<io::Directory> directory,
                                                   Options options,
                                                   std::optional<LayerConfig> layer1,
                                                   std::optional<LayerConfig> layer2);

    struct LayerExpectation {
        LayerConfig config;
        LayerNote note;
    };
    // Reads and checks the records; asks no vault. Errc::substituted: a record of another DEK or of
    // a vault that the note does not name. A damaged record is not an error here: see findings().
    static Result<std::unique_ptr<Keyring>> open(std::unique_ptr<io::Directory> directory,
                                                 Options options,
                                                 std::optional<LayerExpectation> layer1,
                                                 std::optional<LayerExpectation> layer2);
    ~Keyring() override;

    // What was found and did not stop us: a damaged record. For events and `status`.
    std::vector<std::string> findings() const;
    // What a rotation that was cut may leave beside a sound record: a slot that is not overwritten
    // yet, or only half. The next rotation does it.
    std::vector<std::string> left_overs() const;

    // ---- the keys ----
    // Unwraps each layer's record unless its DEK is in memory already: one call a layer. Where the
    // record is damaged, or its key can't be used, the layer is left to the disks' envelopes:
    // unwrap() then fails with that reason, without another call, unless an envelope names another
    // key version. Errc::refused: the configuration names another key than the record, with the
    // command that rotates.
    Result<void> unlock();
    // Wipes the DEKs. The disks keep what they derived; whatever needs a DEK after this asks the
    // vault.
    void forget();

    // From memory if it holds this DEK; else by the store's record; else, where that is damaged or
    // its key unusable and the envelope names another key version, by the envelope itself.
    Result<crypto::SecretBytes> unwrap(crypto::Layer layer,
                                       const crypto::Envelope& envelope) override;
    // For a new disk: by unlock(), or a new unwrap while the key is degraded, as making a disk
    // needs the key at that moment. Errc::key_unavailable where the deployment has no such layer.
    Result<Current> current(crypto::Layer layer) override;

    // ---- what is known of them ----
    bool has(crypto::Layer layer) const;
    LayerStatus status(crypto::Layer layer) const;  // of a layer that is there
    // `reference` in status() is what to store in the configuration: a vN was resolved to a full
    // one. For the local note. Errc::key_unavailable for a layer that is not there.
    Result<LayerNote> note(crypto::Layer layer) const;
    // The full identifier of the key version that `envelope` needs: for "what breaks if version X
    // goes away". Errc::damaged, unsupported.
    static Result<KeyId> key_of(const crypto::Envelope& envelope);

    // Reads the store's record again, which another process may have replaced. Asks no vault.
    Result<void> refresh(crypto::Layer layer);

    // ---- proof of access ----
    // One real unwrap of the record (not a get, not a wrap). Sets the state: only this resets
    // failing_since. Returns the cause where it failed.
    Result<void> check(crypto::Layer layer);

    // ---- rotation ----
    // Resolves `target` to a full identifier, once, and checks that the key can take over: enabled,
    // inside its window, RSA of an allowed size, wrapKey and unwrapKey allowed. Changes nothing.
    Result<KeyBundle> resolve(crypto::Layer layer, const KeyId& target);
    // A versionless reference: the newest version where it is not the one in use; nothing otherwise
    // (also for a versioned reference). An unusable newest version is an error, and the one in use
    // stays.
    Result<std::optional<KeyId>> newer_version(crypto::Layer layer);
    // Wraps the layer's DEK under `target` (versionless: its newest version) in all `holders` and
    // then in the store. Both keys must be usable, else nothing changes (H15). Repeatable after a
    // cut. The target's vault must be in the note already, or be allowed before: allow_vault().
    Result<RewrapReport> rewrap(crypto::Layer layer, const KeyId& target,
                                const std::vector<EnvelopeHolder*>& holders);
    // Adds a host to the note's list, on the operator's word (`rotate --encryption-vault-uri`).
    void allow_vault(crypto::Layer layer, const std::string& host);
    // The deployment's configuration says `reference` from now on: what a poll follows.
    void configured(crypto::Layer layer, const KeyId& reference);

private:
    struct State;
    explicit Keyring(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace twofold::keyring

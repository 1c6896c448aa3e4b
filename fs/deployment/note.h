#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/io/io.h"
#include "fs/deployment/deployment.h"
#include "fs/disk/anchor_store.h"
#include "fs/disk/disk_note.h"
#include "keyring/crypto/key_source.h"

namespace twofold::fs {

// What is trusted of a layer's data key: which one it is, which vaults may be asked for it, and as
// whom: an identity that lost its access is not to be replaced by another from the store.
struct TrustedLayer {
    crypto::DekName dek;
    std::array<std::byte, 32> commitment{};  // crypto::deployment_commitment
    std::vector<std::string> vaults;         // hosts
    std::string identity;                    // object id
    bool operator==(const TrustedLayer&) const = default;
};

struct TrustedDisk {
    std::string node, name;
    Role role = Role::data;
    DiskNote note;
    bool operator==(const TrustedDisk&) const = default;
};

// A vault that keeps the anchors of a deployment's disks, each as a secret, and as whom it is
// asked.
struct AnchorVault {
    std::string host;
    std::string identity;  // object id
    bool operator==(const AnchorVault&) const = default;
};

// What this machine knows of a deployment, kept outside the store: whoever can write to the store
// can exchange every file in it, consistently, for one sealed under keys of his own in a vault of
// his own. Written when something of it changes (create, disk add, rotate, adopt), compared at
// every use (format, section 9).
struct TrustNote {
    Uuid deployment;
    std::string cloud;  // where its vaults are
    Choices choices;    // they decide the layers of disks still to be added
    std::optional<TrustedLayer> layer1, layer2;
    std::optional<AnchorVault> anchors;  // nothing: they are here, in the local state directory
    std::vector<TrustedDisk> disks;
    bool operator==(const TrustNote&) const = default;

    std::string to_json() const;
    static Result<TrustNote> parse(std::string_view text, std::string_view what);

    // Errc::substituted where the store says otherwise: another profile, a layer more or less, a
    // disk that nobody added here.
    Result<void> check(const Deployment& deployment) const;
    // Found by name, never by what an image says of itself. Errc::substituted where it is not
    // noted.
    Result<const TrustedDisk*> disk(std::string_view name) const;
};

// The local state directory: a note for each deployment, <id>.json, and the anchors that are kept
// here. Thread-safe.
class LocalState {
public:
    // Nothing is made before the first save().
    explicit LocalState(std::string directory) : directory_(std::move(directory)) {}
    const std::string& path() const { return directory_; }

    // Errc::substituted, with `twofold adopt` as advice: this machine does not know the deployment.
    Result<TrustNote> load(const Uuid& deployment, const std::string& store) const;
    Result<void> save(const TrustNote& note) const;
    Result<void> forget(const Uuid& deployment) const;  // no error where there is none

    std::unique_ptr<AnchorStore> anchor(const Uuid& deployment, const std::string& node,
                                        const std::string& disk) const;

private:
    std::string directory_;
};

}  // namespace twofold::fs

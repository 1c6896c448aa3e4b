#pragma once

#include <memory>
#include <string>

#include "base/hex.h"
#include "fs/disk/anchor_store.h"
#include "keyring/vault/vault.h"

namespace twofold::cli {

// The anchor of one disk as a secret of a vault, by an identity that may get and set secrets there.
// The secret's name follows from deployment, node and disk; the record stands in its value as
// base64url. Each save is a version, as secrets have no other way to change: the vault keeps them
// all. Errors are the vault's. Thread-safe.
class VaultAnchorStore final : public fs::AnchorStore {
public:
    VaultAnchorStore(std::unique_ptr<keyring::Vault> vault, const Uuid& deployment,
                     const std::string& node, const std::string& disk);

    Result<std::optional<std::vector<std::byte>>> load() override;
    Result<void> save(Bytes record) override;
    // Says "none" in a further version rather than delete the secret: that needs no permission of
    // its own, and the name of a secret that was deleted could not be used again for months.
    Result<void> forget() override;

    // "twofold-anchor-", the deployment's id, "-", 32 hex digits of SHA-256(node, 0, disk): names
    // of nodes and disks together may be longer than a secret's, and their hyphens run together.
    static std::string secret_name(const Uuid& deployment, const std::string& node,
                                   const std::string& disk);

private:
    Result<void> set(std::string_view value);

    const std::unique_ptr<keyring::Vault> vault_;
    const std::string secret_, content_type_;
};

}  // namespace twofold::cli

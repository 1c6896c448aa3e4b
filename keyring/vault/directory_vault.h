#pragma once

#include <memory>
#include <string>

#include "keyring/cloud/key_vault.h"
#include "keyring/cloud/secret_vault.h"
#include "keyring/vault/vault.h"

namespace twofold::keyring {

// A vault that is a directory, by the same code that serves it over HTTPS.
class DirectoryVault final : public Vault {
public:
    DirectoryVault(std::shared_ptr<const cloud::Cloud> cloud, const std::string& name,
                   std::string host, std::string identity);

    const std::string& host() const override { return host_; }
    Result<KeyBundle> get_key(const std::string& name, const std::string& version) override;
    Result<Wrapped> wrap(const std::string& name, const std::string& version, Bytes plain) override;
    Result<crypto::SecretBytes> unwrap(const std::string& name, const std::string& version,
                                       Bytes wrapped) override;
    Result<std::optional<Secret>> get_secret(const std::string& name,
                                             const std::string& version) override;
    Result<std::string> set_secret(const std::string& name, Bytes value,
                                   const std::string& content_type) override;
    Result<void> delete_secret(const std::string& name) override;
    Result<VaultProperties> properties() override;
    Result<PermissionSet> missing_permissions(const PermissionSet& needed) override;

private:
    std::shared_ptr<const cloud::Cloud> cloud_;
    std::string name_, host_;
    cloud::Caller caller_;
    cloud::KeyVault vault_;
    cloud::SecretVault secrets_;
};

}  // namespace twofold::keyring

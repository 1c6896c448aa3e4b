#pragma once

#include <span>
#include <string>

#include "keyring/cloud/identities.h"
#include "keyring/cloud/key_version.h"
#include "keyring/cloud/secret_vault.h"
#include "keyring/cloud/vault_settings.h"

// What the vault shows, as JSON: keys and secrets as the REST interface and `az keyvault` print
// them, vaults and identities as `az keyvault` and `az identity` do.
namespace twofold::cloud {

std::string shown(const KeyBundle& key);
std::string shown(const SecretBundle& secret);  // without the value
// With the value, so it is a secret itself.
Result<crypto::SecretBytes> shown(const SecretVault::WithValue& secret);
enum class Listed { names, versions };  // identified without, or with, the version
std::string shown(std::span<const KeyBundle> keys, Listed listed);
std::string shown(std::span<const SecretBundle> secrets, Listed listed);
std::string shown(const VaultSettings& vault);
std::string shown(std::span<const VaultSettings> vaults);
std::string shown(const Identity& identity);
std::string shown(std::span<const Identity> identities);

}  // namespace twofold::cloud

#pragma once

#include <span>
#include <string>

#include "keyring/cloud/identities.h"
#include "keyring/cloud/key_version.h"
#include "keyring/cloud/vault_settings.h"

// What the vault shows, as JSON: keys as the REST interface and `az keyvault key` print them,
// vaults and identities as `az keyvault` and `az identity` do.
namespace twofold::cloud {

std::string shown(const KeyBundle& key);
enum class KeyList { names, versions };  // identified without, or with, the version
std::string shown(std::span<const KeyBundle> keys, KeyList list);
std::string shown(const VaultSettings& vault);
std::string shown(std::span<const VaultSettings> vaults);
std::string shown(const Identity& identity);
std::string shown(std::span<const Identity> identities);

}  // namespace twofold::cloud

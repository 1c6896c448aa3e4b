#include "tools/twofold/own_key.h"

#include "keyring/cloud/identities.h"
#include "keyring/cloud/key_vault.h"
#include "keyring/cloud/vault_registry.h"

namespace twofold::cli {
namespace {

constexpr const char* kKeyName = "kek";
constexpr int kKeyBits = 3072;

}  // namespace

Result<OwnKey> make_own_key(const std::string& cloud_directory, crypto::RandomSource& random) {
    TF_ASSIGN(const Uuid unique, random.uuid());
    const std::string name = "own-" + unique.hex().substr(0, 16);
    const cloud::Cloud cloud(cloud_directory);
    cloud::VaultRegistry::New vault;
    vault.name = name;
    vault.purge_protection = true;
    TF_TRY(cloud::VaultRegistry(cloud).create(vault));
    cloud::Identities::New who;
    who.name = name;
    TF_ASSIGN(const cloud::Identity identity, cloud::Identities(cloud).create(who));
    TF_TRY(cloud::VaultRegistry(cloud).set_policy(
        name, identity.object_id, std::vector<std::string>{"get", "wrapKey", "unwrapKey"}, {}));
    cloud::NewKey key;
    key.name = kKeyName;
    key.bits = kKeyBits;
    TF_TRY(cloud::KeyVault(cloud, name).create(cloud::Caller::creator(), key));
    TF_ASSIGN(auto reference,
              keyring::KeyId::from_parts("https://" + cloud::host_of_vault(name), kKeyName, ""));
    return OwnKey{std::move(reference), identity.object_id};
}

}  // namespace twofold::cli

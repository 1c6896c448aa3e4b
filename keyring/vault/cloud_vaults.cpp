#include "keyring/vault/cloud_vaults.h"

#include "keyring/cloud/answer.h"
#include "keyring/cloud/identities.h"
#include "keyring/cloud/key_vault.h"
#include "keyring/cloud/vault_registry.h"
#include "keyring/vault/directory_vault.h"

namespace twofold::keyring {
namespace {

constexpr const char* kPlatformKey = "pmk";
constexpr int kPlatformKeyBits = 3072;

Principal principal_of(const cloud::Identity& identity) {
    return {identity.name, identity.object_id, identity.client_id, identity.resource_id()};
}

// The identity that the platform's storage service acts as.
Result<cloud::Identity> ensure_platform_identity(const cloud::Cloud& cloud) {
    cloud::Identities identities(cloud);
    const std::string name(cloud::kPlatformVault);
    auto made = identities.create(
        {name, cloud::Identity::Kind::system_assigned, "storage", std::string(cloud::kLocation)});
    if (made || made.error().code != Errc::exists) return made;
    return identities.find(name);
}

Result<void> ensure_platform_policy(const cloud::Cloud& cloud, const cloud::VaultSettings& vault,
                                    const std::string& object_id) {
    const auto policy = vault.policy_of(object_id);
    if (policy.allows(cloud::Kind::key, "get") && policy.allows(cloud::Kind::key, "wrapKey") &&
        policy.allows(cloud::Kind::key, "unwrapKey"))
        return {};
    TF_TRY(cloud::VaultRegistry(cloud).set_policy(
        vault.name, object_id, std::vector<std::string>{"get", "wrapKey", "unwrapKey"}, {}));
    return {};
}

Result<void> ensure_platform_key(const cloud::Cloud& cloud) {
    cloud::KeyVault vault(cloud, std::string(cloud::kPlatformVault));
    const auto there = vault.get(cloud::Caller::creator(), kPlatformKey, "");
    if (there) return {};
    if (cloud::code_of(there.error()) != "KeyNotFound") return fail(there.error());
    cloud::NewKey key;
    key.name = kPlatformKey;
    key.bits = kPlatformKeyBits;
    TF_TRY(vault.create(cloud::Caller::creator(), key));
    return {};
}

}  // namespace

CloudVaults::CloudVaults(std::string cloud_directory)
    : cloud_(std::make_shared<cloud::Cloud>(std::move(cloud_directory))) {}

CloudVaults::~CloudVaults() = default;

Result<std::unique_ptr<Vault>> CloudVaults::open(const std::string& host,
                                                 const std::string& identity) {
    const std::string name = vault_name_of(host);
    if (name.empty())
        return fail(
            Errc::unsupported,
            "vault https://{}: only NAME.vault.azure.net, a vault of the cloud directory, can "
            "be used",
            host);
    if (identity.empty()) return fail(Errc::invalid, "vault {}: no identity to act as", name);
    return std::unique_ptr<Vault>(std::make_unique<DirectoryVault>(cloud_, name, host, identity));
}

const Clock& CloudVaults::clock() const { return cloud_->clock(); }

Result<Principal> CloudVaults::identity(const std::string& name_or_id) {
    auto found = cloud::Identities(*cloud_).find(name_or_id);
    if (found) return principal_of(*found);
    if (found.error().code != Errc::not_found) return fail(std::move(found).error());
    return cloud::refuse(cloud::Answer::unauthorized, found.error().what, found.error().advice);
}

Result<CloudVaults::PlatformKey> CloudVaults::platform_key() {
    TF_ASSIGN(const auto vault, cloud::VaultRegistry(*cloud_).ensure_platform());
    TF_ASSIGN(const auto identity, ensure_platform_identity(*cloud_));
    TF_TRY(ensure_platform_policy(*cloud_, vault, identity.object_id));
    TF_TRY(ensure_platform_key(*cloud_));
    TF_ASSIGN(auto reference,
              KeyId::from_parts("https://" + cloud::host_of_vault(vault.name), kPlatformKey, ""));
    return PlatformKey{std::move(reference), principal_of(identity)};
}

}  // namespace twofold::keyring

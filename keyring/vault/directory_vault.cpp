#include "keyring/vault/directory_vault.h"

#include "keyring/cloud/vault_registry.h"

namespace twofold::keyring {
namespace {

// Trouble below the vault (a disk error, a missing cloud directory) is an outage to its clients.
Error as_seen_outside(Error error) {
    if (error.vault_code.empty() && error.code != Errc::out_of_memory)
        error.code = Errc::vault_unreachable;
    return error;
}

template <class T>
Result<T> outside(Result<T> result) {
    if (!result) return fail(as_seen_outside(std::move(result).error()));
    return result;
}

std::vector<std::string> lacking(const cloud::AccessPolicy& policy, cloud::Kind kind,
                                 const std::vector<std::string>& needed) {
    std::vector<std::string> out;
    for (const std::string& permission : needed)
        if (!policy.allows(kind, permission)) out.push_back(permission);
    return out;
}

}  // namespace

DirectoryVault::DirectoryVault(std::shared_ptr<const cloud::Cloud> cloud, const std::string& name,
                               std::string host, std::string identity)
    : cloud_(std::move(cloud)),
      name_(name),
      host_(std::move(host)),
      caller_(cloud::Caller::identity(std::move(identity))),
      vault_(*cloud_, name_, host_),
      secrets_(*cloud_, name_, host_) {}

Result<KeyBundle> DirectoryVault::get_key(const std::string& name, const std::string& version) {
    TF_ASSIGN(cloud::KeyBundle from, outside(vault_.get(caller_, name, version)));
    TF_ASSIGN(KeyId id, KeyId::parse(from.id()));
    const cloud::KeyVersion& key = from.version;
    return KeyBundle{
        std::move(id),        key.kty, key.bits(), key.n,       key.e,       key.key_ops,
        key.enabled,          key.nbf, key.exp,    key.created, key.updated, from.recovery_level,
        from.recoverable_days};
}

Result<Vault::Wrapped> DirectoryVault::wrap(const std::string& name, const std::string& version,
                                            Bytes plain) {
    TF_ASSIGN(auto wrapped, outside(vault_.wrap(caller_, name, version, plain)));
    TF_ASSIGN(KeyId kid, KeyId::from_parts("https://" + host_, name, wrapped.version));
    return Wrapped{std::move(kid), std::move(wrapped.value)};
}

Result<crypto::SecretBytes> DirectoryVault::unwrap(const std::string& name,
                                                   const std::string& version, Bytes wrapped) {
    return outside(vault_.unwrap(caller_, name, version, wrapped));
}

// To a get, unknown and deleted are the same 404; only the latter can be shown as deleted.
Result<std::optional<Vault::Secret>> DirectoryVault::get_secret(const std::string& name,
                                                                const std::string& version) {
    auto secret = outside(secrets_.get(caller_, name, version));
    if (secret)
        return std::optional(Secret{secret->bundle.version.version, std::move(secret->value)});
    if (secret.error().vault_code != "SecretNotFound") return fail(std::move(secret).error());
    const auto deleted = outside(secrets_.get_deleted(caller_, name));
    if (deleted) return fail(std::move(secret).error());
    if (deleted.error().vault_code != "SecretNotFound") return fail(deleted.error());
    return std::optional<Secret>();
}

Result<std::string> DirectoryVault::set_secret(const std::string& name, Bytes value,
                                               const std::string& content_type) {
    cloud::NewSecret secret;
    secret.name = name;
    secret.content_type = content_type;
    TF_ASSIGN(const auto made, outside(secrets_.set(caller_, secret, value)));
    return made.version.version;
}

Result<void> DirectoryVault::delete_secret(const std::string& name) {
    TF_TRY(outside(secrets_.remove(caller_, name)));
    return {};
}

Result<VaultProperties> DirectoryVault::properties() {
    TF_ASSIGN(const auto from, outside(cloud::VaultRegistry(*cloud_).show(name_)));
    return VaultProperties{
        from.name, from.location,    from.subscription,     std::string(cloud::kTenant),
        from.sku,  from.soft_delete, from.purge_protection, from.retention_days};
}

Result<PermissionSet> DirectoryVault::missing_permissions(const PermissionSet& needed) {
    TF_ASSIGN(const auto settings, outside(cloud::VaultRegistry(*cloud_).show(name_)));
    const cloud::AccessPolicy policy = settings.policy_of(caller_.object_id);
    return PermissionSet{lacking(policy, cloud::Kind::key, needed.keys),
                         lacking(policy, cloud::Kind::secret, needed.secrets)};
}

}  // namespace twofold::keyring

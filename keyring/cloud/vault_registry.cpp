#include "keyring/cloud/vault_registry.h"

#include <algorithm>

#include "base/log.h"
#include "keyring/cloud/answer.h"
#include "keyring/cloud/sealing.h"

namespace twofold::cloud {
namespace {

constexpr const char* kFile = "vault.json";
constexpr std::size_t kRulesMax = 1000;

Result<VaultSettings> read_settings(io::Directory& vault, const std::string& name) {
    const auto text = vault.read_text(kFile, VaultSettings::kFileMax);
    if (!text && text.error().code == Errc::not_found)
        return refuse(Answer::vault_not_found, fmt::format("vault {}: not found", name));
    auto settings = text ? VaultSettings::parse(*text, vault.path() + "/" + kFile)
                         : Result<VaultSettings>(fail(text.error()));
    if (settings) return settings;
    log::info("{}", settings.error().line());
    return refuse(Answer::internal_error, fmt::format("vault {}: vault.json is damaged", name));
}

Result<void> check(const VaultRegistry::New& what) {
    if (!valid_vault_name(what.name))
        return fail(Errc::invalid,
                    "vault name \"{}\": must be 3 to 24 letters, digits and single hyphens",
                    what.name.substr(0, 64));
    if (same_text(what.name, kPlatformVault))
        return fail(Errc::invalid, "vault name {}: is reserved for the platform's own vault",
                    what.name);
    if (what.retention_days < 7 || what.retention_days > 90)
        return fail(Errc::invalid, "vault {}: retention of {} days: must be 7 to 90", what.name,
                    what.retention_days);
    if (what.purge_protection && !what.soft_delete)
        return fail(Errc::invalid, "vault {}: purge protection needs soft delete", what.name);
    if (what.location.empty() || what.location.size() > 128 || what.subscription.empty() ||
        what.subscription.size() > 128)
        return fail(Errc::invalid, "vault {}: bad location or subscription", what.name);
    return {};
}

}  // namespace

Result<VaultSettings> VaultRegistry::create(const New& what) {
    TF_TRY(check(what));
    VaultSettings settings;
    settings.name = what.name;
    settings.location = what.location;
    settings.subscription = what.subscription;
    settings.retention_days = what.retention_days;
    settings.soft_delete = what.soft_delete;
    settings.purge_protection = what.purge_protection;
    settings.deny_by_default = what.deny_by_default;
    TF_ASSIGN(settings.created, cloud_.clock().look());

    TF_ASSIGN(const auto root, cloud_.open_or_make());
    TF_ASSIGN(const auto vaults, root->ensure_directory("vaults"));
    TF_ASSIGN(const auto lock, vaults->lock("lock", true));
    TF_TRY(sweep_unfinished(*vaults));
    TF_ASSIGN(const bool taken, vaults->exists(lowered(what.name)));
    if (taken) return refuse(Answer::conflict, fmt::format("vault {}: exists already", what.name));
    return make(*vaults, settings);
}

Result<VaultSettings> VaultRegistry::ensure_platform() {
    TF_ASSIGN(const auto root, cloud_.open_or_make());
    TF_ASSIGN(const auto lock, root->lock("lock", true));
    const std::string name(kPlatformVault);
    TF_ASSIGN(const bool there, root->exists(name));
    if (there) return show(name);
    TF_TRY(sweep_unfinished(*root));
    VaultSettings settings;
    settings.name = name;
    settings.location = kLocation;
    settings.subscription = kSubscription;
    settings.purge_protection = true;
    TF_ASSIGN(settings.created, cloud_.clock().look());
    return make(*root, settings);
}

// Built under a hidden name, then renamed: a vault that is there is complete.
Result<VaultSettings> VaultRegistry::make(io::Directory& parent, const VaultSettings& settings) {
    TF_ASSIGN(const std::string hidden, unfinished_name());
    TF_TRY(parent.make_directory(hidden));
    TF_ASSIGN(const auto vault, parent.open_directory(hidden));
    TF_TRY(MasterSecret::create(*vault));
    for (const char* shelf : {"keys", "deletedkeys", "secrets", "deletedsecrets"})
        TF_TRY(vault->make_directory(shelf));
    TF_TRY(vault->replace(kFile, settings.to_text()));
    TF_TRY(parent.rename(hidden, parent, lowered(settings.name)));
    return settings;
}

Result<VaultSettings> VaultRegistry::show(const std::string& name) const {
    TF_ASSIGN(const auto vault, cloud_.open_vault(name));
    return read_settings(*vault, name);
}

Result<std::vector<VaultSettings>> VaultRegistry::list() const {
    TF_ASSIGN(const auto root, cloud_.open());
    std::vector<VaultSettings> out;
    auto vaults = root->open_directory("vaults");
    if (!vaults && vaults.error().code == Errc::not_found) return out;
    if (!vaults) return fail(std::move(vaults).error());
    TF_ASSIGN(const auto entries, (*vaults)->list());
    for (const io::Entry& entry : entries) {
        if (!entry.is_directory || entry.name.front() == '.') continue;
        TF_ASSIGN(const auto vault, (*vaults)->open_directory(entry.name));
        // One that does not parse keeps the others visible; read_settings logs it.
        if (auto settings = read_settings(*vault, entry.name)) out.push_back(std::move(*settings));
    }
    return out;
}

template <class Change>
Result<VaultSettings> VaultRegistry::change(const std::string& name, Change change) {
    TF_ASSIGN(const auto vault, cloud_.open_vault(name));
    TF_ASSIGN(const auto lock, vault->lock("lock", true));
    TF_ASSIGN(VaultSettings settings, read_settings(*vault, name));
    TF_TRY(change(settings));
    const std::string text = settings.to_text();
    // One policy too many would be a file that nobody can read any more.
    if (text.size() > VaultSettings::kFileMax || !VaultSettings::parse(text, name))
        return fail(Errc::invalid, "vault {}: too many access policies", settings.name);
    TF_TRY(vault->replace(kFile, text));
    return settings;
}

Result<VaultSettings> VaultRegistry::set_policy(
    const std::string& name, const std::string& object_id,
    const std::optional<std::vector<std::string>>& keys,
    const std::optional<std::vector<std::string>>& secrets) {
    return change(name, [&](VaultSettings& settings) -> Result<void> {
        AccessPolicy policy = settings.policy_of(object_id);
        if (keys) {
            TF_ASSIGN(policy.keys, canonical_permissions(Kind::key, *keys));
        }
        if (secrets) {
            TF_ASSIGN(policy.secrets, canonical_permissions(Kind::secret, *secrets));
        }
        const auto at = std::ranges::find_if(settings.policies, [&](const AccessPolicy& other) {
            return same_text(other.object_id, object_id);
        });
        if (at != settings.policies.end())
            *at = std::move(policy);
        else
            settings.policies.push_back(std::move(policy));
        return {};
    });
}

Result<VaultSettings> VaultRegistry::delete_policy(const std::string& name,
                                                   const std::string& object_id) {
    return change(name, [&](VaultSettings& settings) -> Result<void> {
        const auto gone = std::erase_if(settings.policies, [&](const AccessPolicy& policy) {
            return same_text(policy.object_id, object_id);
        });
        if (gone == 0)
            return fail(Errc::not_found, "vault {}: no access policy for {}", settings.name,
                        object_id);
        return {};
    });
}

Result<VaultSettings> VaultRegistry::add_ip_rule(const std::string& name, const std::string& rule) {
    return change(name, [&](VaultSettings& settings) -> Result<void> {
        if (!valid_ip_rule(rule))
            return fail(Errc::invalid, "address \"{}\": must be like 10.1.2.3 or 10.1.2.0/24",
                        rule.substr(0, 64));
        if (settings.ip_rules.size() >= kRulesMax)
            return fail(Errc::invalid, "vault {}: has {} rules already", settings.name, kRulesMax);
        if (std::ranges::find(settings.ip_rules, rule) == settings.ip_rules.end())
            settings.ip_rules.push_back(rule);
        return {};
    });
}

Result<VaultSettings> VaultRegistry::remove_ip_rule(const std::string& name,
                                                    const std::string& rule) {
    return change(name, [&](VaultSettings& settings) -> Result<void> {
        if (std::erase(settings.ip_rules, rule) == 0)
            return fail(Errc::not_found, "vault {}: has no rule {}", settings.name, rule);
        return {};
    });
}

}  // namespace twofold::cloud

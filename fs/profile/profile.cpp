#include "fs/profile/profile.h"

#include <algorithm>
#include <charconv>

namespace twofold::fs {
namespace {

template <class Range, class Value>
bool contains(const Range& range, const Value& value) {
    return std::find(range.begin(), range.end(), value) != range.end();
}

template <class Range>
std::string list_of(const Range& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + std::string(word);
    return text;
}

const RoleRule& rule_of(const Profile& profile, Role role) {
    switch (role) {
        case Role::os:
            return profile.os;
        case Role::data:
            return profile.data;
        case Role::temp:
            return profile.temp;
    }
    return profile.os;
}

bool holds(When when, const Choices& choices) {
    switch (when) {
        case When::never:
            return false;
        case When::always:
            return true;
        case When::encryption_at_host:
            return choices.encryption_at_host;
        case When::customer_key:
            return choices.customer_key;
    }
    return false;
}

// "1.1" as {1, 1}; nothing where it is no version.
std::optional<std::array<int, 2>> parse_version(std::string_view text) {
    std::array<int, 2> parts{};
    const char* at = text.data();
    const char* const end = text.data() + text.size();
    for (std::size_t i = 0; i < parts.size() && at < end; ++i) {
        const auto [next, error] = std::from_chars(at, end, parts[i]);
        if (error != std::errc() || parts[i] < 0) return std::nullopt;
        at = next;
        if (at < end && *at++ != '.') return std::nullopt;
    }
    return parts;
}

Result<void> check_cluster_version(const Choices& choices) {
    if (choices.cluster_version.empty()) return {};
    const auto version = parse_version(choices.cluster_version);
    if (!version)
        return fail(Errc::usage, "cluster version {}: not of the form 2.4",
                    choices.cluster_version);
    if (choices.profile == "kafka-byok" && *version < std::array{1, 1})
        return fail(Errc::refused, "profile kafka-byok: Kafka {}: customer keys need Kafka 1.1",
                    choices.cluster_version);
    // H22
    const bool old_spark = *version == std::array{2, 1} || *version == std::array{2, 2};
    if (choices.cluster_type == "spark" && choices.customer_key && old_spark)
        return fail(Errc::refused,
                    "profile {}: Spark {}: customer keys are not supported with Spark 2.1 and 2.2",
                    choices.profile, choices.cluster_version);
    return {};
}

Result<void> check_cluster(const Profile& profile, const Choices& choices) {
    if (profile.cluster_types.empty()) {
        if (choices.cluster_type.empty() && choices.cluster_version.empty()) return {};
        return fail(Errc::usage, "profile {}: takes no cluster type or version", profile.name);
    }
    if (choices.cluster_type.empty())
        return fail(Errc::usage, "profile {}: needs --cluster-type, one of {}", profile.name,
                    list_of(profile.cluster_types));
    if (!contains(profile.cluster_types, choices.cluster_type))
        return fail(Errc::usage, "profile {}: cluster type {}: unknown; one of {}", profile.name,
                    choices.cluster_type, list_of(profile.cluster_types));
    return check_cluster_version(choices);
}

Result<void> check_customer_key(const Profile& profile, const Choices& choices,
                                const KeyChoice& key) {
    if (!choices.customer_key) {
        if (profile.customer_key != CustomerKey::required) return {};
        return fail(Errc::refused,
                    "profile {}: needs a customer key: --encryption-vault-uri, "
                    "--encryption-key-name and --assign-identity",
                    profile.name);
    }
    if (profile.customer_key == CustomerKey::never)
        return fail(Errc::refused,
                    "profile {}: a customer key comes through a disk encryption set, which this "
                    "version does not have yet",
                    profile.name);
    if (!key.identity)
        return fail(Errc::refused,
                    "profile {}: a customer key needs an identity that may use it: "
                    "--assign-identity",
                    profile.name);
    if (profile.versioned_only && !key.versioned)
        return fail(Errc::refused,
                    "profile {}: needs the full key identifier, version included: "
                    "--encryption-key-version",
                    profile.name);
    return {};
}

// H5: which clusters have data disks.
bool has_data_disks(const Choices& choices) {
    if (choices.profile != "hdinsight") return true;
    return choices.cluster_type == "kafka" || choices.cluster_type == "hbase-accelerated-writes";
}

}  // namespace

Result<void> check_choices(const Choices& choices, const KeyChoice& key) {
    TF_ASSIGN(const Profile* profile, find_profile(choices.profile));
    TF_TRY(check_cluster(*profile, choices));
    TF_TRY(check_customer_key(*profile, choices, key));
    if (!profile->missing.empty())
        return fail(Errc::refused, "profile {}: {}: not in this version of twofold yet",
                    profile->name, profile->missing);
    return {};
}

Result<Layers> layers_of(const Choices& choices, Role role) {
    TF_ASSIGN(const Profile* profile, find_profile(choices.profile));
    if (role == Role::data && !has_data_disks(choices))
        return fail(Errc::refused,
                    "profile {}: a {} cluster has no data disks, only OS and temp disks",
                    choices.profile, choices.cluster_type);
    const RoleRule& rule = rule_of(*profile, role);
    const Layers layers{holds(rule.layer1, choices), holds(rule.layer2, choices)};
    if (!layers.platform && !layers.customer)
        return fail(Errc::refused,
                    "profile {}: a {} disk of this deployment would not be encrypted: it was "
                    "created without --encryption-at-host true",
                    choices.profile, name_of(role));
    return layers;
}

Result<void> check_vault(const Profile& profile, const VaultFacts& vault) {
    std::vector<std::string_view> missing;
    if (profile.soft_delete && !vault.soft_delete) missing.push_back("soft delete");
    if (profile.purge_protection && !vault.purge_protection)
        missing.push_back("purge protection (do not purge)");
    if (missing.empty()) return {};
    return fail(Error{Errc::refused,
                      fmt::format("vault {}: profile {} needs {}, which is off", vault.name,
                                  profile.name, list_of(missing)),
                      missing.back() == "soft delete"
                          ? "use a vault created with soft delete"
                          : fmt::format("turn it on: twofold vault update {} "
                                        "--enable-purge-protection",
                                        vault.name),
                      0,
                      {}});
}

Result<void> check_key(const KeyFacts& key) {
    if (key.type != "RSA" && key.type != "RSA-HSM")
        return fail(Errc::refused, "key {}: type {}: a key encryption key must be RSA", key.name,
                    key.type);
    if (key.bits != 2048 && key.bits != 3072 && key.bits != 4096)
        return fail(Errc::refused, "key {}: {} bits: must be 2048, 3072 or 4096", key.name,
                    key.bits);
    return {};
}

std::vector<std::string> needed_key_permissions(const Profile&) {
    return {"get", "wrapKey", "unwrapKey"};
}

std::vector<std::string> needed_secret_permissions(const Profile& profile) {
    if (!profile.secret_permissions) return {};
    return {"get", "set", "delete"};
}

Result<void> check_permissions(const std::string& identity,
                               std::span<const std::string> missing_for_keys,
                               std::span<const std::string> missing_for_secrets) {
    if (missing_for_keys.empty() && missing_for_secrets.empty()) return {};
    std::string what;
    if (!missing_for_keys.empty()) what = "key permissions missing: " + list_of(missing_for_keys);
    if (!missing_for_secrets.empty())
        what += (what.empty() ? "" : "; ") + std::string("secret permissions missing: ") +
                list_of(missing_for_secrets);
    return fail(Error{
        Errc::key_revoked, fmt::format("identity {}: {}", identity, what), {}, 0, "Forbidden"});
}

std::vector<std::string> creation_warnings(const Choices& choices, const VaultFacts& vault) {
    std::vector<std::string> warnings;
    if (choices.customer_key && !vault.purge_protection)
        warnings.push_back(fmt::format(
            "vault {}: purge protection is off: whoever may purge the key can destroy the data",
            vault.name));
    return warnings;
}

std::optional<std::string> disk_warning(const Choices& choices, Role role) {
    if (role != Role::os) return std::nullopt;
    const auto layers = layers_of(choices, role);
    if (!layers || layers->customer) return std::nullopt;
    return "OS disks have one layer only (platform key): do not copy sensitive data there";
}

}  // namespace twofold::fs

#include "fs/profile/profile.h"

// The profiles as rows. Sources: "Double encryption for data at rest" (HDInsight, 2023), "Bring
// your own keys for Apache Kafka" (2018), "Server-side encryption and encryption at host" (Azure
// disks), "Customer-managed encryption keys" (HPC Cache).
namespace twofold::fs {
namespace {

constexpr std::array<std::string_view, 6> kHdinsightClusters{
    "kafka", "hbase", "hbase-accelerated-writes", "spark", "interactive", "hadoop"};
constexpr std::array<std::string_view, 1> kKafka{"kafka"};

constexpr RoleRule kPlatformOnly{When::always, When::never};
constexpr RoleRule kHostOnly{When::encryption_at_host, When::never};
constexpr RoleRule kBoth{When::always, When::always};

const std::array<Profile, 6> kProfiles{{
    {.name = "hdinsight",
     .summary = "HDInsight cluster: platform key on every managed disk; customer key on data and "
                "temp disks if given",
     .missing = {},
     .os = kPlatformOnly,
     .data = {When::always, When::customer_key},
     .temp = {When::encryption_at_host, When::customer_key},
     .customer_key = CustomerKey::optional,
     .soft_delete = true,
     .secret_permissions = true,
     .cluster_types = kHdinsightClusters},
    {.name = "kafka-byok",
     .summary = "Kafka cluster of 2018: customer key on data disks only, full key identifier",
     .missing = {},
     .os = kPlatformOnly,
     .data = kBoth,
     .temp = kHostOnly,
     .customer_key = CustomerKey::required,
     .versioned_only = true,
     .purge_protection = true,
     .soft_delete = true,
     .cluster_types = kKafka},
    {.name = "azure-vm",
     .summary = "Virtual machines with platform keys: storage service encryption, encryption at "
                "host for temp disks",
     .missing = {},
     .os = kPlatformOnly,
     .data = kPlatformOnly,
     .temp = kHostOnly,
     .customer_key = CustomerKey::never},
    {.name = "hpc-cache",
     .summary = "HPC Cache: platform key and encryption at host always, customer key on top",
     .missing = "waiting for authorisation (\"Waiting for key\")",
     .os = kPlatformOnly,
     .data = {When::always, When::customer_key},
     .temp = kPlatformOnly,
     .customer_key = CustomerKey::required,
     .purge_protection = true,
     .soft_delete = true},
    {.name = "strict",
     .summary = "Two layers on every disk, purge protection, disks locked when the key is lost",
     .missing = "locking disks when the key is lost",
     .os = kBoth,
     .data = kBoth,
     .temp = kBoth,
     .customer_key = CustomerKey::required,
     .purge_protection = true,
     .soft_delete = true},
    {.name = "plain",
     .summary = "Two layers on every disk, none of Azure's rules",
     .missing = {},
     .os = kBoth,
     .data = kBoth,
     .temp = kBoth,
     .customer_key = CustomerKey::required,
     .own_key = true},
}};

}  // namespace

std::span<const Profile> profiles() { return kProfiles; }

Result<const Profile*> find_profile(std::string_view name) {
    std::string choices;
    for (const Profile& profile : kProfiles) {
        if (profile.name == name) return &profile;
        choices += (choices.empty() ? "" : ", ") + std::string(profile.name);
    }
    return fail(Errc::not_found, "profile {}: unknown; one of {}", name, choices);
}

std::string_view name_of(Role role) {
    switch (role) {
        case Role::os:
            return "os";
        case Role::data:
            return "data";
        case Role::temp:
            return "temp";
    }
    return "?";
}

Result<Role> parse_role(std::string_view name) {
    for (const Role role : {Role::os, Role::data, Role::temp})
        if (name == name_of(role)) return role;
    return fail(Errc::usage, "role {}: unknown; one of os, data, temp", name);
}

std::string_view name_of(When when) {
    switch (when) {
        case When::never:
            return "never";
        case When::always:
            return "always";
        case When::encryption_at_host:
            return "with --encryption-at-host true";
        case When::customer_key:
            return "with a customer key";
    }
    return "?";
}

}  // namespace twofold::fs

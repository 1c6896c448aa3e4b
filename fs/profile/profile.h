#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fs/block/role.h"

// What a deployment may be: which layers its disks get, and what is refused. Pure functions over a
// table; nothing here reads a file or asks a vault. Refusals are Errc::refused and name the rule.
namespace twofold::fs {

// When a layer is there.
enum class When {
    never,
    always,
    encryption_at_host,  // where it was asked for at creation: platform key, temp disks
    customer_key,        // where a customer's key was given at creation
};

struct RoleRule {
    When layer1 = When::never;  // the platform's: storage service encryption, encryption at host
    When layer2 = When::never;  // the customer's: encryption at rest with a key of its own vault
};

enum class CustomerKey { never, optional, required };

struct Profile {
    std::string_view name;
    std::string_view summary;
    std::string_view
        missing;  // what this version can't do for it yet; not empty: refused at creation
    RoleRule os{}, data{}, temp{};
    CustomerKey customer_key = CustomerKey::optional;
    bool own_key = false;             // without a customer's key, one is made for the deployment
    bool versioned_only = false;      // refuses a key identifier without a version
    bool purge_protection = false;    // refuses a vault without
    bool soft_delete = false;         // likewise
    bool secret_permissions = false;  // the identity needs get, set, delete on secrets, too
    std::span<const std::string_view> cluster_types{};  // empty: takes none
};

std::span<const Profile> profiles();
Result<const Profile*> find_profile(std::string_view name);  // Errc::not_found naming the choices

// What `create` was asked for, as far as the rules look at it. Kept with the deployment: it can't
// be changed later (H7), so the rules give the same answer for each disk that is added.
struct Choices {
    std::string profile;
    std::string cluster_type, cluster_version;  // empty where not given
    bool encryption_at_host = false;
    bool customer_key = false;
    bool operator==(const Choices&) const = default;
};

// What the rules look at besides, at creation only.
struct KeyChoice {
    bool versioned = false;
    bool identity = false;
};

struct Layers {
    bool platform = false;  // layer 1
    bool customer = false;  // layer 2
    bool operator==(const Layers&) const = default;
};

// Errc::usage for an unknown cluster type, Errc::refused for a forbidden combination.
Result<void> check_choices(const Choices& choices, const KeyChoice& key);

// The layers of a new disk. Errc::refused where the deployment has no disks of that role, or where
// such a disk would have no layer at all: there is no unencrypted disk.
Result<Layers> layers_of(const Choices& choices, Role role);

// Facts of a vault and a key, for the rules below.
struct VaultFacts {
    std::string name;
    bool soft_delete = false;
    bool purge_protection = false;
};
struct KeyFacts {
    std::string name;
    std::string type;  // "RSA", "RSA-HSM", "EC", ...
    int bits = 0;
};
Result<void> check_vault(const Profile& profile, const VaultFacts& vault);
Result<void> check_key(const KeyFacts& key);
// What the deployment's identity must be allowed. The lists hold Key Vault's own names.
std::vector<std::string> needed_key_permissions(const Profile& profile);
std::vector<std::string> needed_secret_permissions(const Profile& profile);
// H12: Errc::key_revoked naming each that the identity lacks: "identity x: key permissions missing:
// wrapKey; secret permissions missing: set, delete".
Result<void> check_permissions(const std::string& identity,
                               std::span<const std::string> missing_for_keys,
                               std::span<const std::string> missing_for_secrets);

// What to tell whoever looks at the deployment; one line each.
std::vector<std::string> creation_warnings(const Choices& choices, const VaultFacts& vault);
// H6: an OS disk with one layer, in a deployment whose other disks have two.
std::optional<std::string> disk_warning(const Choices& choices, Role role);

std::string_view name_of(Role role);             // "os", "data", "temp"
Result<Role> parse_role(std::string_view name);  // Errc::usage
std::string_view name_of(When when);             // for `profile show`

}  // namespace twofold::fs

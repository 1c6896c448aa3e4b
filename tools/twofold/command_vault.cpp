#include "base/clock.h"
#include "keyring/cloud/answer.h"
#include "keyring/cloud/identities.h"
#include "keyring/cloud/shown.h"
#include "keyring/cloud/vault_registry.h"
#include "tools/twofold/command.h"
#include "tools/twofold/options.h"

namespace twofold::cli {
namespace {

using cloud::Cloud;
using cloud::VaultRegistry;
using cloud::VaultSettings;

// Asked for by name, a vault (or a whole cloud) that is missing is a missing thing, not a lost key.
template <class T>
Result<T> by_name(const std::string& name, Result<T> result) {
    if (result) return result;
    Error error = std::move(result).error();
    if (error.vault_code == "VaultNotFound") error.code = Errc::not_found;
    if (!error.vault_code.empty() || error.code != Errc::vault_unreachable)
        return fail(std::move(error));
    error.code = Errc::not_found;
    return fail(std::move(error).in(name));
}

std::string protection_of(const VaultSettings& vault) {
    if (!vault.soft_delete) return "no soft delete";
    return fmt::format("soft delete for {} days{}", vault.retention_days,
                       vault.purge_protection ? ", purge protection" : "");
}

std::string permissions_of(const std::vector<std::string>& names) {
    return names.empty() ? "-" : cloud::join(names, " ");
}

void print_policies(const Cloud& cloud, const VaultSettings& vault) {
    if (vault.policies.empty()) {
        say("No identity has access; grant it with: twofold vault set-policy {} --object-id ID "
            "--key-permissions get wrapKey unwrapKey",
            vault.name);
        return;
    }
    Table table({"OBJECT ID", "IDENTITY", "KEY PERMISSIONS", "SECRET PERMISSIONS"});
    for (const auto& policy : vault.policies) {
        const auto identity = cloud::Identities(cloud).with_object_id(policy.object_id);
        table.row({policy.object_id, identity && *identity ? (*identity)->name : "-",
                   permissions_of(policy.keys), permissions_of(policy.secrets)});
    }
    print(table.text());
}

void print_vault(const Context& context, const Cloud& cloud, const VaultSettings& vault) {
    if (context.json) return say("{}", cloud::shown(vault));
    say("vault {} ({}, {})", vault.name, vault.location, protection_of(vault));
    say("uri {}", vault.uri());
    if (vault.deny_by_default) say("firewall: denies all but {}", permissions_of(vault.ip_rules));
    print_policies(cloud, vault);
}

struct CreateOptions {
    VaultRegistry::New vault;
    bool no_soft_delete = false;
    std::string default_action = "Allow";
};

Result<void> create(const Context& context, CreateOptions options) {
    const Cloud cloud(context.cloud_directory());
    options.vault.soft_delete = !options.no_soft_delete;
    options.vault.deny_by_default = cloud::same_text(options.default_action, "Deny");
    TF_ASSIGN(const auto vault, VaultRegistry(cloud).create(options.vault));
    if (context.json) {
        say("{}", cloud::shown(vault));
        return {};
    }
    say("Created vault {} ({}): {}", vault.name, protection_of(vault), vault.uri());
    return {};
}

Result<void> show(const Context& context, const std::string& name) {
    const Cloud cloud(context.cloud_directory());
    TF_ASSIGN(const auto vault, by_name("vault " + name, VaultRegistry(cloud).show(name)));
    print_vault(context, cloud, vault);
    return {};
}

Result<void> list(const Context& context) {
    const Cloud cloud(context.cloud_directory());
    auto vaults = by_name("vaults", VaultRegistry(cloud).list());
    if (!vaults && vaults.error().code == Errc::not_found && !context.cloud_is_given())
        vaults = std::vector<VaultSettings>();  // nothing was ever made here
    if (!vaults) return fail(std::move(vaults).error());
    if (context.json) {
        say("{}", cloud::shown(std::span<const VaultSettings>(*vaults)));
        return {};
    }
    Table table({"NAME", "LOCATION", "PROTECTION", "POLICIES"});
    for (const VaultSettings& vault : *vaults)
        table.row({vault.name, vault.location, protection_of(vault),
                   std::to_string(vault.policies.size())});
    print(table.text());
    return {};
}

struct RuleOptions {
    std::string vault, address;
};

Result<void> print_rules(const Context& context, const VaultSettings& vault) {
    if (context.json) {
        say("{}", cloud::shown(vault));
        return {};
    }
    say("Vault {}: the firewall {} {}", vault.name,
        vault.deny_by_default ? "denies all but" : "lets in all; rules for when it denies:",
        permissions_of(vault.ip_rules));
    return {};
}

Result<void> add_rule(const Context& context, const RuleOptions& options) {
    const Cloud cloud(context.cloud_directory());
    TF_ASSIGN(const auto vault,
              by_name("vault " + options.vault,
                      VaultRegistry(cloud).add_ip_rule(options.vault, options.address)));
    return print_rules(context, vault);
}

Result<void> remove_rule(const Context& context, const RuleOptions& options) {
    const Cloud cloud(context.cloud_directory());
    TF_ASSIGN(const auto vault,
              by_name("vault " + options.vault,
                      VaultRegistry(cloud).remove_ip_rule(options.vault, options.address)));
    return print_rules(context, vault);
}

Result<void> list_rules(const Context& context, const RuleOptions& options) {
    const Cloud cloud(context.cloud_directory());
    TF_ASSIGN(const auto vault,
              by_name("vault " + options.vault, VaultRegistry(cloud).show(options.vault)));
    return print_rules(context, vault);
}

struct PolicyOptions {
    std::string vault, object_id;
    std::vector<std::string> keys, secrets;
    bool keys_given = false, secrets_given = false;
};

// An object id as it is; the name of an identity is resolved.
Result<std::string> object_id_of(const Cloud& cloud, const std::string& id_or_name) {
    const auto identity = cloud::Identities(cloud).find(id_or_name);
    if (identity) return identity->object_id;
    if (identity.error().code != Errc::not_found) return fail(identity.error());
    if (id_or_name.size() == 36 && std::count(id_or_name.begin(), id_or_name.end(), '-') == 4)
        return id_or_name;
    return fail(identity.error());
}

Result<void> set_policy(const Context& context, const PolicyOptions& options) {
    const Cloud cloud(context.cloud_directory());
    TF_ASSIGN(const std::string object_id, object_id_of(cloud, options.object_id));
    std::optional<std::vector<std::string>> keys, secrets;
    if (options.keys_given) keys = options.keys;
    if (options.secrets_given) secrets = options.secrets;
    if (!keys && !secrets)
        return fail(Errc::usage,
                    "vault set-policy: give --key-permissions or --secret-permissions");
    TF_ASSIGN(const auto vault,
              by_name("vault " + options.vault,
                      VaultRegistry(cloud).set_policy(options.vault, object_id, keys, secrets)));
    if (context.json) {
        say("{}", cloud::shown(vault));
        return {};
    }
    const auto policy = vault.policy_of(object_id);
    say("Vault {}: {} has key permissions {}; secret permissions {}", vault.name, object_id,
        permissions_of(policy.keys), permissions_of(policy.secrets));
    return {};
}

Result<void> delete_policy(const Context& context, const PolicyOptions& options) {
    const Cloud cloud(context.cloud_directory());
    TF_ASSIGN(const std::string object_id, object_id_of(cloud, options.object_id));
    TF_ASSIGN(const auto vault,
              by_name("vault " + options.vault,
                      VaultRegistry(cloud).delete_policy(options.vault, object_id)));
    if (context.json) {
        say("{}", cloud::shown(vault));
        return {};
    }
    say("Vault {}: {} has no permissions any more", vault.name, object_id);
    return {};
}

void add_vault_create(CLI::App& family, Context& context) {
    auto& command = add_command(family, "create", "Make a vault",
                                "twofold vault create contoso-kv --enable-purge-protection");
    auto options = std::make_shared<CreateOptions>();
    auto& vault = options->vault;
    command.add_option("NAME", vault.name, "3 to 24 letters, digits and hyphens")->required();
    command
        .add_option("--retention-days", vault.retention_days,
                    "how long deleted keys can be recovered, 7 to 90")
        ->capture_default_str();
    command.add_flag("--enable-purge-protection", vault.purge_protection,
                     "nobody can purge a deleted key before its retention ends");
    command.add_flag("--no-soft-delete", options->no_soft_delete, "deleted keys are gone at once");
    command.add_option("--location", vault.location, "region")->capture_default_str();
    command.add_option("--subscription", vault.subscription, "subscription id");
    command
        .add_option("--default-action", options->default_action,
                    "of the firewall, for addresses without a rule")
        ->check(CLI::IsMember({"Allow", "Deny"}, CLI::ignore_case))
        ->capture_default_str();
    on_run(command, context, [options](Context& c) { return create(c, *options); });
}

void add_vault_policies(CLI::App& family, Context& context) {
    auto options = std::make_shared<PolicyOptions>();
    auto& set =
        add_command(family, "set-policy", "Say what an identity may do in a vault",
                    "twofold vault set-policy contoso-kv --object-id ID --key-permissions get "
                    "wrapKey unwrapKey");
    auto& remove = add_command(family, "delete-policy", "Take all permissions from an identity",
                               "twofold vault delete-policy contoso-kv --object-id ID");
    for (CLI::App* command : {&set, &remove}) {
        command->add_option("NAME,--name", options->vault, "name of the vault")->required();
        command
            ->add_option("--object-id", options->object_id,
                         "principalId of the identity, or its name")
            ->required();
    }
    auto* keys = set.add_option("--key-permissions", options->keys,
                                "replaces those on keys: get wrapKey unwrapKey ... all purge");
    auto* secrets = set.add_option("--secret-permissions", options->secrets,
                                   "replaces those on secrets: get set delete ... all purge");
    keys->expected(0, 32);
    secrets->expected(0, 32);
    on_run(set, context, [options, keys, secrets](Context& c) {
        options->keys_given = keys->count() > 0;
        options->secrets_given = secrets->count() > 0;
        return set_policy(c, *options);
    });
    on_run(remove, context, [options](Context& c) { return delete_policy(c, *options); });
}

void add_network_rules(CLI::App& family, Context& context) {
    auto& rules =
        add_family(family, "network-rule", "The addresses that a vault's firewall lets in",
                   "twofold vault network-rule list contoso-kv");
    auto options = std::make_shared<RuleOptions>();
    const auto add_one = [&](const std::string& name, const std::string& description,
                             Result<void> (*action)(const Context&, const RuleOptions&)) {
        const bool lists = name == "list";
        auto& command = add_command(rules, name, description,
                                    fmt::format("twofold vault network-rule {} contoso-kv{}", name,
                                                lists ? "" : " --ip-address 10.1.2.0/24"));
        command.add_option("NAME,--name", options->vault, "name of the vault")->required();
        if (!lists)
            command
                .add_option("--ip-address", options->address,
                            "an IPv4 address, or a range in CIDR notation")
                ->required();
        on_run(command, context, [options, action](Context& c) { return action(c, *options); });
    };
    add_one("add", "Let in an address or a range", add_rule);
    add_one("remove", "Take back a rule", remove_rule);
    add_one("list", "Show the rules", list_rules);
}

}  // namespace

void add_vault(CLI::App& program, Context& context) {
    auto& family = add_family(program, "vault", "Key vaults", "twofold vault list");
    add_vault_create(family, context);
    auto& show_command = add_command(family, "show", "Show a vault and who has access to it",
                                     "twofold vault show contoso-kv --json");
    auto name = std::make_shared<std::string>();
    show_command.add_option("NAME,--name", *name, "name of the vault")->required();
    on_run(show_command, context, [name](Context& c) { return show(c, *name); });
    auto& list_command = add_command(family, "list", "List the vaults", "twofold vault list");
    on_run(list_command, context, [](Context& c) { return list(c); });
    add_vault_policies(family, context);
    add_network_rules(family, context);
}

}  // namespace twofold::cli

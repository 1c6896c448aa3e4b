#include "fs/deployment/note.h"
#include "fs/deployment/store.h"
#include "keyring/crypto/random.h"
#include "keyring/ring/keyring.h"
#include "keyring/vault/cloud_vaults.h"
#include "tools/twofold/anchors.h"
#include "tools/twofold/command.h"
#include "tools/twofold/options.h"
#include "tools/twofold/own_key.h"
#include "tools/twofold/session.h"

// `twofold create`: all or nothing. Everything that may be refused is asked before the store gets
// its deployment.json, and without that file it is none and is removed again.
namespace twofold::cli {
namespace {

using keyring::KeyId;

struct Options {
    std::string store;
    fs::Choices choices;
    std::string vault_uri, key_name, key_version, key_identifier, identity;
    std::string on_key_loss = "continue";
};

// What the customer's layer will use, once vault, key and permissions were found good.
struct CustomerKey {
    KeyId reference;  // versionless, or full
    keyring::Principal identity;
    fs::VaultFacts vault;
};

// The key as named: by its parts as in `az hdinsight create`, or by a whole identifier, which may
// stand in place of the name.
Result<std::optional<KeyId>> key_named(const Options& options) {
    const bool in_name = options.key_name.find('/') != std::string::npos;
    const std::string& whole = in_name ? options.key_name : options.key_identifier;
    if (!whole.empty()) {
        if (!options.vault_uri.empty() || !options.key_version.empty() ||
            (!in_name && !options.key_name.empty()))
            return fail(Errc::usage,
                        "key identifier {}: whole, so no vault, key name or version besides",
                        whole);
        TF_ASSIGN(KeyId id, KeyId::parse(whole));
        return std::optional(std::move(id));
    }
    if (options.vault_uri.empty() && options.key_name.empty()) {
        if (options.key_version.empty()) return std::optional<KeyId>();
        return fail(Errc::usage, "--encryption-key-version: needs --encryption-key-name");
    }
    if (options.vault_uri.empty())
        return fail(Errc::usage, "--encryption-key-name: needs --encryption-vault-uri");
    if (options.key_name.empty())
        return fail(Errc::usage, "--encryption-vault-uri: needs --encryption-key-name");
    TF_ASSIGN(KeyId id,
              KeyId::from_parts(options.vault_uri, options.key_name, options.key_version));
    return std::optional(std::move(id));
}

// What the options themselves say, before anything is looked at.
Result<void> check_options(const Options& options, const std::optional<KeyId>& named) {
    if (!named && !options.identity.empty())
        return fail(Errc::usage, "--assign-identity: of no use without a customer key");
    if (options.on_key_loss != "continue")
        return fail(Errc::refused,
                    "--on-key-loss {}: locking disks is not in this version of twofold yet",
                    options.on_key_loss);
    return {};
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

Result<void> check_access(const fs::Profile& profile, keyring::Vault& vault,
                          const keyring::Principal& identity, const std::string& vault_name) {
    const keyring::PermissionSet needed{fs::needed_key_permissions(profile),
                                        fs::needed_secret_permissions(profile)};
    TF_ASSIGN(const keyring::PermissionSet missing, vault.missing_permissions(needed));
    auto allowed = fs::check_permissions(identity.name, missing.keys, missing.secrets);
    if (allowed) return {};
    std::string cure =
        fmt::format("grant them: twofold vault set-policy {} --object-id {} --key-permissions {}",
                    vault_name, identity.object_id, joined(needed.keys));
    if (!needed.secrets.empty()) cure += " --secret-permissions " + joined(needed.secrets);
    return fail(std::move(allowed).error().in("vault " + vault_name).advise(std::move(cure)));
}

Result<CustomerKey> find_customer_key(keyring::CloudVaults& vaults, const fs::Profile& profile,
                                      const KeyId& named, const std::string& identity_name) {
    TF_ASSIGN(keyring::Principal identity, vaults.identity(identity_name));
    TF_ASSIGN(const auto vault, vaults.open(named.host(), identity.object_id));
    TF_ASSIGN(const keyring::VaultProperties properties, vault->properties());
    const fs::VaultFacts facts{properties.name, properties.soft_delete,
                               properties.purge_protection};
    TF_TRY(fs::check_vault(profile, facts));
    TF_TRY(check_access(profile, *vault, identity, properties.name));
    TF_ASSIGN(const keyring::KeyBundle key, vault->get_key(named.name(), named.version()));
    TF_TRY(fs::check_key({key.id.name(), key.kty, key.bits}));
    if (!key.enabled)
        return fail(Error{Errc::key_revoked,
                          fmt::format("vault {}: key {}: disabled", properties.name, key.id.uri()),
                          fmt::format("enable it: twofold key set-attributes --vault-name {} "
                                      "--name {} --version {} --enabled true",
                                      properties.name, key.id.name(), key.id.version()),
                          0, "Forbidden/KeyDisabled"});
    return CustomerKey{named.versionless() ? named : key.id, std::move(identity), facts};
}

fs::LayerKey to_layer_key(const KeyId& reference, const keyring::Principal& identity) {
    return {reference.uri(), "", identity.object_id, identity.name};
}

bool has_platform_layer(const fs::Choices& choices) {
    for (const fs::Role role : {fs::Role::os, fs::Role::data, fs::Role::temp})
        if (const auto layers = fs::layers_of(choices, role); layers && layers->platform)
            return true;
    return false;
}

Result<fs::TrustNote> make_keys(fs::NewStore& fresh, keyring::CloudVaults& vaults,
                                const fs::Deployment& deployment, crypto::RandomSource& random) {
    std::optional<keyring::LayerConfig> layer1, layer2;
    if (deployment.layer1) {
        TF_ASSIGN(layer1, to_config(*deployment.layer1));
    }
    if (deployment.layer2) {
        TF_ASSIGN(layer2, to_config(*deployment.layer2));
    }
    TF_ASSIGN(auto directory, fresh.keyring());
    TF_ASSIGN(const auto keys,
              keyring::Keyring::create(std::move(directory),
                                       {deployment.id, vaults, random, vaults.clock(), {}},
                                       std::move(layer1), std::move(layer2)));
    fs::TrustNote note;
    note.deployment = deployment.id;
    note.cloud = deployment.cloud;
    note.choices = deployment.choices;
    for (const crypto::Layer layer : kLayers) {
        if (!keys->has(layer)) continue;
        TF_ASSIGN(const keyring::LayerNote trusted, keys->note(layer));
        layer_of(note, layer) = to_trusted(trusted, layer_of(deployment, layer)->identity_id);
    }
    return note;
}

Result<fs::Deployment> describe(const Context& context, const Options& options,
                                keyring::CloudVaults& vaults,
                                const std::optional<CustomerKey>& customer,
                                crypto::RandomSource& random) {
    fs::Deployment deployment;
    TF_ASSIGN(deployment.id, random.uuid());
    deployment.created = vaults.clock().now();
    deployment.cloud = context.cloud_directory();
    deployment.choices = options.choices;
    deployment.on_key_loss = options.on_key_loss;
    deployment.nodes.push_back({"node0"});
    if (customer) deployment.layer2 = to_layer_key(customer->reference, customer->identity);
    if (has_platform_layer(options.choices)) {
        TF_ASSIGN(const auto platform, vaults.platform_key());
        deployment.layer1 = to_layer_key(platform.reference, platform.identity);
    }
    return deployment;
}

void report(const Context& context, const fs::Store& store,
            const std::optional<CustomerKey>& customer, const AnchorHome& anchors) {
    const fs::Deployment& deployment = store.deployment();
    if (customer)
        for (const auto& warning : fs::creation_warnings(deployment.choices, customer->vault))
            log::warning("{}", warning);
    if (context.json) {
        print(deployment.to_json());
        return;
    }
    say("Created deployment {} in {}", deployment.id.hex(), store.path());
    say("{}", anchors.told);
    say("Next: twofold disk add {} NAME --role os|data|temp --size 10G", store.path());
}

Result<void> create(const Context& context, Options options) {
    TF_ASSIGN(const std::optional<KeyId> named, key_named(options));
    TF_TRY(check_options(options, named));
    TF_ASSIGN(const fs::Profile* profile, fs::find_profile(options.choices.profile));
    const bool own_key = !named && profile->own_key;
    options.choices.customer_key = named || own_key;
    TF_TRY(fs::check_choices(
        options.choices, {named && !named->versionless(), own_key || !options.identity.empty()}));

    TF_ASSIGN(fs::NewStore fresh, fs::NewStore::begin(absolute_path(options.store)));
    keyring::CloudVaults vaults(context.cloud_directory());
    crypto::KernelRandom random;
    std::optional<CustomerKey> customer;
    if (named) {
        TF_ASSIGN(customer, find_customer_key(vaults, *profile, *named, options.identity));
    } else if (own_key) {
        TF_ASSIGN(const OwnKey own, make_own_key(context.cloud_directory(), random));
        TF_ASSIGN(customer, find_customer_key(vaults, *profile, own.reference, own.identity));
    }
    TF_ASSIGN(const fs::Deployment deployment,
              describe(context, options, vaults, customer, random));
    TF_ASSIGN(fs::TrustNote note, make_keys(fresh, vaults, deployment, random));
    const fs::LocalState state(context.state_directory());
    TF_ASSIGN(const AnchorHome anchors,
              choose_anchor_home(vaults, deployment.layer2 ? &*deployment.layer2 : nullptr, state));
    note.anchors = anchors.vault;

    TF_TRY(state.save(note));
    auto store = fresh.finish(deployment);
    if (!store) {
        if (auto forgotten = state.forget(deployment.id); !forgotten)
            log::warning("{}", forgotten.error().line());
        return fail(std::move(store).error());
    }
    store->note(vaults.clock().now(), {"created",
                                       {{"deployment", deployment.id.hex()},
                                        {"profile", deployment.choices.profile},
                                        {"key", customer ? customer->reference.uri() : ""},
                                        {"anchors", shown(anchors.vault)}}});
    report(context, *store, customer, anchors);
    return {};
}

}  // namespace

void add_create(CLI::App& program, Context& context) {
    auto& command = add_command(
        program, "create", "Make a deployment: a store for disks, under keys from vaults",
        "twofold create ./store --profile hdinsight --cluster-type kafka \\\n"
        "      --encryption-at-host true --assign-identity my-msi \\\n"
        "      --encryption-vault-uri https://contoso-kv.vault.azure.net \\\n"
        "      --encryption-key-name kek1");
    auto o = std::make_shared<Options>();
    command.add_option("STORE", o->store, "directory to make; empty if it exists")->required();
    std::vector<std::string> names;
    for (const fs::Profile& profile : fs::profiles()) names.emplace_back(profile.name);
    command.add_option("--profile", o->choices.profile, "what kind; see: twofold profile list")
        ->required()
        ->check(CLI::IsMember(names));
    command.add_option("--cluster-type", o->choices.cluster_type, "kafka, hbase, spark, ...");
    command.add_option("--cluster-version", o->choices.cluster_version, "of the component, as 2.4");
    command.add_option("--encryption-at-host", o->choices.encryption_at_host,
                       "platform layer for temp disks: true or false");
    command.add_option("--encryption-vault-uri", o->vault_uri, "https://NAME.vault.azure.net");
    command.add_option("--encryption-key-name", o->key_name, "the customer's key in that vault");
    command.add_option("--encryption-key-version", o->key_version,
                       "stay with this version; without it, follow the newest");
    command.add_option("--encryption-key-identifier", o->key_identifier,
                       "all three in one: https://VAULT/keys/NAME[/VERSION]");
    command.add_option("--assign-identity", o->identity, "the identity that uses the key");
    command
        .add_option("--on-key-loss", o->on_key_loss,
                    "what happens to a running mount without its key")
        ->check(CLI::IsMember({"continue", "lock"}));
    on_run(command, context, [o](Context& c) { return create(c, *o); });
}

}  // namespace twofold::cli

#include <memory>

#include "base/clock.h"
#include "keyring/cloud/key_vault.h"
#include "keyring/cloud/shown.h"
#include "tools/twofold/command.h"
#include "tools/twofold/options.h"
#include "tools/twofold/vault_options.h"

namespace twofold::cli {
namespace {

using cloud::Caller;
using cloud::Cloud;
using cloud::KeyBundle;
using cloud::KeyVault;

struct KeyOptions {
    std::string vault, name, version, as;
    bool deleted = false;
    // create, set-attributes
    cloud::NewKey key;
    bool disabled = false;
    std::string expires, not_before, enabled;
    std::vector<std::string> ops, tags;
    bool ops_given = false, tags_given = false;
};

// A vault of the cloud directory, and who asks it.
struct Session {
    Cloud cloud;
    Caller caller;
    KeyVault vault;

    Session(const Context& context, const std::string& name)
        : cloud(context.cloud_directory()), vault(cloud, name) {}
};

Result<std::unique_ptr<Session>> open_session(const Context& context, const KeyOptions& options) {
    auto session = std::make_unique<Session>(context, options.vault);
    TF_ASSIGN(session->caller, caller_of(session->cloud, options.as));
    return session;
}

void print_key(const Context& context, const Session& session, const KeyBundle& key) {
    if (context.json) return say("{}", cloud::shown(key));
    const auto& version = key.version;
    say("key {} of vault {}", version.name, session.vault.name());
    say("version {} (the vault's v{})", version.version, version.sequence);
    say("{} {}, {}", version.kty, version.bits(),
        state_of(key.version, session.cloud.clock().now()));
    say("operations {}", cloud::join(version.key_ops, " "));
    if (version.nbf) say("valid from {}", iso8601(*version.nbf));
    if (version.exp) say("expires {}", iso8601(*version.exp));
    for (const auto& [name, value] : version.tags) say("tag {}={}", name, value);
    say("id {}", key.id());
}

// One line, or with --json the bundle.
void print_done(const Context& context, std::string_view what, const KeyBundle& key) {
    if (context.json) return say("{}", cloud::shown(key));
    say("{} {} (RSA {}): {}", what, key.version.name, key.version.bits(), key.id());
}

Result<void> create(const Context& context, const KeyOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    cloud::NewKey key = options.key;
    key.name = options.name;
    key.enabled = !options.disabled;
    if (options.ops_given) key.key_ops = options.ops;
    TF_ASSIGN(key.tags, parse_tags(options.tags));
    TF_ASSIGN(const auto expires, parse_date(options.expires));
    TF_ASSIGN(const auto not_before, parse_date(options.not_before));
    key.exp = expires.value_or(std::nullopt);
    key.nbf = not_before.value_or(std::nullopt);
    TF_ASSIGN(const auto made, session->vault.create(session->caller, key));
    print_done(context, "Created key", made);
    return {};
}

Result<void> show(const Context& context, const KeyOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    TF_ASSIGN(const auto key,
              options.deleted ? session->vault.get_deleted(session->caller, options.name)
                              : session->vault.get(session->caller, options.name, options.version));
    print_key(context, *session, key);
    return {};
}

Result<void> list(const Context& context, const KeyOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    TF_ASSIGN(const auto keys, options.deleted ? session->vault.list_deleted(session->caller)
                                               : session->vault.list(session->caller));
    if (context.json) {
        say("{}", cloud::shown(std::span<const KeyBundle>(keys), cloud::Listed::names));
        return {};
    }
    const UnixSeconds now = session->cloud.clock().now();
    Table table(
        {"NAME", "NEWEST VERSION", "BITS", "STATE", options.deleted ? "PURGED" : "EXPIRES"});
    for (const KeyBundle& key : keys)
        table.row({key.version.name, key.version.version, std::to_string(key.version.bits()),
                   options.deleted ? "deleted" : state_of(key.version, now),
                   date_of(options.deleted ? key.scheduled_purge : key.version.exp)});
    print(table.text());
    return {};
}

Result<void> list_versions(const Context& context, const KeyOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    TF_ASSIGN(const auto keys, session->vault.list_versions(session->caller, options.name));
    if (context.json) {
        say("{}", cloud::shown(std::span<const KeyBundle>(keys), cloud::Listed::versions));
        return {};
    }
    const UnixSeconds now = session->cloud.clock().now();
    Table table({"#", "VERSION", "BITS", "STATE", "CREATED", "EXPIRES"});
    for (const KeyBundle& key : keys)
        table.row({fmt::format("v{}", key.version.sequence), key.version.version,
                   std::to_string(key.version.bits()), state_of(key.version, now),
                   iso8601(key.version.created), date_of(key.version.exp)});
    print(table.text());
    return {};
}

Result<void> set_attributes(const Context& context, const KeyOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    cloud::KeyChange change;
    if (!options.enabled.empty()) change.enabled = options.enabled == "true";
    if (options.ops_given) change.key_ops = options.ops;
    if (options.tags_given) {
        TF_ASSIGN(change.tags, parse_tags(options.tags));
    }
    TF_ASSIGN(change.exp, parse_date(options.expires));
    TF_ASSIGN(change.nbf, parse_date(options.not_before));
    TF_ASSIGN(const auto key,
              session->vault.update(session->caller, options.name, options.version, change));
    print_key(context, *session, key);
    return {};
}

Result<void> rotate(const Context& context, const KeyOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    TF_ASSIGN(const auto key, session->vault.rotate(session->caller, options.name));
    print_done(context, "New version of key", key);
    return {};
}

Result<void> remove(const Context& context, const KeyOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    TF_ASSIGN(const auto key, session->vault.remove(session->caller, options.name));
    if (context.json) {
        say("{}", cloud::shown(key));
    } else if (key.scheduled_purge) {
        say("Deleted key {}; until {} it can be recovered with: twofold key recover --vault-name "
            "{} "
            "--name {}",
            key.version.name, iso8601(*key.scheduled_purge), options.vault, key.version.name);
    } else {
        say("Deleted key {} for good: the vault has no soft delete", key.version.name);
    }
    return {};
}

Result<void> recover(const Context& context, const KeyOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    TF_ASSIGN(const auto key, session->vault.recover(session->caller, options.name));
    print_done(context, "Recovered key", key);
    return {};
}

Result<void> purge(const Context& context, const KeyOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    TF_TRY(session->vault.purge(session->caller, options.name));
    if (!context.json) say("Purged key {}: what only it wrapped is lost", options.name);
    return {};
}

using Action = Result<void> (*)(const Context&, const KeyOptions&);

// The options that all have: which vault, which key, as whom.
CLI::App& add(CLI::App& family, Context& context, const std::shared_ptr<KeyOptions>& options,
              const std::string& name, const std::string& description, Action action,
              bool names_a_key = true) {
    const std::string example = fmt::format("twofold key {} --vault-name contoso-kv{}", name,
                                            names_a_key ? " --name kek1" : "");
    auto& command = add_command(family, name, description, example);
    command.add_option("--vault-name", options->vault, "name of the vault")->required();
    if (names_a_key) command.add_option("--name,-n", options->name, "name of the key")->required();
    command.add_option("--as", options->as, "act as this identity instead of the vault's creator");
    on_run(command, context, [options, action](Context& c) { return action(c, *options); });
    return command;
}

void add_attributes(CLI::App& command, const std::shared_ptr<KeyOptions>& options) {
    command.add_option("--expires", options->expires, "no wrapping from then on (2027-01-31, UTC)");
    command.add_option("--not-before", options->not_before, "no wrapping before that");
    auto* ops =
        command.add_option("--ops", options->ops, "encrypt decrypt sign verify wrapKey unwrapKey");
    ops->expected(1, 6);
    auto* tags = command.add_option("--tags", options->tags, "NAME=VALUE ...");
    tags->expected(1, 15);
    command.parse_complete_callback([options, ops, tags] {
        options->ops_given = ops->count() > 0;
        options->tags_given = tags->count() > 0;
    });
}

}  // namespace

void add_key(CLI::App& program, Context& context) {
    auto& family = add_family(program, "key", "Keys of a vault and their versions",
                              "twofold key list --vault-name contoso-kv");
    const auto options = std::make_shared<KeyOptions>();
    const auto add_one = [&](const std::string& name, const std::string& description,
                             Action action) -> CLI::App& {
        return add(family, context, options, name, description, action);
    };

    auto& create_command = add_one("create", "Make a key, or a new version of one", create);
    create_command.add_option("--kty", options->key.kty, "type of the key")->capture_default_str();
    create_command.add_option("--size", options->key.bits, "bits: 2048, 3072, 4096")
        ->capture_default_str();
    create_command.add_flag("--disabled", options->disabled, "not usable until it is enabled");
    add_attributes(create_command, options);

    auto& show_command = add_one("show", "Show a key, without its private part", show);
    show_command.add_option("--version", options->version, "instead of the newest");
    show_command.add_flag("--deleted", options->deleted, "a deleted key");

    auto& list_command = add(family, context, options, "list", "List a vault's keys", list, false);
    list_command.add_flag("--deleted", options->deleted, "those that are deleted");
    add_one("list-versions", "List a key's versions, oldest first", list_versions);

    auto& attributes_command = add_one(
        "set-attributes", "Enable, disable, or change the dates of a version", set_attributes);
    attributes_command.add_option("--version", options->version, "instead of the newest");
    attributes_command.add_option("--enabled", options->enabled, "true or false")
        ->check(CLI::IsMember({"true", "false"}));
    add_attributes(attributes_command, options);

    add_one("rotate", "Make a new version with new material", rotate);
    add_one("delete", "Delete a key with all its versions", remove);
    add_one("recover", "Bring a deleted key back with all its versions", recover);
    add_one("purge", "Destroy a deleted key for good", purge);
}

}  // namespace twofold::cli

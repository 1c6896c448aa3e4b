#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/io/io.h"
#include "keyring/cloud/secret_vault.h"
#include "keyring/cloud/shown.h"
#include "tools/twofold/command.h"
#include "tools/twofold/options.h"
#include "tools/twofold/vault_options.h"

namespace twofold::cli {
namespace {

using cloud::Caller;
using cloud::Cloud;
using cloud::SecretBundle;
using cloud::SecretVault;
using crypto::SecretBytes;

// One byte more than a value may have: so that too long a file is told from one that just fits.
constexpr std::size_t kReadMax = cloud::SecretVersion::kValueMax + 1;

struct SecretOptions {
    std::string vault, name, version, as;
    bool deleted = false;
    // set, set-attributes
    std::string value, file, content_type;
    bool value_given = false, content_type_given = false;
    bool disabled = false;
    std::string expires, not_before, enabled;
    std::vector<std::string> tags;
    bool tags_given = false;
};

// A vault of the cloud directory, and who asks it.
struct Session {
    Cloud cloud;
    Caller caller;
    SecretVault vault;

    Session(const Context& context, const std::string& name)
        : cloud(context.cloud_directory()), vault(cloud, name) {}
};

Result<std::unique_ptr<Session>> open_session(const Context& context,
                                              const SecretOptions& options) {
    TF_TRY(crypto::forbid_dumps());
    auto session = std::make_unique<Session>(context, options.vault);
    TF_ASSIGN(session->caller, caller_of(session->cloud, options.as));
    return session;
}

// ---- the value, on its way in and out ----

Result<SecretBytes> read_standard_input() {
    if (input_is_terminal())
        return fail(Error{Errc::usage,
                          "secret set: no value",
                          "give --file FILE, or send it to standard input",
                          0,
                          {}});
    TF_ASSIGN(auto buffer, SecretBytes::zeroed(kReadMax));
    std::size_t size = 0;
    while (size < kReadMax) {
        const ssize_t got =
            ::read(STDIN_FILENO, buffer.reveal_mutable().data() + size, kReadMax - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(errno, "standard input: read");
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    return SecretBytes::copy_of(buffer.reveal().first(size));
}

Result<SecretBytes> read_file(const std::string& path) {
    TF_ASSIGN(const auto file,
              io::open_posix_file(path, io::Access::read_only, io::Create::no, io::Lock::none));
    TF_ASSIGN(const std::uint64_t size, file->size());
    if (size == 0 || size >= kReadMax)
        return fail(Errc::invalid, "{}: {} bytes: a secret has 1 to {}", path, size, kReadMax - 1);
    TF_ASSIGN(auto value, SecretBytes::zeroed(size));
    TF_TRY(file->read(0, value.reveal_mutable()));
    return value;
}

Result<SecretBytes> value_of(SecretOptions& options) {
    if (!options.value_given)
        return options.file.empty() || options.file == "-" ? read_standard_input()
                                                           : read_file(options.file);
    auto value = SecretBytes::copy_of(as_bytes(options.value));
    crypto::wipe(std::as_writable_bytes(std::span(options.value)));
    return value;
}

// Straight from locked memory to the descriptor: no copy stays in the buffers of stdio.
Result<void> write_out(Bytes text) {
    std::fflush(stdout);
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_errno(errno, "standard output: write");
        text = text.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

// ---- commands ----

void print_facts(const Session& session, const SecretBundle& secret) {
    const auto& version = secret.version;
    say("secret {} of vault {}", version.name, session.vault.name());
    say("version {} (the vault's v{})", version.version, version.sequence);
    say("{}", state_of(version, session.cloud.clock().now()));
    if (!version.content_type.empty()) say("content type {}", version.content_type);
    if (version.nbf) say("valid from {}", iso8601(*version.nbf));
    if (version.exp) say("expires {}", iso8601(*version.exp));
    for (const auto& [name, value] : version.tags) say("tag {}={}", name, value);
    say("id {}", secret.id());
}

// One line, or with --json the bundle. Never the value: who set it knows it.
void print_done(const Context& context, std::string_view what, const SecretBundle& secret) {
    if (context.json) return say("{}", cloud::shown(secret));
    say("{} {}: {}", what, secret.version.name, secret.id());
}

Result<void> set(const Context& context, SecretOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    cloud::NewSecret secret;
    secret.name = options.name;
    secret.content_type = options.content_type;
    secret.enabled = !options.disabled;
    TF_ASSIGN(secret.tags, parse_tags(options.tags));
    TF_ASSIGN(const auto expires, parse_date(options.expires));
    TF_ASSIGN(const auto not_before, parse_date(options.not_before));
    secret.exp = expires.value_or(std::nullopt);
    secret.nbf = not_before.value_or(std::nullopt);
    TF_ASSIGN(const SecretBytes value, value_of(options));
    TF_ASSIGN(const auto made, session->vault.set(session->caller, secret, value.reveal()));
    print_done(context, "Set secret", made);
    return {};
}

Result<void> show(const Context& context, SecretOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    if (options.deleted) {
        TF_ASSIGN(const auto gone, session->vault.get_deleted(session->caller, options.name));
        context.json ? say("{}", cloud::shown(gone)) : print_facts(*session, gone);
        return {};
    }
    TF_ASSIGN(const auto secret,
              session->vault.get(session->caller, options.name, options.version));
    if (context.json) {
        TF_ASSIGN(const SecretBytes text, cloud::shown(secret));
        TF_TRY(write_out(text.reveal()));
    } else {
        print_facts(*session, secret.bundle);
        print("value ");
        TF_TRY(write_out(secret.value.reveal()));
    }
    print("\n");
    return {};
}

Result<void> list(const Context& context, SecretOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    TF_ASSIGN(const auto secrets, options.deleted ? session->vault.list_deleted(session->caller)
                                                  : session->vault.list(session->caller));
    if (context.json) {
        say("{}", cloud::shown(std::span<const SecretBundle>(secrets), cloud::Listed::names));
        return {};
    }
    const UnixSeconds now = session->cloud.clock().now();
    Table table({"NAME", "NEWEST VERSION", "CONTENT TYPE", "STATE",
                 options.deleted ? "PURGED" : "EXPIRES"});
    for (const SecretBundle& secret : secrets)
        table.row({secret.version.name, secret.version.version,
                   secret.version.content_type.empty() ? "-" : secret.version.content_type,
                   options.deleted ? "deleted" : state_of(secret.version, now),
                   date_of(options.deleted ? secret.scheduled_purge : secret.version.exp)});
    print(table.text());
    return {};
}

Result<void> list_versions(const Context& context, SecretOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    TF_ASSIGN(const auto secrets, session->vault.list_versions(session->caller, options.name));
    if (context.json) {
        say("{}", cloud::shown(std::span<const SecretBundle>(secrets), cloud::Listed::versions));
        return {};
    }
    const UnixSeconds now = session->cloud.clock().now();
    Table table({"#", "VERSION", "STATE", "CREATED", "EXPIRES"});
    for (const SecretBundle& secret : secrets)
        table.row({fmt::format("v{}", secret.version.sequence), secret.version.version,
                   state_of(secret.version, now), iso8601(secret.version.created),
                   date_of(secret.version.exp)});
    print(table.text());
    return {};
}

Result<void> set_attributes(const Context& context, SecretOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    cloud::SecretChange change;
    if (!options.enabled.empty()) change.enabled = options.enabled == "true";
    if (options.content_type_given) change.content_type = options.content_type;
    if (options.tags_given) {
        TF_ASSIGN(change.tags, parse_tags(options.tags));
    }
    TF_ASSIGN(change.exp, parse_date(options.expires));
    TF_ASSIGN(change.nbf, parse_date(options.not_before));
    TF_ASSIGN(const auto secret,
              session->vault.update(session->caller, options.name, options.version, change));
    context.json ? say("{}", cloud::shown(secret)) : print_facts(*session, secret);
    return {};
}

Result<void> remove(const Context& context, SecretOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    TF_ASSIGN(const auto secret, session->vault.remove(session->caller, options.name));
    if (context.json) {
        say("{}", cloud::shown(secret));
    } else if (secret.scheduled_purge) {
        say("Deleted secret {}; until {} it can be recovered with: twofold secret recover "
            "--vault-name {} --name {}",
            secret.version.name, iso8601(*secret.scheduled_purge), options.vault,
            secret.version.name);
    } else {
        say("Deleted secret {} for good: the vault has no soft delete", secret.version.name);
    }
    return {};
}

Result<void> recover(const Context& context, SecretOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    TF_ASSIGN(const auto secret, session->vault.recover(session->caller, options.name));
    print_done(context, "Recovered secret", secret);
    return {};
}

Result<void> purge(const Context& context, SecretOptions& options) {
    TF_ASSIGN(const auto session, open_session(context, options));
    TF_TRY(session->vault.purge(session->caller, options.name));
    if (!context.json) say("Purged secret {}", options.name);
    return {};
}

// ---- the command line ----

using Action = Result<void> (*)(const Context&, SecretOptions&);

// The options that all have: which vault, which secret, as whom.
CLI::App& add(CLI::App& family, Context& context, const std::shared_ptr<SecretOptions>& options,
              const std::string& name, const std::string& description, Action action,
              bool names_a_secret = true, const std::string& example_end = {}) {
    const std::string example =
        fmt::format("twofold secret {} --vault-name contoso-kv{}{}", name,
                    names_a_secret ? " --name db-password" : "", example_end);
    auto& command = add_command(family, name, description, example);
    command.add_option("--vault-name", options->vault, "name of the vault")->required();
    if (names_a_secret)
        command.add_option("--name,-n", options->name, "name of the secret")->required();
    command.add_option("--as", options->as, "act as this identity instead of the vault's creator");
    on_run(command, context, [options, action](Context& c) { return action(c, *options); });
    return command;
}

void add_attributes(CLI::App& command, const std::shared_ptr<SecretOptions>& options) {
    command.add_option("--expires", options->expires,
                       "shown, blocks nothing (2027-01-31, UTC; none)");
    command.add_option("--not-before", options->not_before, "likewise");
    auto* type = command.add_option("--content-type", options->content_type,
                                    "what the value is, in your words");
    auto* tags = command.add_option("--tags", options->tags, "NAME=VALUE ...");
    tags->expected(1, 15);
    command.parse_complete_callback([options, type, tags] {
        options->content_type_given = type->count() > 0;
        options->tags_given = tags->count() > 0;
    });
}

void add_set(CLI::App& family, Context& context, const std::shared_ptr<SecretOptions>& options) {
    auto& command = add(family, context, options, "set", "Make a secret, or a new version of one",
                        set, true, " --file ./password");
    auto* file = command.add_option(
        "--file,-f", options->file,
        "where the value is read from, as it is; \"-\" or left out: standard input");
    command
        .add_option_function<std::string>(
            "--value",
            [options](const std::string& text) {
                options->value = text;
                options->value_given = true;
            },
            "the value itself: seen by everybody who lists processes, and by the shell's history; "
            "better --file")
        ->excludes(file);
    command.add_flag("--disabled", options->disabled, "not shown until it is enabled");
    add_attributes(command, options);
}

}  // namespace

void add_secret(CLI::App& program, Context& context) {
    auto& family = add_family(program, "secret", "Secrets of a vault and their versions",
                              "twofold secret list --vault-name contoso-kv");
    const auto options = std::make_shared<SecretOptions>();
    const auto add_one = [&](const std::string& name, const std::string& description,
                             Action action) -> CLI::App& {
        return add(family, context, options, name, description, action);
    };

    add_set(family, context, options);

    auto& show_command = add_one("show", "Show a secret with its value", show);
    show_command.add_option("--version", options->version, "instead of the newest");
    show_command.add_flag("--deleted", options->deleted, "a deleted secret, without its value");

    auto& list_command = add(family, context, options, "list",
                             "List a vault's secrets, without values", list, false);
    list_command.add_flag("--deleted", options->deleted, "those that are deleted");
    add_one("list-versions", "List a secret's versions, oldest first", list_versions);

    auto& attributes_command = add_one(
        "set-attributes", "Enable, disable, or change what is said of a version", set_attributes);
    attributes_command.add_option("--version", options->version, "instead of the newest");
    attributes_command.add_option("--enabled", options->enabled, "true or false")
        ->check(CLI::IsMember({"true", "false"}));
    add_attributes(attributes_command, options);

    add_one("delete", "Delete a secret with all its versions", remove);
    add_one("recover", "Bring a deleted secret back with all its versions", recover);
    add_one("purge", "Destroy a deleted secret for good", purge);
}

}  // namespace twofold::cli

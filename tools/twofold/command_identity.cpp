#include "base/clock.h"
#include "keyring/cloud/identities.h"
#include "keyring/cloud/shown.h"
#include "tools/twofold/command.h"
#include "tools/twofold/options.h"

namespace twofold::cli {
namespace {

using cloud::Cloud;
using cloud::Identities;
using cloud::Identity;

void print_identity(const Context& context, const Identity& identity) {
    if (context.json) return say("{}", cloud::shown(identity));
    say("identity {}", identity.name);
    say("object id (for access policies) {}", identity.object_id);
    say("client id {}", identity.client_id);
    say("resource id {}", identity.resource_id());
}

Result<void> create(const Context& context, const Identities::New& what) {
    const Cloud cloud(context.cloud_directory());
    TF_ASSIGN(const auto identity, Identities(cloud).create(what));
    if (context.json)
        say("{}", cloud::shown(identity));
    else
        say("Created identity {}: object id {}", identity.name, identity.object_id);
    return {};
}

Result<void> show(const Context& context, const std::string& name) {
    const Cloud cloud(context.cloud_directory());
    TF_ASSIGN(const auto identity, Identities(cloud).find(name));
    print_identity(context, identity);
    return {};
}

Result<void> list(const Context& context) {
    const Cloud cloud(context.cloud_directory());
    auto all = Identities(cloud).list();
    if (!all && all.error().code == Errc::vault_unreachable && !context.cloud_is_given())
        all = std::vector<Identity>();  // nothing was ever made here
    if (!all) return fail(std::move(all).error());
    // Those of the platform and of other resources live and die with them, out of the user's hands.
    std::erase_if(*all, [](const Identity& identity) {
        return identity.kind != Identity::Kind::user_assigned;
    });
    if (context.json) {
        say("{}", cloud::shown(std::span<const Identity>(*all)));
        return {};
    }
    Table table({"NAME", "OBJECT ID", "CREATED"});
    for (const Identity& identity : *all)
        table.row({identity.name, identity.object_id, iso8601(identity.created)});
    print(table.text());
    return {};
}

Result<void> remove(const Context& context, const std::string& name) {
    const Cloud cloud(context.cloud_directory());
    TF_ASSIGN(const auto identity, Identities(cloud).find(name));
    if (identity.kind != Identity::Kind::user_assigned)
        return fail(Errc::refused, "identity {}: is system-assigned; it goes with its resource",
                    identity.name);
    TF_TRY(Identities(cloud).remove(identity.name));
    if (!context.json) say("Deleted identity {}", identity.name);
    return {};
}

}  // namespace

void add_identity(CLI::App& program, Context& context) {
    auto& family = add_family(program, "identity", "User-assigned managed identities",
                              "twofold identity list");
    auto what = std::make_shared<Identities::New>();
    auto& create_command = add_command(family, "create", "Make an identity",
                                       "twofold identity create cluster-identity");
    create_command.add_option("NAME,--name", what->name, "3 to 128 letters, digits, - and _")
        ->required();
    create_command.add_option("--location", what->location, "region")->capture_default_str();
    on_run(create_command, context, [what](Context& c) { return create(c, *what); });

    auto name = std::make_shared<std::string>();
    auto& show_command = add_command(family, "show", "Show an identity and its ids",
                                     "twofold identity show cluster-identity --json");
    auto& delete_command = add_command(
        family, "delete", "Delete an identity: what acts as it loses access with the next request",
        "twofold identity delete cluster-identity");
    for (CLI::App* command : {&show_command, &delete_command})
        command->add_option("NAME,--name", *name, "name, object id or resource id")->required();
    on_run(show_command, context, [name](Context& c) { return show(c, *name); });
    on_run(delete_command, context, [name](Context& c) { return remove(c, *name); });

    auto& list_command =
        add_command(family, "list", "List the identities", "twofold identity list --json");
    on_run(list_command, context, [](Context& c) { return list(c); });
}

}  // namespace twofold::cli

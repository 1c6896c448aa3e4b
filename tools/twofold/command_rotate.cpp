#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tools/twofold/anchors.h"
#include "tools/twofold/command.h"
#include "tools/twofold/live_status.h"
#include "tools/twofold/options.h"
#include "tools/twofold/rotation.h"

namespace twofold::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::minutes kPatience{10};  // many disks, a slow vault; the daemon goes on

struct Options {
    std::string store;
    TargetWords words;
};

Result<std::string> rotate_images(Session& session, const TargetWords& words) {
    TF_ASSIGN(const Target target, choose_target(session.deployment(), words));
    TF_ASSIGN(const auto keys, session.open_keyring());
    std::vector<OpenDisk> none;
    TF_ASSIGN(const keyring::RewrapReport report, rotate(session, *keys, target, none));
    return to_json(report);
}

// Rotation leaves anchors where they are, also when it leaves that vault.
void tell_of_anchors(Session& session, const std::string& to) {
    const auto& home = session.note().anchors;
    const auto key = keyring::KeyId::parse(to);
    if (!home || !key || keyring::same_host(home->host, key->host())) return;
    say("The anchors stay in {}, where the identity still needs to get and set secrets; to move "
        "them, unmounted: twofold adopt {}",
        shown(home), session.store().path());
}

Result<void> run(const Context& context, const Options& options) {
    TF_ASSIGN(const auto session, Session::open(context, options.store));
    const auto place = running_place(context, session->deployment());
    TF_ASSIGN(const std::string answer,
              place ? place->control().post("/rotate", options.words.to_json(), kPatience)
                    : rotate_images(*session, options.words));
    TF_ASSIGN(const json report, parse_json(answer, "report of the rotation"));
    if (context.json) {
        print(to_pretty_text(report) + "\n");
        return {};
    }
    const std::string from = json_text(report, "from").value_or("");
    const std::string to = json_text(report, "to").value_or("");
    if (!json_bool(report, "changed").value_or(false)) {
        say("Layer {} is wrapped by {} already.", options.words.layer, to);
        return {};
    }
    say("Layer {} is wrapped by {} now.", options.words.layer, to);
    if (json_bool(report, "oldVersionFree").value_or(false) && from != to)
        say("{} is free: nothing in this store needs it any more.", from);
    if (options.words.layer == 2) tell_of_anchors(*session, to);
    return {};
}

}  // namespace

void add_rotate(CLI::App& program, Context& context) {
    auto& command = add_command(
        program, "rotate", "Wrap the data key anew: another version, key or vault, mounted or not",
        "twofold rotate ./store\n"
        "  twofold rotate ./store --encryption-key-name kek2 \\\n"
        "      --encryption-vault-uri https://contoso-kv.vault.azure.net");
    auto o = std::make_shared<Options>();
    command.add_option("STORE", o->store, "directory of the deployment")->required();
    command.add_option("--encryption-key-name", o->words.key_name, "another key");
    command.add_option("--encryption-key-version", o->words.key_version,
                       "stay with this version; without it, the newest");
    command.add_option("--encryption-vault-uri", o->words.vault_uri, "another vault");
    command.add_option("--encryption-key-identifier", o->words.key_identifier,
                       "all three in one: https://VAULT/keys/NAME[/VERSION]");
    command.add_option("--layer", o->words.layer, "2 the customer's, 1 the platform's")
        ->capture_default_str();
    on_run(command, context, [o](Context& c) { return run(c, *o); });
}

}  // namespace twofold::cli

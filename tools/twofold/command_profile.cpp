#include <nlohmann/json.hpp>

#include "fs/profile/profile.h"
#include "tools/twofold/command.h"
#include "tools/twofold/options.h"

namespace twofold::cli {
namespace {

using nlohmann::json;

std::string_view word_of(fs::CustomerKey key) {
    switch (key) {
        case fs::CustomerKey::never:
            return "never";
        case fs::CustomerKey::optional:
            return "optional";
        case fs::CustomerKey::required:
            return "required";
    }
    return "?";
}

json to_json(const fs::Profile& profile) {
    const auto role = [](const fs::RoleRule& rule) {
        return json{{"layer1", fs::name_of(rule.layer1)}, {"layer2", fs::name_of(rule.layer2)}};
    };
    return {
        {"name", profile.name},
        {"summary", profile.summary},
        {"available", profile.missing.empty()},
        {"missing", profile.missing},
        {"roles",
         {{"os", role(profile.os)}, {"data", role(profile.data)}, {"temp", role(profile.temp)}}},
        {"customerKey", word_of(profile.customer_key)},
        {"versionedKeyOnly", profile.versioned_only},
        {"vault",
         {{"softDelete", profile.soft_delete}, {"purgeProtection", profile.purge_protection}}},
        {"keyPermissions", fs::needed_key_permissions(profile)},
        {"secretPermissions", fs::needed_secret_permissions(profile)},
        {"clusterTypes",
         std::vector<std::string>(profile.cluster_types.begin(), profile.cluster_types.end())}};
}

Result<void> list(const Context& context) {
    if (context.json) {
        json all = json::array();
        for (const auto& profile : fs::profiles()) all.push_back(to_json(profile));
        say("{}", all.dump(2));
        return {};
    }
    Table table({"PROFILE", "WHAT IT IS"});
    for (const auto& profile : fs::profiles())
        table.row({std::string(profile.name),
                   std::string(profile.summary) + (profile.missing.empty() ? "" : " (not yet)")});
    print(table.text());
    return {};
}

std::string joined(const auto& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + std::string(word);
    return text;
}

Result<void> show(const Context& context, const std::string& name) {
    TF_ASSIGN(const fs::Profile* profile, fs::find_profile(name));
    if (context.json) {
        say("{}", to_json(*profile).dump(2));
        return {};
    }
    say("{}: {}", profile->name, profile->summary);
    if (!profile->missing.empty()) say("Not in this version yet: {}.", profile->missing);
    say("");
    Table roles({"ROLE", "LAYER 1 (PLATFORM KEY)", "LAYER 2 (CUSTOMER KEY)"});
    for (const auto& [role, rule] : {std::pair{"os", profile->os}, std::pair{"data", profile->data},
                                     std::pair{"temp", profile->temp}})
        roles.row(
            {role, std::string(fs::name_of(rule.layer1)), std::string(fs::name_of(rule.layer2))});
    print(roles.text());
    say("");
    Table rules({"RULE", "WHAT HOLDS"});
    rules.row({"customer key", std::string(word_of(profile->customer_key))});
    if (profile->customer_key != fs::CustomerKey::never) {
        rules.row({"key identifier",
                   profile->versioned_only ? "versioned only" : "versioned or versionless"});
        rules.row({"key", "RSA, 2048, 3072 or 4096 bits"});
        std::string vault;
        if (profile->soft_delete) vault = "soft delete";
        if (profile->purge_protection) vault += ", purge protection";
        rules.row({"vault", vault.empty() ? "any" : vault});
        rules.row({"key permissions", joined(fs::needed_key_permissions(*profile))});
        if (profile->secret_permissions)
            rules.row({"secret permissions", joined(fs::needed_secret_permissions(*profile))});
    }
    if (!profile->cluster_types.empty())
        rules.row({"cluster types", joined(profile->cluster_types)});
    if (profile->name == "hdinsight")
        rules.row({"data disks", "kafka and hbase-accelerated-writes only"});
    print(rules.text());
    return {};
}

}  // namespace

void add_profile(CLI::App& program, Context& context) {
    auto& family = add_family(program, "profile", "What kinds of deployment there are",
                              "twofold profile show hdinsight");
    auto& list_command =
        add_command(family, "list", "List the profiles", "twofold profile list --json");
    on_run(
        list_command, context, [](Context& c) { return list(c); }, Crypto::later);
    auto& show_command = add_command(family, "show", "Show a profile's layers and rules",
                                     "twofold profile show kafka-byok");
    auto name = std::make_shared<std::string>();
    show_command.add_option("PROFILE", *name, "name, as `profile list` shows it")->required();
    on_run(
        show_command, context, [name](Context& c) { return show(c, *name); }, Crypto::later);
}

}  // namespace twofold::cli

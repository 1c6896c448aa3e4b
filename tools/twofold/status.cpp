#include "tools/twofold/status.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tools/twofold/anchors.h"
#include "tools/twofold/disk_facts.h"
#include "tools/twofold/output.h"

namespace twofold::cli {
namespace {

using nlohmann::json;

json describe_disk(const fs::Deployment& deployment, const fs::TrustNote& note,
                   const fs::Disk& disk) {
    const fs::KeysetNote keyset = newest_keyset(note, disk.name);
    json value{{"name", disk.name},
               {"node", disk.node},
               {"role", fs::name_of(disk.role)},
               {"size", disk.size},
               {"layer1", display_name(keyset.layer1)},
               {"layer2", display_name(keyset.layer2)},
               {"state", "not mounted"}};
    if (const auto warning = fs::disk_warning(deployment.choices, disk.role))
        value["warning"] = *warning;
    return value;
}

std::string text_of(const json& object, const char* name) {
    return json_text(object, name).value_or("");
}

const json& list_of(const json& object, const char* name) {
    static const json none = json::array();
    const json* found = json_member(object, name);
    return found != nullptr && found->is_array() ? *found : none;
}

std::string heading(const json& status) {
    std::string text = fmt::format("Deployment  {}\n", text_of(status, "deployment"));
    std::string profile = text_of(status, "profile");
    if (const auto cluster = text_of(status, "clusterType"); !cluster.empty())
        profile += ", " + cluster;
    if (json_bool(status, "encryptionAtHost").value_or(false)) profile += ", encryption at host";
    text += fmt::format("Profile     {}\nStore       {}\nAnchors     {}\n", profile,
                        text_of(status, "store"), text_of(status, "anchors"));
    for (const json& node : list_of(status, "nodes")) {
        const bool mounted = json_bool(node, "mounted").value_or(false);
        text += fmt::format(
            "Node        {}: {}\n", text_of(node, "name"),
            mounted ? fmt::format("mounted at {} since {}{}", text_of(node, "mountpoint"),
                                  text_of(node, "since"),
                                  json_bool(node, "readOnly").value_or(false) ? ", read-only" : "")
                    : "not mounted");
    }
    return text;
}

std::string disk_table(const json& status) {
    Table table({"DISK", "NODE", "ROLE", "SIZE", "LAYER 1", "LAYER 2", "STATE"});
    for (const json& disk : list_of(status, "disks"))
        table.row({text_of(disk, "name"), text_of(disk, "node"), text_of(disk, "role"),
                   human_size(json_unsigned(disk, "size").value_or(0)), text_of(disk, "layer1"),
                   text_of(disk, "layer2"), text_of(disk, "state")});
    return table.empty() ? "No disks.\n" : table.text();
}

std::string key_table(const json& status) {
    Table table({"LAYER", "KEY", "VERSION IN USE", "FOLLOWS", "STATE"});
    for (const json& key : list_of(status, "keys")) {
        const auto used = keyring::KeyId::parse(text_of(key, "inUse"));
        const auto reference = keyring::KeyId::parse(text_of(key, "reference"));
        table.row({std::to_string(json_integer(key, "layer").value_or(0)),
                   used ? used->with_version("").uri() : text_of(key, "reference"),
                   used ? used->version() : "unknown",
                   reference && reference->versionless() ? "newest version" : "this version",
                   text_of(key, "state")});
    }
    return table.text();
}

}  // namespace

json describe_key(const keyring::LayerStatus& status, bool mounted) {
    json key{{"layer", number_of(status.layer)},
             {"reference", status.reference.uri()},
             {"inUse", status.in_use ? status.in_use->uri() : ""},
             {"generation", status.generation},
             {"state", mounted ? keyring::name_of(status.state) : "not asked"}};
    if (!mounted) return key;
    if (status.proved) key["proved"] = iso8601(*status.proved);
    if (status.failing_since) key["since"] = iso8601(*status.failing_since);
    if (status.cause) key["cause"] = status.cause->line();
    if (status.rotation_error) key["rotationError"] = status.rotation_error->line();
    return key;
}

json describe(const fs::Deployment& deployment, const fs::TrustNote& note, const std::string& store,
              const keyring::Keyring& keys) {
    json value{{"deployment", deployment.id.hex()},
               {"store", store},
               {"cloud", deployment.cloud},
               {"created", iso8601(deployment.created)},
               {"profile", deployment.choices.profile},
               {"clusterType", deployment.choices.cluster_type},
               {"encryptionAtHost", deployment.choices.encryption_at_host},
               {"customerKey", deployment.choices.customer_key},
               {"anchors", shown(note.anchors)},
               {"mounted", false},
               {"nodes", json::array()},
               {"disks", json::array()},
               {"keys", json::array()},
               {"alerts", json::array()}};
    for (const fs::ClusterNode& node : deployment.nodes)
        value["nodes"].push_back({{"name", node.name}, {"mounted", false}});
    for (const fs::Disk& disk : deployment.disks)
        value["disks"].push_back(describe_disk(deployment, note, disk));
    for (const crypto::Layer layer : kLayers)
        if (keys.has(layer)) value["keys"].push_back(describe_key(keys.status(layer), false));
    return value;
}

std::string status_text(const json& status) {
    std::string text = heading(status) + '\n' + disk_table(status) + '\n' + key_table(status);
    std::string warnings;
    for (const json& disk : list_of(status, "disks"))
        if (const std::string warning = text_of(disk, "warning"); !warning.empty())
            warnings += fmt::format("Warning: disk {}: {}\n", text_of(disk, "name"), warning);
    for (const json& key : list_of(status, "keys"))
        if (const std::string cause = text_of(key, "rotationError"); !cause.empty())
            warnings += fmt::format("Warning: layer {}: last rotation failed: {}\n",
                                    json_integer(key, "layer").value_or(0), cause);
    for (const json& alert : list_of(status, "alerts"))
        warnings += fmt::format("ALERT: {}: {} (since {})\n", text_of(alert, "subject"),
                                text_of(alert, "text"), text_of(alert, "since"));
    return warnings.empty() ? text : text + '\n' + warnings;
}

}  // namespace twofold::cli

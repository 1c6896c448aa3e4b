#include "fs/deployment/deployment.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fs/block/block_device.h"
#include "fs/deployment/json_fields.h"

namespace twofold::fs {
namespace {

using nlohmann::json;

constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kIdentifierMax = 512, kNameMax = 64, kPathMax = 4096;
constexpr std::uint64_t kTimeMax = std::uint64_t{1} << 53;

json to_json_value(const LayerKey& key) {
    json value{{"reference", key.reference},
               {"identityId", key.identity_id},
               {"identityName", key.identity_name}};
    if (!key.next_reference.empty()) value["nextReference"] = key.next_reference;
    return value;
}

Result<std::optional<LayerKey>> parse_layer(JsonFields& fields, const char* name) {
    if (!fields.has(name)) return std::optional<LayerKey>();
    JsonFields layer(fields.object(name), fields.where(name));
    LayerKey key;
    key.reference = layer.text("reference", kIdentifierMax);
    key.next_reference = layer.optional_text("nextReference", kIdentifierMax);
    key.identity_id = layer.text("identityId", kIdentifierMax);
    key.identity_name = layer.text("identityName", kIdentifierMax);
    TF_TRY(layer.finish());
    return std::optional<LayerKey>(std::move(key));
}

Result<ClusterNode> parse_node(const json& value, const std::string& what) {
    JsonFields fields(value, what);
    ClusterNode node{fields.text("name", kNameMax)};
    TF_TRY(fields.finish());
    TF_TRY(check_name("node", node.name));
    return node;
}

Result<Disk> parse_disk(const json& value, const std::string& what) {
    JsonFields fields(value, what);
    Disk disk;
    disk.name = fields.text("name", kNameMax);
    disk.node = fields.text("node", kNameMax);
    const std::string role = fields.text("role", kNameMax);
    disk.size = fields.number("size", std::uint64_t{1} << 60);
    TF_TRY(fields.finish());
    TF_TRY(check_name("disk", disk.name));
    const auto parsed = parse_role(role);
    if (!parsed || disk.size == 0 || disk.size % kBlockSize != 0)
        return fail(Errc::damaged, "{}: disk {}: bad role or size", what, disk.name);
    disk.role = *parsed;
    return disk;
}

// Names once, disks on nodes that are there.
Result<void> check_whole(const Deployment& deployment, std::string_view what) {
    const auto twice = [](auto names) {
        std::sort(names.begin(), names.end());
        return std::adjacent_find(names.begin(), names.end()) != names.end();
    };
    std::vector<std::string> nodes, disks;
    for (const ClusterNode& node : deployment.nodes) nodes.push_back(node.name);
    for (const Disk& disk : deployment.disks) {
        disks.push_back(disk.name);
        if (std::find(nodes.begin(), nodes.end(), disk.node) == nodes.end())
            return fail(Errc::damaged, "{}: disk {}: on node {}, which is not there", what,
                        disk.name, disk.node);
    }
    if (twice(nodes) || twice(disks)) return fail(Errc::damaged, "{}: a name used twice", what);
    if (deployment.id.is_zero()) return fail(Errc::damaged, "{}: id of zeros", what);
    return {};
}

}  // namespace

Result<void> check_name(std::string_view what, std::string_view name) {
    const bool fits = !name.empty() && name.size() <= kNameMax &&
                      std::all_of(name.begin(), name.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                      });
    if (!fits)
        return fail(Errc::invalid, "{} name '{}': must be 1 to {} of a-z 0-9 -", what,
                    name.substr(0, 80), kNameMax);
    return {};
}

std::string Deployment::to_json() const {
    json value{{"format", kFormat},
               {"id", id.hex()},
               {"created", created},
               {"cloud", cloud},
               {"profile", choices.profile},
               {"clusterType", choices.cluster_type},
               {"clusterVersion", choices.cluster_version},
               {"encryptionAtHost", choices.encryption_at_host},
               {"customerKey", choices.customer_key},
               {"onKeyLoss", on_key_loss},
               {"nodes", json::array()},
               {"disks", json::array()}};
    if (layer1) value["layer1"] = to_json_value(*layer1);
    if (layer2) value["layer2"] = to_json_value(*layer2);
    for (const ClusterNode& node : nodes) value["nodes"].push_back({{"name", node.name}});
    for (const Disk& disk : disks)
        value["disks"].push_back({{"name", disk.name},
                                  {"node", disk.node},
                                  {"role", name_of(disk.role)},
                                  {"size", disk.size}});
    return to_pretty_text(value) + '\n';
}

Result<Deployment> Deployment::parse(std::string_view text, std::string_view what) {
    TF_ASSIGN(const json value, parse_json(text, what));
    if (const auto format = json_unsigned(value, "format"); format && *format != kFormat)
        return fail(Errc::unsupported, "{}: format {}: this twofold reads format {}", what, *format,
                    kFormat);
    JsonFields fields(value, std::string(what));
    Deployment deployment;
    fields.number("format", kFormat);
    deployment.id = fields.uuid("id");
    deployment.created = static_cast<UnixSeconds>(fields.number("created", kTimeMax));
    deployment.cloud = fields.text("cloud", kPathMax);
    deployment.choices.profile = fields.text("profile", kNameMax);
    deployment.choices.cluster_type = fields.text("clusterType", kNameMax);
    deployment.choices.cluster_version = fields.text("clusterVersion", kNameMax);
    deployment.choices.encryption_at_host = fields.flag("encryptionAtHost");
    deployment.choices.customer_key = fields.flag("customerKey");
    deployment.on_key_loss = fields.text("onKeyLoss", kNameMax);
    TF_ASSIGN(deployment.layer1, parse_layer(fields, "layer1"));
    TF_ASSIGN(deployment.layer2, parse_layer(fields, "layer2"));
    for (const json& node : fields.array("nodes", kNodesMax)) {
        TF_ASSIGN(ClusterNode parsed, parse_node(node, fields.where("nodes")));
        deployment.nodes.push_back(std::move(parsed));
    }
    for (const json& disk : fields.array("disks", kDisksMax)) {
        TF_ASSIGN(Disk parsed, parse_disk(disk, fields.where("disks")));
        deployment.disks.push_back(std::move(parsed));
    }
    TF_TRY(fields.finish());
    TF_TRY(check_whole(deployment, what));
    return deployment;
}

const Disk* Deployment::find_disk(std::string_view name) const {
    const auto found = std::find_if(disks.begin(), disks.end(),
                                    [&](const Disk& disk) { return disk.name == name; });
    return found == disks.end() ? nullptr : &*found;
}

Result<const Disk*> Deployment::disk(std::string_view name) const {
    if (const Disk* found = find_disk(name)) return found;
    std::string names;
    for (const Disk& disk : disks) names += (names.empty() ? "" : ", ") + disk.name;
    return fail(Errc::not_found, "disk {}: not in this deployment, which has {}", name,
                names.empty() ? "none" : names);
}

Result<const ClusterNode*> Deployment::node(std::string_view name) const {
    for (const ClusterNode& node : nodes)
        if (node.name == name) return &node;
    return fail(Errc::not_found, "node {}: not in this deployment", name);
}

std::vector<const Disk*> Deployment::disks_of(std::string_view node) const {
    std::vector<const Disk*> found;
    for (const Disk& disk : disks)
        if (disk.node == node) found.push_back(&disk);
    return found;
}

}  // namespace twofold::fs

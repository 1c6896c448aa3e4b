#include "fs/deployment/note.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fs/deployment/json_fields.h"
#include "fs/deployment/local_anchors.h"

namespace twofold::fs {
namespace {

using nlohmann::json;

constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kNoteMax = 32 << 20;  // bytes: 4096 disks with a few keysets each
constexpr std::size_t kNameMax = 64, kHostMax = 512, kPathMax = 4096, kVaultsMax = 64,
                      kKeysetsMax = 4, kIdentityMax = 512;

json to_json_value(const TrustedLayer& layer) {
    return {{"dekId", layer.dek.id.hex()},
            {"dekGeneration", layer.dek.generation},
            {"commitment", to_hex(layer.commitment)},
            {"vaults", layer.vaults},
            {"identity", layer.identity}};
}

Result<std::optional<TrustedLayer>> parse_layer(JsonFields& fields, const char* name) {
    if (!fields.has(name)) return std::optional<TrustedLayer>();
    JsonFields object(fields.object(name), fields.where(name));
    TrustedLayer layer;
    layer.dek.id = object.uuid("dekId");
    layer.dek.generation = static_cast<std::uint32_t>(object.number("dekGeneration", UINT32_MAX));
    object.bytes("commitment", layer.commitment);
    for (const json& vault : object.array("vaults", kVaultsMax)) {
        const auto* text = vault.get_ptr<const std::string*>();
        if (text == nullptr || text->size() > kHostMax)
            object.wrong("vaults", "not host names");
        else
            layer.vaults.push_back(*text);
    }
    layer.identity = object.text("identity", kIdentityMax);
    TF_TRY(object.finish());
    return std::optional<TrustedLayer>(std::move(layer));
}

json to_json_value(const KeysetNote& keyset) {
    return {{"keyset", keyset.keyset},
            {"layer1", static_cast<unsigned>(keyset.layer1)},
            {"layer2", static_cast<unsigned>(keyset.layer2)},
            {"dek1", keyset.dek1.hex()},
            {"dek2", keyset.dek2.hex()},
            {"commitment1", to_hex(keyset.commitment1)},
            {"commitment2", to_hex(keyset.commitment2)}};
}

Result<KeysetNote> parse_keyset(const json& value, const std::string& what) {
    constexpr std::uint64_t kSuiteMax = 3, kKeysetMax = 4095;
    JsonFields fields(value, what);
    KeysetNote keyset;
    keyset.keyset = static_cast<std::uint32_t>(fields.number("keyset", kKeysetMax));
    keyset.layer1 = static_cast<Suite>(fields.number("layer1", kSuiteMax));
    keyset.layer2 = static_cast<Suite>(fields.number("layer2", kSuiteMax));
    keyset.dek1 = fields.uuid("dek1");
    keyset.dek2 = fields.uuid("dek2");
    fields.bytes("commitment1", keyset.commitment1);
    fields.bytes("commitment2", keyset.commitment2);
    TF_TRY(fields.finish());
    return keyset;
}

json to_json_value(const TrustedDisk& disk) {
    json keysets = json::array();
    for (const KeysetNote& keyset : disk.note.keysets) keysets.push_back(to_json_value(keyset));
    return {{"node", disk.node},
            {"name", disk.name},
            {"role", name_of(disk.role)},
            {"disk", disk.note.disk.hex()},
            {"keysets", std::move(keysets)}};
}

Result<TrustedDisk> parse_disk(const json& value, const Uuid& deployment, const std::string& what) {
    JsonFields fields(value, what);
    TrustedDisk disk;
    disk.node = fields.text("node", kNameMax);
    disk.name = fields.text("name", kNameMax);
    const auto role = parse_role(fields.text("role", kNameMax));
    if (!role) fields.wrong("role", "unknown");
    disk.role = role.value_or(Role::data);
    disk.note.deployment = deployment;
    disk.note.disk = fields.uuid("disk");
    for (const json& keyset : fields.array("keysets", kKeysetsMax)) {
        TF_ASSIGN(const KeysetNote parsed, parse_keyset(keyset, fields.where("keysets")));
        disk.note.keysets.push_back(parsed);
    }
    TF_TRY(fields.finish());
    return disk;
}

Result<std::optional<AnchorVault>> parse_anchors(JsonFields& fields) {
    if (!fields.has("anchors")) return std::optional<AnchorVault>();
    JsonFields object(fields.object("anchors"), fields.where("anchors"));
    AnchorVault vault;
    vault.host = object.text("vault", kHostMax);
    vault.identity = object.text("identity", kIdentityMax);
    TF_TRY(object.finish());
    return std::optional(std::move(vault));
}

std::string file_name(const Uuid& deployment) { return deployment.hex() + ".json"; }

}  // namespace

std::string TrustNote::to_json() const {
    json value{{"format", kFormat},
               {"deployment", deployment.hex()},
               {"cloud", cloud},
               {"profile", choices.profile},
               {"clusterType", choices.cluster_type},
               {"clusterVersion", choices.cluster_version},
               {"encryptionAtHost", choices.encryption_at_host},
               {"customerKey", choices.customer_key},
               {"disks", json::array()}};
    if (layer1) value["layer1"] = to_json_value(*layer1);
    if (layer2) value["layer2"] = to_json_value(*layer2);
    if (anchors) value["anchors"] = {{"vault", anchors->host}, {"identity", anchors->identity}};
    for (const TrustedDisk& disk : disks) value["disks"].push_back(to_json_value(disk));
    return to_pretty_text(value) + '\n';
}

Result<TrustNote> TrustNote::parse(std::string_view text, std::string_view what) {
    TF_ASSIGN(const json value, parse_json(text, what));
    JsonFields fields(value, std::string(what));
    TrustNote note;
    if (fields.number("format", UINT32_MAX) != kFormat) fields.wrong("format", "unknown");
    note.deployment = fields.uuid("deployment");
    note.cloud = fields.text("cloud", kPathMax);
    note.choices.profile = fields.text("profile", kNameMax);
    note.choices.cluster_type = fields.text("clusterType", kNameMax);
    note.choices.cluster_version = fields.text("clusterVersion", kNameMax);
    note.choices.encryption_at_host = fields.flag("encryptionAtHost");
    note.choices.customer_key = fields.flag("customerKey");
    TF_ASSIGN(note.layer1, parse_layer(fields, "layer1"));
    TF_ASSIGN(note.layer2, parse_layer(fields, "layer2"));
    TF_ASSIGN(note.anchors, parse_anchors(fields));
    for (const json& disk : fields.array("disks", Deployment::kDisksMax)) {
        TF_ASSIGN(TrustedDisk parsed, parse_disk(disk, note.deployment, fields.where("disks")));
        note.disks.push_back(std::move(parsed));
    }
    TF_TRY(fields.finish());
    return note;
}

Result<void> TrustNote::check(const Deployment& store) const {
    const auto differs = [](std::string what) {
        return fail(
            Error{Errc::substituted,
                  fmt::format("deployment.json: {} differs from what this machine noted", what),
                  "if that change is yours: twofold adopt STORE",
                  0,
                  {}});
    };
    if (store.id != deployment) return differs("the deployment id");
    if (store.cloud != cloud) return differs("the cloud directory");
    if (store.choices != choices) return differs("the profile or a choice made at creation");
    if (store.layer1.has_value() != layer1.has_value()) return differs("layer 1");
    if (store.layer2.has_value() != layer2.has_value()) return differs("layer 2");
    if (layer1 && store.layer1->identity_id != layer1->identity)
        return differs("the identity of layer 1");
    if (layer2 && store.layer2->identity_id != layer2->identity)
        return differs("the identity of layer 2");
    for (const Disk& disk : store.disks) {
        TF_ASSIGN(const TrustedDisk* noted, this->disk(disk.name));
        if (noted->node != disk.node || noted->role != disk.role)
            return differs("disk " + disk.name);
    }
    return {};
}

Result<const TrustedDisk*> TrustNote::disk(std::string_view name) const {
    for (const TrustedDisk& disk : disks)
        if (disk.name == name) return &disk;
    return fail(
        Error{Errc::substituted,
              fmt::format("disk {}: not noted on this machine: it was not added here", name),
              "to trust it from now on: twofold adopt STORE",
              0,
              {}});
}

Result<TrustNote> LocalState::load(const Uuid& deployment, const std::string& store) const {
    const auto unknown = [&] {
        return fail(
            Error{Errc::substituted,
                  fmt::format("deployment {}: not known on this machine ({})", deployment.hex(),
                              directory_),
                  fmt::format("to look at it and trust it from now on: twofold adopt {}", store),
                  0,
                  {}});
    };
    auto directory = io::open_posix_directory(directory_);
    if (!directory && directory.error().code == Errc::not_found) return unknown();
    if (!directory) return fail(std::move(directory).error());
    auto text = (*directory)->read_text(file_name(deployment), kNoteMax);
    if (!text && text.error().code == Errc::not_found) return unknown();
    if (!text) return fail(std::move(text).error());
    TF_ASSIGN(TrustNote note, TrustNote::parse(*text, directory_ + "/" + file_name(deployment)));
    if (note.deployment != deployment)
        return fail(Errc::damaged, "{}/{}: the note of another deployment", directory_,
                    file_name(deployment));
    return note;
}

Result<void> LocalState::save(const TrustNote& note) const {
    TF_ASSIGN(const auto directory, io::make_posix_directory(directory_));
    return directory->replace(file_name(note.deployment), note.to_json());
}

Result<void> LocalState::forget(const Uuid& deployment) const {
    auto directory = io::open_posix_directory(directory_);
    if (!directory) return {};
    auto removed = (*directory)->unlink(file_name(deployment));
    if (!removed && removed.error().code != Errc::not_found) return removed;
    return {};
}

std::unique_ptr<AnchorStore> LocalState::anchor(const Uuid& deployment, const std::string& node,
                                                const std::string& disk) const {
    return std::make_unique<LocalAnchorStore>(directory_, deployment, node, disk);
}

}  // namespace twofold::fs

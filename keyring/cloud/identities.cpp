#include "keyring/cloud/identities.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "keyring/cloud/permissions.h"

namespace twofold::cloud {
namespace {

using nlohmann::json;

constexpr std::size_t kFileMax = 16384;
constexpr std::size_t kTextMax = 512;
constexpr std::string_view kSuffix = ".json";

bool valid_name(std::string_view name) {
    return name.size() >= 3 && name.size() <= 128 && std::ranges::all_of(name, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '-' || c == '_';
           });
}

std::string file_of(std::string_view name) { return lowered(name) + std::string(kSuffix); }

}  // namespace

std::string Identity::resource_id() const {
    return fmt::format(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ManagedIdentity/"
        "userAssignedIdentities/{}",
        kSubscription, kResourceGroup, name);
}

Result<Identity> Identity::parse(std::string_view text, std::string_view where) {
    TF_ASSIGN(const json object, parse_json(text, where, 8));
    const auto name = json_text(object, "name");
    const auto object_id = json_text(object, "principalId");
    const auto client_id = json_text(object, "clientId");
    const auto kind = json_text(object, "kind");
    if (!name || !valid_name(*name) || !object_id || object_id->size() != 36 || !client_id ||
        client_id->size() != 36 || !kind || (*kind != "user" && *kind != "system"))
        return fail(Errc::damaged, "{}: not an identity", where);
    Identity out;
    out.name = *name;
    out.object_id = *object_id;
    out.client_id = *client_id;
    out.kind = *kind == "user" ? Kind::user_assigned : Kind::system_assigned;
    out.owner = json_text(object, "owner").value_or("").substr(0, kTextMax);
    out.location =
        json_text(object, "location").value_or(std::string(kLocation)).substr(0, kTextMax);
    out.enabled = json_bool(object, "enabled").value_or(true);
    out.address = json_text(object, "address").value_or("127.0.0.1").substr(0, kTextMax);
    out.created = json_integer(object, "created").value_or(0);
    out.document = text;
    return out;
}

std::string Identity::to_text() const {
    json object = document.empty() ? json::object() : json::parse(document, nullptr, false);
    if (!object.is_object()) object = json::object();
    object["name"] = name;
    object["principalId"] = object_id;
    object["clientId"] = client_id;
    object["tenantId"] = std::string(kTenant);
    object["kind"] = kind == Kind::user_assigned ? "user" : "system";
    if (!owner.empty()) object["owner"] = owner;
    object["location"] = location;
    object["enabled"] = enabled;
    object["address"] = address;
    object["created"] = created;
    return to_pretty_text(object) + "\n";
}

Result<Identity> Identities::create(const New& what) {
    if (!valid_name(what.name))
        return fail(Errc::invalid,
                    "identity name \"{}\": must be 3 to 128 letters, digits, hyphens, underscores",
                    what.name.substr(0, 130));
    TF_ASSIGN(const auto root, cloud_.open_or_make());
    TF_ASSIGN(const auto directory, root->ensure_directory("identities"));
    TF_ASSIGN(const auto lock, directory->lock("lock", true));
    TF_ASSIGN(const bool taken, directory->exists(file_of(what.name)));
    if (taken) return fail(Errc::exists, "identity {}: exists already", what.name);
    Identity identity;
    identity.name = what.name;
    TF_ASSIGN(identity.object_id, random_guid());
    TF_ASSIGN(identity.client_id, random_guid());
    identity.kind = what.kind;
    identity.owner = what.owner;
    identity.location = what.location;
    identity.address = "127.0.0.1";
    TF_ASSIGN(identity.created, cloud_.clock().look());
    TF_TRY(directory->replace(file_of(what.name), identity.to_text()));
    return identity;
}

Result<Identity> Identities::find(const std::string& name_or_id) const {
    TF_ASSIGN(const auto all, list());
    for (const Identity& identity : all)
        if (same_text(identity.name, name_or_id) || same_text(identity.object_id, name_or_id) ||
            same_text(identity.client_id, name_or_id) ||
            same_text(identity.resource_id(), name_or_id))
            return identity;
    Error error{Errc::not_found, fmt::format("identity {}: not found", name_or_id), {}, 0, {}};
    return fail(std::move(error).advise("twofold identity list shows those there are"));
}

Result<std::optional<Identity>> Identities::with_object_id(const std::string& object_id) const {
    TF_ASSIGN(const auto all, list());
    for (const Identity& identity : all)
        if (same_text(identity.object_id, object_id)) return std::optional(identity);
    return std::optional<Identity>();
}

Result<std::vector<Identity>> Identities::list() const {
    TF_ASSIGN(const auto root, cloud_.open());
    std::vector<Identity> out;
    auto directory = root->open_directory("identities");
    if (!directory && directory.error().code == Errc::not_found) return out;
    if (!directory) return fail(std::move(directory).error());
    TF_ASSIGN(const auto entries, (*directory)->list());
    for (const io::Entry& entry : entries) {
        if (entry.is_directory || entry.name.front() == '.' || !entry.name.ends_with(kSuffix))
            continue;
        const auto text = (*directory)->read_text(entry.name, kFileMax);
        if (!text && text.error().code == Errc::not_found) continue;  // removed just now
        // One that is no file of ours, or does not parse, is nobody; the others are as they were.
        if (!text && (text.error().code == Errc::invalid || text.error().code == Errc::damaged))
            continue;
        if (!text) return fail(text.error());
        if (auto identity = Identity::parse(*text, entry.name)) out.push_back(std::move(*identity));
    }
    return out;
}

Result<void> Identities::remove(const std::string& name) {
    TF_ASSIGN(const Identity identity, find(name));
    TF_ASSIGN(const auto root, cloud_.open());
    TF_ASSIGN(const auto directory, root->open_directory("identities"));
    TF_ASSIGN(const auto lock, directory->lock("lock", true));
    return directory->unlink(file_of(identity.name));
}

}  // namespace twofold::cloud

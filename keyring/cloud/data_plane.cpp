#include "keyring/cloud/data_plane.h"

#include <algorithm>
#include <charconv>

#include "keyring/cloud/answer.h"
#include "keyring/cloud/audit.h"
#include "keyring/cloud/identities.h"
#include "keyring/cloud/vault_registry.h"

namespace twofold::cloud {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// 400 where it can be nothing's name or version.
Result<void> check_name(Kind kind, const std::string& name) {
    if (!name.empty() && name.size() <= 127 &&
        std::ranges::all_of(name, [](char c) { return is_word(c) || c == '-'; }))
        return {};
    return refuse(Answer::bad_parameter,
                  fmt::format("{} name \"{}\": must be 1 to 127 letters, digits and hyphens",
                              words_of(kind).noun, name.substr(0, 130)));
}

Result<void> check_version(Kind kind, const std::string& version) {
    if (version.empty() || sequence_of(version)) return {};
    if (version.size() == 32 && std::ranges::all_of(version, is_hex)) return {};
    return refuse(Answer::bad_parameter, fmt::format("{} version \"{}\": must be 32 hex digits",
                                                     words_of(kind).noun, version.substr(0, 64)));
}

Failure lacking(const VaultSettings& settings, const Identity& identity, Kind kind,
                std::string_view permission) {
    const AccessPolicy policy = settings.policy_of(identity.object_id);
    const std::string_view what = words_of(kind).noun;
    std::vector<std::string> cure = policy.of(kind);
    cure.emplace_back(permission);
    return refuse(Answer::forbidden_by_policy,
                  fmt::format("vault {}: identity {} lacks the {} permission {}", settings.name,
                              identity.name, what, permission),
                  fmt::format("grant it with: twofold vault set-policy {} --object-id {} "
                              "--{}-permissions {}",
                              settings.name, identity.object_id, what, join(cure, " ")));
}

Result<Identity> authenticate(const Cloud& cloud, const std::string& object_id) {
    TF_ASSIGN(auto identity, Identities(cloud).with_object_id(object_id));
    if (!identity)
        return refuse(Answer::unauthorized,
                      fmt::format("identity {}: does not exist, or was deleted", object_id),
                      "twofold identity list shows those there are; one made again under the same "
                      "name is another identity");
    if (!identity->enabled)
        return refuse(Answer::unauthorized,
                      fmt::format("identity {}: is disabled", identity->name));
    return std::move(*identity);
}

}  // namespace

std::optional<std::uint32_t> sequence_of(std::string_view version) {
    if (version.size() < 2 || (version[0] != 'v' && version[0] != 'V')) return {};
    std::uint32_t sequence = 0;
    const char* end = version.data() + version.size();
    const auto [at, error] = std::from_chars(version.data() + 1, end, sequence);
    if (error != std::errc() || at != end || sequence == 0) return {};
    return sequence;
}

Result<Admitted> DataPlane::admit(const Request& request) const {
    std::optional<Identity> identity;
    if (!request.caller.is_creator()) {
        TF_ASSIGN(identity, authenticate(cloud_, request.caller.object_id));
    }
    TF_ASSIGN(auto directory, cloud_.open_vault(name_));
    TF_ASSIGN(auto settings, VaultRegistry(cloud_).show(name_));
    if (identity && !settings.admits(identity->address))
        return refuse(
            Answer::forbidden_by_firewall,
            fmt::format("vault {}: its firewall does not let in {} (identity {})", settings.name,
                        identity->address, identity->name),
            fmt::format("allow it with: twofold vault network-rule add {} --ip-address {}",
                        settings.name, identity->address));
    if (identity &&
        !settings.policy_of(identity->object_id).allows(request.kind, request.permission))
        return lacking(settings, *identity, request.kind, request.permission);
    auto now = cloud_.clock().look();
    if (!now) return refuse(Answer::internal_error, now.error().what);
    if (!request.name.empty()) TF_TRY(check_name(request.kind, request.name));
    TF_TRY(check_version(request.kind, request.version));
    return Admitted{std::move(settings), std::move(directory), *now, host_};
}

void DataPlane::audit(const Request& request, const Error* error,
                      std::chrono::nanoseconds started) const {
    const auto vault = cloud_.open_vault(name_);
    if (!vault) return;  // nowhere to write to
    AuditLine line;
    line.time = cloud_.clock().now();
    line.operation = request.operation;
    line.object = fmt::format("https://{}/{}", host_, words_of(request.kind).shelf);
    for (const std::string& part : {request.name, request.version})
        if (!part.empty()) line.object += "/" + part.substr(0, 127);
    line.identity = request.caller.is_creator() ? "creator" : request.caller.object_id;
    line.address = "127.0.0.1";
    if (error != nullptr) {
        line.status = http_status(*error);
        line.code = error->vault_code.empty() ? code_of(*error) : error->vault_code;
    }
    if (auto id = random_guid()) line.request_id = std::move(*id);
    line.duration_us =
        std::chrono::duration_cast<std::chrono::microseconds>(cloud_.clock().monotonic() - started)
            .count();
    append_audit(**vault, line);
}

}  // namespace twofold::cloud

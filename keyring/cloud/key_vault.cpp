#include "keyring/cloud/key_vault.h"

#include "base/hex.h"
#include "base/log.h"
#include "keyring/cloud/audit.h"
#include "keyring/cloud/session.h"
#include "keyring/cloud/vault_registry.h"
#include "keyring/crypto/random.h"
#include "keyring/crypto/rsa.h"

// Letting a request in, the audit log, and the cryptography. Management is in key_vault_manage.cpp.
namespace twofold::cloud {
namespace {

constexpr std::size_t kOaep256Overhead = 66;  // RFC 8017, 7.1.1: 2 hLen + 2
constexpr std::size_t kInputMax = 512;        // a modulus of 4096 bits

Failure lacking(const VaultSettings& settings, const Identity& identity, Kind kind,
                std::string_view permission) {
    AccessPolicy policy = settings.policy_of(identity.object_id);
    const char* what = kind == Kind::key ? "key" : "secret";
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

Result<KeyVault::Session> KeyVault::begin(const Request& request) const {
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
    if (!request.name.empty()) TF_TRY(check_name(request.name));
    TF_TRY(check_version(request.version));
    return Session{std::move(settings), KeyStore(std::move(directory)), *now, host_};
}

void KeyVault::audit(const Request& request, const Error* error,
                     std::chrono::nanoseconds started) const {
    const auto vault = cloud_.open_vault(name_);
    if (!vault) return;  // nowhere to write to
    AuditLine line;
    line.time = cloud_.clock().now();
    line.operation = request.operation;
    line.object = fmt::format("https://{}/keys", host_);
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

Result<KeyVault::Wrapped> KeyVault::wrap(const Caller& caller, const std::string& name,
                                         const std::string& version, Bytes plain) {
    const Request request{"KeyWrap", caller, "wrapKey", name, version};
    return serve<Wrapped>(request, [&](Session& session) -> Result<Wrapped> {
        if (plain.empty() || plain.size() > kInputMax)
            return refuse(Answer::bad_parameter, "wrap: bad size of the input");
        TF_ASSIGN(const KeyVersion key, session.find(name, version));
        TF_TRY(session.allow(key, "wrapKey", Session::Window::minded));
        if (plain.size() > key.n.size() - kOaep256Overhead)
            return refuse(Answer::bad_parameter,
                          fmt::format("{}: {} bytes are too many to wrap", session.label(key.name),
                                      plain.size()));
        TF_ASSIGN(const auto rsa, crypto::Rsa::from_public(key.n, key.e));
        TF_ASSIGN(auto value, rsa.oaep_256_encrypt(plain));
        return Wrapped{key.version, std::move(value)};
    });
}

Result<crypto::SecretBytes> KeyVault::unwrap(const Caller& caller, const std::string& name,
                                             const std::string& version, Bytes wrapped) {
    const Request request{"KeyUnwrap", caller, "unwrapKey", name, version};
    return serve<crypto::SecretBytes>(
        request, [&](Session& session) -> Result<crypto::SecretBytes> {
            if (wrapped.empty() || wrapped.size() > kInputMax)
                return refuse(Answer::bad_parameter, "unwrap: bad size of the input");
            TF_ASSIGN(const KeyVersion key, session.find(name, version));
            TF_TRY(session.allow(key, "unwrapKey", Session::Window::ignored));
            TF_ASSIGN(const auto der, session.unseal(key));
            TF_ASSIGN(const auto rsa, crypto::Rsa::from_private_der(der.reveal()));
            auto plain = rsa.oaep_256_decrypt(wrapped);
            // One message for every cause: which of them it was is what a padding oracle asks.
            if (!plain && plain.error().code == Errc::wrong_key)
                return refuse(Answer::unwrap_failed,
                              fmt::format("{}: version {} does not open these bytes",
                                          session.label(key.name), key.version));
            return plain;
        });
}

}  // namespace twofold::cloud

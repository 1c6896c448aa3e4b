#include "keyring/cloud/key_vault.h"

#include <algorithm>

#include "keyring/cloud/session.h"
#include "keyring/crypto/rsa.h"

// The cryptography. Management is in key_vault_manage.cpp.
namespace twofold::cloud {
namespace {

constexpr std::size_t kOaep256Overhead = 66;  // RFC 8017, 7.1.1: 2 hLen + 2
constexpr std::size_t kInputMax = 512;        // a modulus of 4096 bits

// Whether a version may do this now: enabled, then key_ops, then the window, which only wrapping
// minds.
enum class Window { minded, ignored };
Result<void> allow(const KeySession& session, const KeyVersion& key, std::string_view operation,
                   Window window) {
    TF_TRY(session.enabled(key));
    const std::string what = fmt::format("{}: version {}", session.label(key.name), key.version);
    if (std::ranges::find(key.key_ops, operation) == key.key_ops.end())
        return refuse(Answer::key_operation_forbidden,
                      fmt::format("{} does not allow {}", what, operation),
                      fmt::format("allow it with: {} --version {} --ops {}",
                                  session.command("set-attributes", key.name), key.version,
                                  join(all_key_ops(), " ")));
    if (window == Window::ignored) return {};
    if (key.nbf && session.now < *key.nbf)
        return refuse(Answer::key_not_yet_valid,
                      fmt::format("{} is not valid before {}", what, iso8601(*key.nbf)));
    if (key.exp && session.now >= *key.exp)
        return refuse(Answer::key_expired, fmt::format("{} expired at {}", what, iso8601(*key.exp)),
                      "make a new version with: " + session.command("rotate", key.name));
    return {};
}

}  // namespace

Result<KeyVault::Wrapped> KeyVault::wrap(const Caller& caller, const std::string& name,
                                         const std::string& version, Bytes plain) {
    const auto asked = request("Wrap", caller, "wrapKey", name, version);
    return serve<Wrapped>(asked, [&](KeySession& session) -> Result<Wrapped> {
        if (plain.empty() || plain.size() > kInputMax)
            return refuse(Answer::bad_parameter, "wrap: bad size of the input");
        TF_ASSIGN(const KeyVersion key, session.find(name, version));
        TF_TRY(allow(session, key, "wrapKey", Window::minded));
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
    const auto asked = request("Unwrap", caller, "unwrapKey", name, version);
    return serve<crypto::SecretBytes>(
        asked, [&](KeySession& session) -> Result<crypto::SecretBytes> {
            if (wrapped.empty() || wrapped.size() > kInputMax)
                return refuse(Answer::bad_parameter, "unwrap: bad size of the input");
            TF_ASSIGN(const KeyVersion key, session.find(name, version));
            TF_TRY(allow(session, key, "unwrapKey", Window::ignored));
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

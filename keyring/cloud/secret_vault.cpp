#include "keyring/cloud/secret_vault.h"

#include "base/utf8.h"
#include "keyring/cloud/session.h"

namespace twofold::cloud {
namespace {

Failure bad(std::string what) { return refuse(Answer::bad_parameter, std::move(what)); }

Result<void> check_content_type(const std::string& type) {
    if (type.size() <= SecretVersion::kContentTypeMax && is_utf8(type)) return {};
    return bad(fmt::format("content type: must be text of at most {} bytes",
                           SecretVersion::kContentTypeMax));
}

// Says nothing of the value but its size.
Result<void> check(const NewSecret& secret, Bytes value) {
    if (value.empty()) return bad("value of the secret: is empty");
    if (value.size() > SecretVersion::kValueMax)
        return bad(fmt::format("value of the secret: {} bytes are more than {}", value.size(),
                               SecretVersion::kValueMax));
    if (!is_utf8(as_text(value)))
        return refuse(Answer::bad_parameter, "value of the secret: is not UTF-8 text",
                      "encode bytes, for example in base64");
    TF_TRY(check_content_type(secret.content_type));
    TF_TRY(check_tags(secret.tags));
    return check_dates(secret.nbf, secret.exp);
}

}  // namespace

Result<SecretBundle> SecretVault::set(const Caller& caller, const NewSecret& what, Bytes value) {
    return serve<SecretBundle>(request("Set", caller, "set", what.name),
                               [&](SecretSession& session) -> Result<SecretBundle> {
                                   TF_TRY(check(what, value));
                                   SecretVersion secret;
                                   secret.name = what.name;
                                   secret.content_type = what.content_type;
                                   secret.enabled = what.enabled;
                                   secret.nbf = what.nbf;
                                   secret.exp = what.exp;
                                   secret.tags = what.tags;
                                   TF_ASSIGN(const auto lock, session.store.lock());
                                   TF_TRY(session.add(secret, value));
                                   return session.bundle(std::move(secret));
                               });
}

Result<SecretVault::WithValue> SecretVault::get(const Caller& caller, const std::string& name,
                                                const std::string& version) {
    return serve<WithValue>(
        request("Get", caller, "get", name, version),
        [&](SecretSession& session) -> Result<WithValue> {
            TF_ASSIGN(SecretVersion secret, session.find(name, version));
            TF_TRY(session.enabled(secret));
            TF_ASSIGN(auto value, session.unseal(secret));
            return WithValue{session.bundle(std::move(secret)), std::move(value)};
        });
}

Result<SecretBundle> SecretVault::update(const Caller& caller, const std::string& name,
                                         const std::string& version, const SecretChange& change) {
    return serve<SecretBundle>(request("Update", caller, "set", name, version),
                               [&](SecretSession& session) -> Result<SecretBundle> {
                                   if (change.tags) TF_TRY(check_tags(*change.tags));
                                   if (change.content_type)
                                       TF_TRY(check_content_type(*change.content_type));

                                   TF_ASSIGN(const auto lock, session.store.lock());
                                   TF_ASSIGN(SecretVersion secret, session.find(name, version));
                                   if (change.content_type)
                                       secret.content_type = *change.content_type;
                                   if (change.enabled) secret.enabled = *change.enabled;
                                   if (change.nbf) secret.nbf = *change.nbf;
                                   if (change.exp) secret.exp = *change.exp;
                                   if (change.tags) secret.tags = *change.tags;
                                   if (change.nbf || change.exp)
                                       TF_TRY(check_dates(secret.nbf, secret.exp));
                                   secret.updated = session.now;
                                   TF_TRY(session.store.put(secret));
                                   return session.bundle(std::move(secret));
                               });
}

}  // namespace twofold::cloud

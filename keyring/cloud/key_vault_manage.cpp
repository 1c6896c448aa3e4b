#include "keyring/cloud/key_vault.h"
#include "keyring/cloud/session.h"
#include "keyring/crypto/rsa.h"

// The requests that show and change keys. The cryptography is in key_vault.cpp.
namespace twofold::cloud {
namespace {

Failure bad(std::string what) { return refuse(Answer::bad_parameter, std::move(what)); }

Result<std::vector<std::string>> checked_ops(const std::vector<std::string>& names) {
    auto ops = canonical_key_ops(names);
    if (!ops) return bad(ops.error().what);
    return ops;
}

Result<void> check(const NewKey& key) {
    if (key.kty != "RSA") return bad(fmt::format("key type {}: only RSA is offered", key.kty));
    if (key.bits != 2048 && key.bits != 3072 && key.bits != 4096)
        return bad(fmt::format("key size {}: must be 2048, 3072 or 4096 bits", key.bits));
    TF_TRY(check_tags(key.tags));
    return check_dates(key.nbf, key.exp);
}

struct Material {
    std::vector<std::byte> n, e;
    crypto::SecretBytes der;
};

// Of a new key. Seconds of work for the larger sizes: before any lock is taken.
Result<Material> generate(int bits) {
    TF_ASSIGN(const auto rsa, crypto::Rsa::generate(bits));
    Material out;
    TF_ASSIGN(out.n, rsa.modulus());
    TF_ASSIGN(out.e, rsa.exponent());
    TF_ASSIGN(out.der, rsa.private_der());
    return out;
}

}  // namespace

Result<KeyBundle> KeyVault::create(const Caller& caller, const NewKey& what) {
    const auto asked = request("Create", caller, "create", what.name);
    return serve<KeyBundle>(asked, [&](KeySession& session) -> Result<KeyBundle> {
        TF_TRY(check(what));
        KeyVersion key;
        key.name = what.name;
        TF_ASSIGN(key.key_ops, checked_ops(what.key_ops.value_or(all_key_ops())));
        key.enabled = what.enabled;
        key.nbf = what.nbf;
        key.exp = what.exp;
        key.tags = what.tags;
        TF_ASSIGN(Material material, generate(what.bits));
        key.n = std::move(material.n);
        key.e = std::move(material.e);

        TF_ASSIGN(const auto lock, session.store.lock());
        TF_TRY(session.add(key, material.der.reveal()));
        return session.bundle(std::move(key));
    });
}

Result<KeyBundle> KeyVault::rotate(const Caller& caller, const std::string& name) {
    const auto asked = request("Rotate", caller, "rotate", name);
    return serve<KeyBundle>(asked, [&](KeySession& session) -> Result<KeyBundle> {
        TF_ASSIGN(const KeyVersion before, session.find(name, ""));
        TF_ASSIGN(Material material, generate(before.bits()));

        TF_ASSIGN(const auto lock, session.store.lock());
        TF_ASSIGN(const KeyVersion latest, session.find(name, ""));
        // New material, same type, operations and tags; enabled, without dates; even where the
        // latest is disabled or expired: it is the way out.
        KeyVersion key;
        key.name = latest.name;
        key.kty = latest.kty;
        key.key_ops = latest.key_ops;
        key.tags = latest.tags;
        key.n = std::move(material.n);
        key.e = std::move(material.e);
        TF_TRY(session.add(key, material.der.reveal()));
        return session.bundle(std::move(key));
    });
}

Result<KeyBundle> KeyVault::get(const Caller& caller, const std::string& name,
                                const std::string& version) {
    const auto asked = request("Get", caller, "get", name, version);
    return serve<KeyBundle>(asked, [&](KeySession& session) -> Result<KeyBundle> {
        TF_ASSIGN(KeyVersion key, session.find(name, version));
        return session.bundle(std::move(key));
    });
}

Result<KeyBundle> KeyVault::update(const Caller& caller, const std::string& name,
                                   const std::string& version, const KeyChange& change) {
    const auto asked = request("Update", caller, "update", name, version);
    return serve<KeyBundle>(asked, [&](KeySession& session) -> Result<KeyBundle> {
        if (change.tags) TF_TRY(check_tags(*change.tags));
        TF_ASSIGN(const auto ops, checked_ops(change.key_ops.value_or(all_key_ops())));

        TF_ASSIGN(const auto lock, session.store.lock());
        TF_ASSIGN(KeyVersion key, session.find(name, version));
        if (change.key_ops) key.key_ops = ops;
        if (change.enabled) key.enabled = *change.enabled;
        if (change.nbf) key.nbf = *change.nbf;
        if (change.exp) key.exp = *change.exp;
        if (change.tags) key.tags = *change.tags;
        if (change.nbf || change.exp) TF_TRY(check_dates(key.nbf, key.exp));
        key.updated = session.now;
        TF_TRY(session.store.put(key));
        return session.bundle(std::move(key));
    });
}

}  // namespace twofold::cloud

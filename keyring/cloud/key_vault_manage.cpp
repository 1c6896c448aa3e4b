#include "base/hex.h"
#include "base/log.h"
#include "keyring/cloud/session.h"
#include "keyring/crypto/random.h"
#include "keyring/crypto/rsa.h"

// The requests that show and change keys. The cryptography is in key_vault.cpp.
namespace twofold::cloud {
namespace {

using Shelf = KeyStore::Shelf;

constexpr std::size_t kTagsMax = 15;
constexpr std::size_t kTagTextMax = 256;
constexpr UnixSeconds kDay = 86400;

Failure bad(std::string what) { return refuse(Answer::bad_parameter, std::move(what)); }

Result<void> check_tags(const Tags& tags) {
    if (tags.size() > kTagsMax) return bad(fmt::format("a key has at most {} tags", kTagsMax));
    for (const auto& [name, value] : tags)
        if (name.empty() || name.size() > kTagTextMax || value.size() > kTagTextMax)
            return bad(
                fmt::format("a tag's name and value have at most {} characters", kTagTextMax));
    return {};
}

Result<void> check_dates(std::optional<UnixSeconds> nbf, std::optional<UnixSeconds> exp) {
    if ((nbf && *nbf < 0) || (exp && *exp < 0)) return bad("a date before 1970");
    if (nbf && exp && *exp <= *nbf) return bad("a key must not expire before it is valid");
    return {};
}

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

// Seconds of work for the larger sizes: before any lock is taken.
Result<Material> generate(int bits) {
    TF_ASSIGN(const auto rsa, crypto::Rsa::generate(bits));
    Material out;
    TF_ASSIGN(out.n, rsa.modulus());
    TF_ASSIGN(out.e, rsa.exponent());
    TF_ASSIGN(out.der, rsa.private_der());
    return out;
}

Result<void> put_material(KeyVersion& key, const Material& material) {
    TF_ASSIGN(const Uuid version, crypto::KernelRandom().uuid());
    key.version = version.hex();
    key.n = material.n;
    key.e = material.e;
    return {};
}

}  // namespace

Result<KeyBundle> KeyVault::create(const Caller& caller, const NewKey& what) {
    const Request request{"KeyCreate", caller, "create", what.name};
    return serve<KeyBundle>(request, [&](Session& session) -> Result<KeyBundle> {
        TF_TRY(check(what));
        KeyVersion key;
        key.name = what.name;
        TF_ASSIGN(key.key_ops, checked_ops(what.key_ops.value_or(all_key_ops())));
        key.enabled = what.enabled;
        key.nbf = what.nbf;
        key.exp = what.exp;
        key.tags = what.tags;
        key.created = key.updated = session.now;
        TF_ASSIGN(const Material material, generate(what.bits));
        TF_TRY(put_material(key, material));

        TF_ASSIGN(const auto lock, session.store.lock());
        TF_TRY(session.clear_purged(what.name));
        TF_ASSIGN(const bool there, session.store.has(Shelf::keys, what.name));
        if (there) {
            TF_ASSIGN(const KeyVersion latest, session.find(what.name, ""));
            key.name = latest.name;
            key.sequence = latest.sequence + 1;
        }
        TF_TRY(session.seal(key, material.der));
        TF_TRY(there ? session.store.put(key) : session.store.create(key));
        return session.bundle(std::move(key));
    });
}

Result<KeyBundle> KeyVault::rotate(const Caller& caller, const std::string& name) {
    const Request request{"KeyRotate", caller, "rotate", name};
    return serve<KeyBundle>(request, [&](Session& session) -> Result<KeyBundle> {
        TF_ASSIGN(const KeyVersion before, session.find(name, ""));
        TF_ASSIGN(const Material material, generate(before.bits()));

        TF_ASSIGN(const auto lock, session.store.lock());
        TF_ASSIGN(const KeyVersion latest, session.find(name, ""));
        // New material, same type, operations and tags; enabled, without dates; even where the
        // latest is disabled or expired: it is the way out.
        KeyVersion key;
        key.name = latest.name;
        key.kty = latest.kty;
        key.key_ops = latest.key_ops;
        key.tags = latest.tags;
        key.sequence = latest.sequence + 1;
        key.created = key.updated = session.now;
        TF_TRY(put_material(key, material));
        TF_TRY(session.seal(key, material.der));
        TF_TRY(session.store.put(key));
        return session.bundle(std::move(key));
    });
}

Result<KeyBundle> KeyVault::get(const Caller& caller, const std::string& name,
                                const std::string& version) {
    const Request request{"KeyGet", caller, "get", name, version};
    return serve<KeyBundle>(request, [&](Session& session) -> Result<KeyBundle> {
        TF_ASSIGN(KeyVersion key, session.find(name, version));
        return session.bundle(std::move(key));
    });
}

Result<std::vector<KeyBundle>> KeyVault::list(const Caller& caller) {
    const Request request{"KeyList", caller, "list"};
    using List = std::vector<KeyBundle>;
    return serve<List>(request, [&](Session& session) -> Result<List> {
        TF_ASSIGN(const auto names, session.store.names(Shelf::keys));
        List out;
        for (const std::string& name : names)  // what does not parse is in the log
            if (auto key = session.find(name, "")) out.push_back(session.bundle(std::move(*key)));
        return out;
    });
}

Result<std::vector<KeyBundle>> KeyVault::list_versions(const Caller& caller,
                                                       const std::string& name) {
    const Request request{"KeyListVersions", caller, "list", name};
    using List = std::vector<KeyBundle>;
    return serve<List>(request, [&](Session& session) -> Result<List> {
        TF_ASSIGN(const auto files, session.locate_all(name));
        List out;
        for (const auto& file : files) {
            TF_ASSIGN(KeyVersion key, session.load(Shelf::keys, name, file));
            out.push_back(session.bundle(std::move(key)));
        }
        return out;
    });
}

Result<KeyBundle> KeyVault::update(const Caller& caller, const std::string& name,
                                   const std::string& version, const KeyChange& change) {
    const Request request{"KeyUpdate", caller, "update", name, version};
    return serve<KeyBundle>(request, [&](Session& session) -> Result<KeyBundle> {
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

Result<KeyBundle> KeyVault::remove(const Caller& caller, const std::string& name) {
    const Request request{"KeyDelete", caller, "delete", name};
    return serve<KeyBundle>(request, [&](Session& session) -> Result<KeyBundle> {
        TF_ASSIGN(const auto lock, session.store.lock());
        TF_ASSIGN(KeyVersion key, session.find(name, ""));
        KeyBundle out = session.bundle(std::move(key));
        if (!session.settings.soft_delete) {
            TF_TRY(session.store.remove(Shelf::keys, name));
            return out;
        }
        TF_TRY(session.clear_purged(name));  // one deleted before under this name
        out.deleted = session.now;
        out.scheduled_purge = session.now + session.settings.retention_days * kDay;
        TF_TRY(session.store.shelve(name, {*out.deleted, *out.scheduled_purge}));
        return out;
    });
}

Result<KeyBundle> KeyVault::get_deleted(const Caller& caller, const std::string& name) {
    const Request request{"KeyGetDeleted", caller, "get", name};
    return serve<KeyBundle>(request,
                            [&](Session& session) { return session.deleted_bundle(name); });
}

Result<std::vector<KeyBundle>> KeyVault::list_deleted(const Caller& caller) {
    const Request request{"KeyListDeleted", caller, "list"};
    using List = std::vector<KeyBundle>;
    return serve<List>(request, [&](Session& session) -> Result<List> {
        TF_ASSIGN(const auto names, session.store.names(Shelf::deleted));
        List out;
        for (const std::string& name : names)
            if (auto bundle = session.deleted_bundle(name)) out.push_back(std::move(*bundle));
        return out;
    });
}

Result<KeyBundle> KeyVault::recover(const Caller& caller, const std::string& name) {
    const Request request{"KeyRecover", caller, "recover", name};
    return serve<KeyBundle>(request, [&](Session& session) -> Result<KeyBundle> {
        TF_ASSIGN(const auto lock, session.store.lock());
        TF_ASSIGN(KeyBundle out, session.deleted_bundle(name));
        auto recovered = session.store.recover(name);
        if (!recovered && recovered.error().code == Errc::exists)
            return refuse(Answer::conflict, session.label(name) + ": exists already");
        TF_TRY(std::move(recovered));
        out.deleted.reset();
        out.scheduled_purge.reset();
        return out;
    });
}

Result<void> KeyVault::purge(const Caller& caller, const std::string& name) {
    const Request request{"KeyPurge", caller, "purge", name};
    return serve<void>(request, [&](Session& session) -> Result<void> {
        TF_ASSIGN(const auto lock, session.store.lock());
        TF_ASSIGN(const auto when, session.deletion(name));
        if (session.settings.purge_protection)
            return refuse(Answer::purge_protected,
                          fmt::format("{}: purge protection is on; the vault purges it at {}",
                                      session.label(name), iso8601(when.scheduled_purge)));
        return session.store.remove(Shelf::deleted, name);
    });
}

}  // namespace twofold::cloud

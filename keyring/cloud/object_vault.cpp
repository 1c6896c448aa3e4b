#include "keyring/cloud/object_vault.h"

#include "keyring/cloud/session.h"

namespace twofold::cloud {
namespace {

constexpr UnixSeconds kDay = 86400;

}  // namespace

Result<void> check_tags(const Tags& tags) {
    if (tags.size() > ObjectVersion::kTagsMax)
        return refuse(Answer::bad_parameter,
                      fmt::format("{} tags: at most {}", tags.size(), ObjectVersion::kTagsMax));
    for (const auto& [name, value] : tags)
        if (name.empty() || name.size() > ObjectVersion::kTagTextMax ||
            value.size() > ObjectVersion::kTagTextMax)
            return refuse(Answer::bad_parameter,
                          fmt::format("a tag's name and value have at most {} characters",
                                      ObjectVersion::kTagTextMax));
    return {};
}

Result<void> check_dates(std::optional<UnixSeconds> nbf, std::optional<UnixSeconds> exp) {
    if ((nbf && *nbf < 0) || (exp && *exp < 0))
        return refuse(Answer::bad_parameter, "a date before 1970");
    if (nbf && exp && *exp <= *nbf)
        return refuse(Answer::bad_parameter, "a version must not expire before it is valid");
    return {};
}

template <class Version>
Result<typename ObjectVault<Version>::Bundles> ObjectVault<Version>::list(const Caller& caller) {
    return serve<Bundles>(request("List", caller, "list"), [&](auto& session) -> Result<Bundles> {
        TF_ASSIGN(const auto names, session.store.names(session.live));
        Bundles out;
        for (const std::string& name : names)  // what does not parse is in the log
            if (auto found = session.find(name, ""))
                out.push_back(session.bundle(std::move(*found)));
        return out;
    });
}

template <class Version>
Result<typename ObjectVault<Version>::Bundles> ObjectVault<Version>::list_versions(
    const Caller& caller, const std::string& name) {
    return serve<Bundles>(
        request("ListVersions", caller, "list", name), [&](auto& session) -> Result<Bundles> {
            TF_ASSIGN(const auto files, session.locate_all(name));
            Bundles out;
            for (const auto& file : files) {
                TF_ASSIGN(Version version, session.load(session.live, name, file));
                out.push_back(session.bundle(std::move(version)));
            }
            return out;
        });
}

template <class Version>
Result<Bundle<Version>> ObjectVault<Version>::remove(const Caller& caller,
                                                     const std::string& name) {
    return serve<Bundle<Version>>(
        request("Delete", caller, "delete", name), [&](auto& session) -> Result<Bundle<Version>> {
            TF_ASSIGN(const auto lock, session.store.lock());
            TF_ASSIGN(Version version, session.find(name, ""));
            Bundle<Version> out = session.bundle(std::move(version));
            if (!session.settings.soft_delete) {
                TF_TRY(session.store.remove(session.live, name));
                return out;
            }
            TF_TRY(session.clear_purged(name));  // one deleted before under this name
            out.deleted = session.now;
            out.scheduled_purge = session.now + session.settings.retention_days * kDay;
            TF_TRY(session.store.shelve(name, {*out.deleted, *out.scheduled_purge}));
            return out;
        });
}

template <class Version>
Result<Bundle<Version>> ObjectVault<Version>::get_deleted(const Caller& caller,
                                                          const std::string& name) {
    return serve<Bundle<Version>>(request("GetDeleted", caller, "get", name),
                                  [&](auto& session) { return session.deleted_bundle(name); });
}

template <class Version>
Result<typename ObjectVault<Version>::Bundles> ObjectVault<Version>::list_deleted(
    const Caller& caller) {
    return serve<Bundles>(request("ListDeleted", caller, "list"),
                          [&](auto& session) -> Result<Bundles> {
                              TF_ASSIGN(const auto names, session.store.names(session.deleted));
                              Bundles out;
                              for (const std::string& name : names)
                                  if (auto bundle = session.deleted_bundle(name))
                                      out.push_back(std::move(*bundle));
                              return out;
                          });
}

template <class Version>
Result<Bundle<Version>> ObjectVault<Version>::recover(const Caller& caller,
                                                      const std::string& name) {
    return serve<Bundle<Version>>(
        request("Recover", caller, "recover", name), [&](auto& session) -> Result<Bundle<Version>> {
            TF_ASSIGN(const auto lock, session.store.lock());
            TF_ASSIGN(Bundle<Version> out, session.deleted_bundle(name));
            auto recovered = session.store.recover(name);
            if (!recovered && recovered.error().code == Errc::exists)
                return refuse(Answer::conflict, session.label(name) + ": exists already");
            TF_TRY(std::move(recovered));
            out.deleted.reset();
            out.scheduled_purge.reset();
            return out;
        });
}

template <class Version>
Result<void> ObjectVault<Version>::purge(const Caller& caller, const std::string& name) {
    return serve<void>(request("Purge", caller, "purge", name), [&](auto& session) -> Result<void> {
        TF_ASSIGN(const auto lock, session.store.lock());
        TF_ASSIGN(const auto when, session.deletion(name));
        if (session.settings.purge_protection)
            return refuse(Answer::purge_protected,
                          fmt::format("{}: purge protection is on; the vault purges it at {}",
                                      session.label(name), iso8601(when.scheduled_purge)));
        return session.store.remove(session.deleted, name);
    });
}

template class ObjectVault<KeyVersion>;
template class ObjectVault<SecretVersion>;

}  // namespace twofold::cloud

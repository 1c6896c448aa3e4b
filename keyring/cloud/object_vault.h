#pragma once

#include <string>
#include <vector>

#include "keyring/cloud/data_plane.h"
#include "keyring/cloud/object_version.h"

namespace twofold::cloud {

template <class Version>
struct ObjectSession;

// What a vault offers for its keys and its secrets alike; see KeyVault and SecretVault. Each call
// is one request.
template <class Version>
class ObjectVault {
public:
    // `host`: the authority that produced identifiers carry.
    ObjectVault(const Cloud& cloud, std::string name, std::string host)
        : plane_(cloud, std::move(name), std::move(host)) {}
    ObjectVault(const Cloud& cloud, const std::string& name)
        : ObjectVault(cloud, name, host_of_vault(name)) {}

    const std::string& name() const { return plane_.name(); }

    using Bundles = std::vector<Bundle<Version>>;
    Result<Bundles> list(const Caller& caller);  // the newest version of each
    Result<Bundles> list_versions(const Caller& caller, const std::string& name);
    Result<Bundle<Version>> remove(const Caller& caller,
                                   const std::string& name);  // soft, where it is on
    Result<Bundle<Version>> get_deleted(const Caller& caller, const std::string& name);
    Result<Bundles> list_deleted(const Caller& caller);
    Result<Bundle<Version>> recover(const Caller& caller, const std::string& name);
    Result<void> purge(const Caller& caller, const std::string& name);

protected:
    // `body` takes the ObjectSession of a request that was let in.
    template <class T, class Body>
    Result<T> serve(const Request& request, Body body);
    // `operation`: "Get".
    static Request request(std::string_view operation, const Caller& caller,
                           std::string_view permission, const std::string& name = {},
                           const std::string& version = {}) {
        return {Version::kKind, std::string(words_of(Version::kKind).operation).append(operation),
                caller,         permission,
                name,           version};
    }

private:
    DataPlane plane_;
};

// 400 where a request gives a key or a secret what it can't have.
Result<void> check_tags(const Tags& tags);
Result<void> check_dates(std::optional<UnixSeconds> nbf, std::optional<UnixSeconds> exp);

}  // namespace twofold::cloud

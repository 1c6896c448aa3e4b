#pragma once

#include <optional>
#include <string>
#include <vector>

#include "keyring/cloud/cloud.h"

namespace twofold::cloud {

// A managed identity: who asks a vault. What a policy names is the object id, so an identity made
// again under an old name is another one.
struct Identity {
    enum class Kind { user_assigned, system_assigned };

    std::string name;       // as first written; unique without regard to case
    std::string object_id;  // GUID; az calls it principalId
    std::string client_id;  // GUID
    Kind kind = Kind::user_assigned;
    std::string owner;  // system-assigned: the resource it lives and dies with
    std::string location;
    bool enabled = true;
    std::string address;  // where its requests come from, for a vault's firewall
    UnixSeconds created = 0;
    std::string document;  // the file as it was read: members we do not know stay in it

    std::string resource_id() const;
    static Result<Identity> parse(std::string_view text, std::string_view where);
    std::string to_text() const;
};

// The directory identities/, one file each. Writers exclude each other; readers never wait.
class Identities {
public:
    explicit Identities(const Cloud& cloud) : cloud_(cloud) {}

    struct New {
        std::string name;
        Identity::Kind kind = Identity::Kind::user_assigned;
        std::string owner;
        std::string location = std::string(kLocation);
    };
    // Errc::exists; Errc::invalid for a bad name (3 to 128 letters, digits, - and _).
    Result<Identity> create(const New& what);
    // By name, object id, client id or resource id. Errc::not_found.
    Result<Identity> find(const std::string& name_or_id) const;
    // Nothing where there is none; what a vault asks on each request.
    Result<std::optional<Identity>> with_object_id(const std::string& object_id) const;
    Result<std::vector<Identity>> list() const;  // by name
    // Its consumers lose access with the next request.
    Result<void> remove(const std::string& name);

private:
    const Cloud& cloud_;
};

}  // namespace twofold::cloud

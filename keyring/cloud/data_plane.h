#pragma once

#include <memory>
#include <string>

#include "keyring/cloud/cloud.h"
#include "keyring/cloud/permissions.h"
#include "keyring/cloud/vault_settings.h"

namespace twofold::cloud {

// Who asks. The creator made the vault and has every permission; everybody else is an identity.
struct Caller {
    std::string object_id;  // empty: the creator
    static Caller creator() { return {}; }
    static Caller identity(std::string object_id) { return {std::move(object_id)}; }
    bool is_creator() const { return object_id.empty(); }
};

// What a caller asks for, as the checks and the audit log need it.
struct Request {
    Kind kind;
    std::string operation;  // "KeyGet"
    const Caller& caller;
    std::string_view permission;  // "get"
    std::string name = {};        // of the key or secret; empty where it is about all of them
    std::string version = {};
};

// A request that was let in: the vault as it is now.
struct Admitted {
    VaultSettings settings;
    std::unique_ptr<io::Directory> directory;
    UnixSeconds now;
    std::string host;
};

// The way into one vault, the same for keys and secrets: identity, vault, firewall, permission and
// the form of the name are checked, in this order; and each request, refused ones too, is a line of
// the vault's audit log. Thread-safe, also between processes.
class DataPlane {
public:
    // `host`: the authority that produced identifiers carry.
    DataPlane(const Cloud& cloud, std::string name, std::string host)
        : cloud_(cloud), name_(std::move(name)), host_(std::move(host)) {}

    const std::string& name() const { return name_; }

    // Lets the request in, carries it out with `body(admitted)`, and writes the audit log.
    template <class T, class Body>
    Result<T> serve(const Request& request, Body body) const {
        const auto started = cloud_.clock().monotonic();
        Result<T> result = [&]() -> Result<T> {
            TF_ASSIGN(Admitted admitted, admit(request));
            return body(std::move(admitted));
        }();
        audit(request, result ? nullptr : &result.error(), started);
        return result;
    }

private:
    Result<Admitted> admit(const Request& request) const;
    void audit(const Request& request, const Error* error, std::chrono::nanoseconds started) const;

    const Cloud& cloud_;
    std::string name_, host_;
};

// N of vN, a version by its sequence; nothing for another form.
std::optional<std::uint32_t> sequence_of(std::string_view version);

}  // namespace twofold::cloud

#pragma once

#include <optional>
#include <string>

#include "keyring/cloud/object_vault.h"
#include "keyring/cloud/secret_version.h"
#include "keyring/crypto/secret.h"

namespace twofold::cloud {

struct NewSecret {
    std::string name;
    std::string content_type;  // at most 255 bytes
    bool enabled = true;
    std::optional<UnixSeconds> nbf, exp;
    Tags tags;
};

// Members that are absent are left alone; an inner nullopt clears the date.
struct SecretChange {
    std::optional<std::string> content_type;
    std::optional<bool> enabled;
    std::optional<std::optional<UnixSeconds>> nbf, exp;
    std::optional<Tags> tags;
};

// The secrets of one vault; all that KeyVault says of requests holds here, with the permissions on
// secrets. The value is text, as it travels in JSON: UTF-8, 1 byte to 25 KiB. It is shown by get
// alone, and only while the version is enabled; nbf and exp block nothing.
//
// Each set is a version, kept until the whole secret is deleted and purged: Key Vault has no way to
// drop one, nor a limit to their number. A version is a file of about 1 KiB and 4/3 of the value;
// finding the newest reads the directory's list of names.
class SecretVault : public ObjectVault<SecretVersion> {
public:
    using ObjectVault::ObjectVault;

    struct WithValue {
        SecretBundle bundle;
        crypto::SecretBytes value;
    };
    Result<SecretBundle> set(const Caller& caller, const NewSecret& secret, Bytes value);
    Result<WithValue> get(const Caller& caller, const std::string& name,
                          const std::string& version);
    // Needs the permission to set.
    Result<SecretBundle> update(const Caller& caller, const std::string& name,
                                const std::string& version, const SecretChange& change);
};

}  // namespace twofold::cloud

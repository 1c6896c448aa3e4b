#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "keyring/cloud/kind.h"
#include "keyring/cloud/sealing.h"

namespace twofold::cloud {

using Tags = std::map<std::string, std::string>;

// What versions of keys and of secrets have in common: a file of JSON in the vault, what is secret
// of it sealed.
struct ObjectVersion {
    std::string name;            // of the key or secret, as first written
    std::string version;         // 32 hex digits
    std::uint32_t sequence = 1;  // "latest" is the highest
    bool enabled = true;
    std::optional<UnixSeconds> nbf, exp;
    UnixSeconds created = 0, updated = 0;
    Tags tags;
    Sealed sealed;         // the private key, or the value
    std::string document;  // the file as it was read: members we do not know stay in it

    static constexpr std::size_t kTagsMax = 15;
    static constexpr std::size_t kTagTextMax = 256;  // bytes of a tag's name, and of its value

protected:
    // False: not such a version. `sealed_max`: bytes of ciphertext.
    bool parse_common(const nlohmann::json& object, std::size_t sealed_max);
    // The file as it was read, with these members as they are now.
    nlohmann::json common_json() const;
};

// A version as the vault shows it, which is without what is sealed; deleted ones say when.
template <class Version>
struct Bundle {
    Version version;   // `sealed` and `document` are empty
    std::string host;  // the authority that the client used
    std::string recovery_level;
    int recoverable_days = 0;
    std::optional<UnixSeconds> deleted, scheduled_purge;

    std::string base_id() const { return path(words_of(Version::kKind).shelf); }
    std::string id() const { return base_id() + "/" + version.version; }
    std::string recovery_id() const { return path(words_of(Version::kKind).deleted); }

private:
    std::string path(std::string_view shelf) const {
        return fmt::format("https://{}/{}/{}", host, shelf, version.name);
    }
};

}  // namespace twofold::cloud

#pragma once

#include <string>
#include <vector>

#include "tools/twofold/node_disks.h"

namespace twofold::cli {

// From the words of `rotate`: name, version and vault, each empty where it is to stay as it is. All
// empty: the newest version of the same key, versionless or full as before.
struct TargetWords {
    int layer = 2;
    std::string key_name, key_version, vault_uri;
    std::string key_identifier;  // in place of the three; may stand in key_name as well

    std::string to_json() const;
    static Result<TargetWords> parse(std::string_view json);  // Errc::usage
};

// What shall wrap a layer's data key from now on.
struct Target {
    crypto::Layer layer = crypto::Layer::two;
    keyring::KeyId key;           // versionless: its newest version
    bool stay_versioned = false;  // store the version that this is now, not "the newest"
};
// Errc::usage, Errc::refused by the profile.
Result<Target> choose_target(const fs::Deployment& deployment, const TargetWords& words);

// Rewraps in the store and in every image of the deployment: the open ones through `open`, the
// others by opening them. Takes the store's lock. On a refusal nothing has changed, and a run that
// was cut off is completed by the next. Leaves an event.
Result<keyring::RewrapReport> rotate(Session& session, keyring::Keyring& keys, const Target& target,
                                     std::vector<OpenDisk>& open);

std::string to_json(const keyring::RewrapReport& report);

}  // namespace twofold::cli

#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/twofold/session.h"

namespace twofold::cli {

// A deployment as JSON, as the store, the note and the keyring's records tell it; no vault is
// asked. A running mount adds what it knows: see Daemon.
//
//     {"deployment": id, "store", "profile", ..., "mounted": false,
//      "nodes": [{"name", "mounted", "mountpoint", "since"}],
//      "keys":  [{"layer", "reference", "inUse": full identifier, "state", "since", "cause"}],
//      "disks": [{"name", "node", "role", "size", "layer1", "layer2", "state", "warning"}],
//      "alerts": [{"alert", "subject", "text", "since"}]}
nlohmann::json describe(const fs::Deployment& deployment, const fs::TrustNote& note,
                        const std::string& store, const keyring::Keyring& keys);

// One layer's key. `state` is the keyring's only where it has been asked: in a running mount.
nlohmann::json describe_key(const keyring::LayerStatus& status, bool mounted);

// The same for people.
std::string status_text(const nlohmann::json& status);

}  // namespace twofold::cli

#pragma once

#include <string>

#include "fs/disk/anchor_place.h"
#include "tools/twofold/session.h"

namespace twofold::cli {

// The place of a disk's anchor, as this machine's note says where anchors are kept: never as the
// store says, since what lies there may be the thief's. Asks nobody yet. Refers to `session`.
Result<fs::AnchorPlace> anchor_place(Session& session, const std::string& node,
                                     const std::string& disk);
// Likewise in a home that may not be noted (yet, or any more).
Result<fs::AnchorPlace> anchor_place(Session& session, const std::optional<fs::AnchorVault>& home,
                                     const std::string& node, const std::string& disk);

// Where the anchors of a deployment shall be: as secrets in the vault of the customer's key, if the
// deployment's identity may get and set secrets there, else in the local state directory. For
// whoever makes or adopts a deployment to note and to tell; afterwards the note alone counts.
struct AnchorHome {
    std::optional<fs::AnchorVault> vault;  // nothing: here
    std::string told;                      // one line: where, and why not in a vault
};
// `customer`: the key of layer 2, or null where there is none. Errors of the vault.
Result<AnchorHome> choose_anchor_home(keyring::CloudVaults& vaults, const fs::LayerKey* customer,
                                      const fs::LocalState& state);

// "vault contoso-kv", or "this machine".
std::string shown(const std::optional<fs::AnchorVault>& home);

}  // namespace twofold::cli

#pragma once

#include <string>

#include "fs/disk/anchor_place.h"
#include "tools/twofold/session.h"

namespace twofold::cli {

// The place of a disk's anchor, as this machine's note says where anchors are kept: never as the
// store says, since what lies there may be the thief's. Asks nobody yet. Refers to `session`.
Result<fs::AnchorPlace> anchor_place(Session& session, const std::string& node,
                                     const std::string& disk);

}  // namespace twofold::cli

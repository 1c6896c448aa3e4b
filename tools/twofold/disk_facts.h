#pragma once

#include <string>

#include "fs/deployment/note.h"

namespace twofold::cli {

// "AES-256-XTS", "XChaCha20-Poly1305", "XAES-256-GCM", or "-" for an absent layer.
std::string_view display_name(fs::Suite suite);

// The suites of a disk's newest keyset as noted; both none where the disk is not noted.
fs::KeysetNote newest_keyset(const fs::TrustNote& note, const std::string& disk);

}  // namespace twofold::cli

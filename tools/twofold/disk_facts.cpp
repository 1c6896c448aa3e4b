#include "tools/twofold/disk_facts.h"

namespace twofold::cli {

std::string_view display_name(fs::Suite suite) {
    switch (suite) {
        case fs::Suite::none:
            return "-";
        case fs::Suite::xchacha20_poly1305:
            return "XChaCha20-Poly1305";
        case fs::Suite::xaes_256_gcm:
            return "XAES-256-GCM";
        case fs::Suite::aes_256_xts:
            return "AES-256-XTS";
    }
    return "?";
}

fs::KeysetNote newest_keyset(const fs::TrustNote& note, const std::string& disk) {
    const auto known = note.disk(disk);
    if (!known || (*known)->note.keysets.empty()) return {};
    return (*known)->note.keysets.back();
}

}  // namespace twofold::cli

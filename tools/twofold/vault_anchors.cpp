#include "tools/twofold/vault_anchors.h"

#include <array>

#include "keyring/crypto/encoding.h"
#include "keyring/crypto/kdf.h"

namespace twofold::cli {
namespace {

constexpr std::string_view kNone = "none";  // no record encodes to this: all are longer

}  // namespace

std::string VaultAnchorStore::secret_name(const Uuid& deployment, const std::string& node,
                                          const std::string& disk) {
    constexpr std::array<std::byte, 1> kSeparator{};
    const std::array<Bytes, 3> parts{as_bytes(node), kSeparator, as_bytes(disk)};
    return fmt::format("twofold-anchor-{}-{}", deployment.hex(),
                       to_hex(Bytes(crypto::sha256(parts)).first<16>()));
}

VaultAnchorStore::VaultAnchorStore(std::unique_ptr<keyring::Vault> vault, const Uuid& deployment,
                                   const std::string& node, const std::string& disk)
    : vault_(std::move(vault)),
      secret_(secret_name(deployment, node, disk)),
      content_type_(fmt::format("twofold anchor of {}/{}", node, disk)) {}

Result<std::optional<std::vector<std::byte>>> VaultAnchorStore::load() {
    TF_ASSIGN(const auto secret, vault_->get_secret(secret_, ""));
    if (!secret || as_text(secret->value.reveal()) == kNone)
        return std::optional<std::vector<std::byte>>();
    const Bytes value = secret->value.reveal();
    auto record = crypto::from_base64url(as_text(value));
    // What else somebody put there is no record, which is for whoever reads records to say.
    if (!record) return std::optional(std::vector<std::byte>(value.begin(), value.end()));
    return std::optional(std::move(*record));
}

Result<void> VaultAnchorStore::save(Bytes record) { return set(crypto::to_base64url(record)); }

Result<void> VaultAnchorStore::forget() {
    TF_ASSIGN(const auto record, load());
    if (!record) return {};
    return set(kNone);
}

Result<void> VaultAnchorStore::set(std::string_view value) {
    TF_TRY(vault_->set_secret(secret_, as_bytes(value), content_type_));
    return {};
}

}  // namespace twofold::cli

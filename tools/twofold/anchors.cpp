#include "tools/twofold/anchors.h"

#include "tools/twofold/vault_anchors.h"

namespace twofold::cli {

Result<fs::AnchorPlace> anchor_place(Session& session, const std::string& node,
                                     const std::string& disk) {
    return anchor_place(session, session.note().anchors, node, disk);
}

Result<fs::AnchorPlace> anchor_place(Session& session, const std::optional<fs::AnchorVault>& home,
                                     const std::string& node, const std::string& disk) {
    const Uuid& deployment = session.deployment().id;
    if (!home) return fs::AnchorPlace{session.state().anchor(deployment, node, disk), node, disk};
    TF_ASSIGN(auto vault, session.vaults().open(home->host, home->identity));
    return fs::AnchorPlace{
        std::make_shared<VaultAnchorStore>(std::move(vault), deployment, node, disk), node, disk};
}

Result<AnchorHome> choose_anchor_home(keyring::CloudVaults& vaults, const fs::LayerKey* customer,
                                      const fs::LocalState& state) {
    const auto here = [&](const std::string& why) {
        return AnchorHome{{}, fmt::format("anchors  kept in {}: {}", state.path(), why)};
    };
    if (customer == nullptr) return here("the deployment has no vault of its own");
    TF_ASSIGN(const auto config, to_config(*customer));
    const std::string host = config.reference.host();
    TF_ASSIGN(const auto vault, vaults.open(host, customer->identity_id));
    TF_ASSIGN(const auto missing, vault->missing_permissions({{}, {"get", "set"}}));
    if (missing.secrets.empty()) {
        const fs::AnchorVault home{host, customer->identity_id};
        return AnchorHome{home, fmt::format("anchors  kept as secrets in {}", shown(home))};
    }
    std::string lacking;
    for (const std::string& permission : missing.secrets)
        lacking += (lacking.empty() ? "" : ", ") + permission;
    return here(fmt::format("identity {} lacks secret permissions in vault {}: {}",
                            customer->identity_name, keyring::vault_name_of(host), lacking));
}

std::string shown(const std::optional<fs::AnchorVault>& home) {
    if (!home) return "this machine";
    const std::string name = keyring::vault_name_of(home->host);
    return "vault " + (name.empty() ? home->host : name);
}

}  // namespace twofold::cli

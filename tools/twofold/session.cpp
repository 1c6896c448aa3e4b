#include "tools/twofold/session.h"

#include <algorithm>

namespace twofold::cli {
namespace {

// The store may not name a vault that the note does not: whoever can write to the store would
// choose who is asked.
Result<void> check_vaults(const fs::Deployment& deployment, const fs::TrustNote& note) {
    for (const crypto::Layer layer : kLayers) {
        const auto& key = layer_of(deployment, layer);
        if (!key) continue;
        TF_ASSIGN(const keyring::LayerConfig config, to_config(*key));
        const auto& trusted = layer_of(note, layer)->vaults;
        for (const auto* id : {&config.reference,
                               config.next_reference ? &*config.next_reference : &config.reference})
            if (std::none_of(trusted.begin(), trusted.end(), [&](const auto& host) {
                    return keyring::same_host(host, id->host());
                }))
                return fail(Error{Errc::substituted,
                                  fmt::format("deployment.json: layer {}: vault {} is not the one "
                                              "that this machine noted",
                                              number_of(layer), id->host()),
                                  "if that change is yours: twofold adopt STORE",
                                  0,
                                  {}});
    }
    return {};
}

Result<void> compare(const fs::Store& store, const fs::TrustNote& note) {
    auto same = note.check(store.deployment());
    if (same) same = check_vaults(store.deployment(), note);
    if (!same) return fail(std::move(same).error().in("store " + store.path()));
    return {};
}

}  // namespace

Result<std::unique_ptr<Session>> Session::open(const Context& context, const std::string& path) {
    const std::string whole = absolute_path(path);
    TF_ASSIGN(fs::Store store, fs::Store::open(whole));
    const fs::LocalState state(context.state_directory());
    TF_ASSIGN(fs::TrustNote note, state.load(store.deployment().id, whole));
    return with_note(context, std::move(store), std::move(note));
}

Result<std::unique_ptr<Session>> Session::with_note(const Context& context, fs::Store store,
                                                    fs::TrustNote note) {
    TF_TRY(compare(store, note));
    const std::string cloud =
        context.cloud_is_given() ? context.cloud_directory() : store.deployment().cloud;
    return std::unique_ptr<Session>(new Session(std::move(store), std::move(note),
                                                fs::LocalState(context.state_directory()), cloud));
}

Result<std::unique_ptr<io::HeldLock>> Session::reload_under(
    Result<std::unique_ptr<io::HeldLock>> lock) {
    if (!lock) return lock;
    TF_TRY(store_.reload());
    TF_ASSIGN(note_, state_.load(deployment().id, store_.path()));
    TF_TRY(compare(store_, note_));
    return lock;
}

Result<std::unique_ptr<io::HeldLock>> Session::lock() { return reload_under(store_.lock()); }

Result<std::unique_ptr<io::HeldLock>> Session::try_lock() {
    return reload_under(store_.try_lock());
}

Result<void> Session::save_note(fs::TrustNote note) {
    TF_TRY(state_.save(note));
    note_ = std::move(note);
    return {};
}

Result<std::unique_ptr<keyring::Keyring>> Session::open_keyring() {
    const auto expectation =
        [this](crypto::Layer layer) -> Result<std::optional<keyring::Keyring::LayerExpectation>> {
        const auto& key = layer_of(deployment(), layer);
        const auto& trusted = layer_of(note_, layer);
        if (!key || !trusted) return std::optional<keyring::Keyring::LayerExpectation>();
        TF_ASSIGN(keyring::LayerConfig config, to_config(*key));
        return std::optional(
            keyring::Keyring::LayerExpectation{std::move(config), to_note(*trusted)});
    };
    TF_ASSIGN(auto directory, store_.keyring());
    TF_ASSIGN(auto layer1, expectation(crypto::Layer::one));
    TF_ASSIGN(auto layer2, expectation(crypto::Layer::two));
    return keyring::Keyring::open(std::move(directory),
                                  {deployment().id, vaults_, random_, clock(), {}},
                                  std::move(layer1), std::move(layer2));
}

Result<keyring::LayerConfig> to_config(const fs::LayerKey& key) {
    const auto identifier = [](const std::string& text) -> Result<keyring::KeyId> {
        auto id = keyring::KeyId::parse(text);
        if (!id) return fail(Errc::damaged, "deployment.json: {}", id.error().what);
        return id;
    };
    TF_ASSIGN(keyring::KeyId reference, identifier(key.reference));
    std::optional<keyring::KeyId> next;
    if (!key.next_reference.empty()) {
        TF_ASSIGN(next, identifier(key.next_reference));
    }
    return keyring::LayerConfig{std::move(reference), std::move(next), key.identity_id};
}

keyring::LayerNote to_note(const fs::TrustedLayer& layer) {
    return {layer.dek, layer.commitment, layer.vaults};
}

fs::TrustedLayer to_trusted(const keyring::LayerNote& note, const std::string& identity) {
    return {note.dek, note.commitment, note.vaults, identity};
}

}  // namespace twofold::cli

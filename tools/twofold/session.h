#pragma once

#include <memory>
#include <string>

#include "fs/deployment/note.h"
#include "fs/deployment/store.h"
#include "keyring/crypto/random.h"
#include "keyring/ring/keyring.h"
#include "keyring/vault/cloud_vaults.h"
#include "tools/twofold/context.h"

namespace twofold::cli {

// A deployment as a command works with it: the store compared with what this machine noted of it,
// and the vaults of its cloud directory. Stays where it is, as a keyring refers into it.
class Session {
public:
    // Opens the store, compares it with the note. Asks no vault. Errors of fs::Store::open,
    // fs::LocalState::load and fs::TrustNote::check.
    static Result<std::unique_ptr<Session>> open(const Context& context, const std::string& path);

    // With a note that is not (yet) kept; compared all the same. For `adopt`.
    static Result<std::unique_ptr<Session>> with_note(const Context& context, fs::Store store,
                                                      fs::TrustNote note);

    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    fs::Store& store() { return store_; }
    const fs::Deployment& deployment() const { return store_.deployment(); }
    const fs::TrustNote& note() const { return note_; }
    const fs::LocalState& state() const { return state_; }
    keyring::CloudVaults& vaults() { return vaults_; }
    crypto::RandomSource& random() { return random_; }
    const Clock& clock() const { return vaults_.clock(); }
    UnixSeconds now() const { return clock().now(); }

    // Takes the store's lock and reads the store and the note once more under it.
    Result<std::unique_ptr<io::HeldLock>> lock();
    Result<std::unique_ptr<io::HeldLock>> try_lock();
    // Notes it outside the store, then keeps it here.
    Result<void> save_note(fs::TrustNote note);

    // The keyring as configured and noted; asks no vault.
    Result<std::unique_ptr<keyring::Keyring>> open_keyring();

    void record(const fs::Event& event) { store_.note(now(), event); }

private:
    Session(fs::Store store, fs::TrustNote note, fs::LocalState state, const std::string& cloud)
        : store_(std::move(store)),
          note_(std::move(note)),
          state_(std::move(state)),
          vaults_(cloud) {}
    Result<std::unique_ptr<io::HeldLock>> reload_under(Result<std::unique_ptr<io::HeldLock>> lock);

    fs::Store store_;
    fs::TrustNote note_;
    fs::LocalState state_;
    keyring::CloudVaults vaults_;
    crypto::KernelRandom random_;
};

// Between the words of the store and the note, which know no keyring, and the keyring's.
Result<keyring::LayerConfig> to_config(const fs::LayerKey& key);
keyring::LayerNote to_note(const fs::TrustedLayer& layer);
fs::TrustedLayer to_trusted(const keyring::LayerNote& note, const std::string& identity);

// The layer's entry of a deployment or a note.
template <class Holder>
auto& layer_of(Holder& holder, crypto::Layer layer) {
    return layer == crypto::Layer::one ? holder.layer1 : holder.layer2;
}
inline constexpr crypto::Layer kLayers[] = {crypto::Layer::one, crypto::Layer::two};
inline int number_of(crypto::Layer layer) { return static_cast<int>(layer); }

}  // namespace twofold::cli

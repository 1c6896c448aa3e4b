#include "keyring/ring/keyring.h"

#include "keyring/ring/rotation.h"
#include "keyring/ring/state.h"

namespace twofold::keyring {
namespace {

using crypto::Layer;

constexpr std::size_t kDekSize = 32;

// A layer's first record, which nothing has been written of yet.
struct NewLayer {
    LayerConfig config;
    LayerNote note;
    WrappedKey record;
};

Failure no_such_layer(Layer layer) {
    return fail(Errc::key_unavailable, "layer {}: this deployment has none",
                static_cast<int>(layer));
}

Result<NewLayer> make_layer(const Keyring::Options& options, Layer layer, LayerConfig config) {
    TF_ASSIGN(const auto vault, options.vaults.open(config.reference.host(), config.identity));
    TF_ASSIGN(
        const KeyBundle target,
        usable_target(*vault, config.reference, rules_for(options, layer), options.clock.now()));
    if (!config.reference.versionless()) config.reference = target.id;  // a vN is stored in full

    TF_ASSIGN(const auto dek, crypto::SecretBytes::random(kDekSize));
    LayerNote note;
    TF_ASSIGN(note.dek.id, options.random.uuid());
    TF_ASSIGN(note.commitment,
              crypto::deployment_commitment(options.deployment, layer, note.dek.id, dek.reveal()));
    note.vaults = {target.id.host()};
    WrappedKey record{.generation = 1,
                      .layer = layer,
                      .dek = note.dek,
                      .kid = target.id,
                      .wrapped = {},
                      .key_check = key_check_of(note.commitment),
                      .created = options.clock.now(),
                      .reference = config.reference,
                      .identity = config.identity};
    TF_TRY(wrap_and_prove(*vault, target.id, dek, record));
    return NewLayer{std::move(config), std::move(note), std::move(record)};
}

}  // namespace

std::string_view name_of(KeyState state) {
    switch (state) {
        case KeyState::waiting:
            return "waiting";
        case KeyState::unlocked:
            return "unlocked";
        case KeyState::degraded:
            return "degraded";
        case KeyState::locked:
            return "locked";
        case KeyState::failed:
            return "failed";
    }
    return "failed";
}

Keyring::Keyring(std::unique_ptr<State> state) : state_(std::move(state)) {}
Keyring::~Keyring() = default;

Result<std::unique_ptr<Keyring>> Keyring::create(std::unique_ptr<io::Directory> directory,
                                                 Options options, std::optional<LayerConfig> layer1,
                                                 std::optional<LayerConfig> layer2) {
    std::vector<std::pair<Layer, NewLayer>> made;
    if (layer1) {
        TF_ASSIGN(auto layer, make_layer(options, Layer::one, std::move(*layer1)));
        made.emplace_back(Layer::one, std::move(layer));
    }
    if (layer2) {
        TF_ASSIGN(auto layer, make_layer(options, Layer::two, std::move(*layer2)));
        made.emplace_back(Layer::two, std::move(layer));
    }
    // The vaults have said yes to everything; only now is anything written.
    auto state = std::make_unique<State>(std::move(directory), std::move(options));
    std::vector<std::string> written;
    for (auto& [which, fresh] : made) {
        KeyringLayer& layer = state->add(which, std::move(fresh.config), std::move(fresh.note));
        if (auto stored = create_record(layer, fresh.record); !stored) {
            for (const std::string& name : written) (void)state->directory->unlink(name);
            return fail(std::move(stored).error());
        }
        written.push_back(layer.file_name());
        layer.in_force(std::move(fresh.record));
    }
    return std::unique_ptr<Keyring>(new Keyring(std::move(state)));
}

Result<std::unique_ptr<Keyring>> Keyring::open(std::unique_ptr<io::Directory> directory,
                                               Options options,
                                               std::optional<LayerExpectation> layer1,
                                               std::optional<LayerExpectation> layer2) {
    auto state = std::make_unique<State>(std::move(directory), std::move(options));
    if (layer1) state->add(Layer::one, std::move(layer1->config), std::move(layer1->note));
    if (layer2) state->add(Layer::two, std::move(layer2->config), std::move(layer2->note));
    for (KeyringLayer* layer : state->all()) TF_TRY(layer->refresh());
    return std::unique_ptr<Keyring>(new Keyring(std::move(state)));
}

std::vector<std::string> Keyring::findings() const {
    std::vector<std::string> out;
    for (const KeyringLayer* layer : state_->all())
        if (auto finding = layer->finding()) out.push_back(std::move(*finding));
    return out;
}

std::vector<std::string> Keyring::left_overs() const {
    std::vector<std::string> out;
    for (const KeyringLayer* layer : state_->all())
        if (auto left = layer->left_over()) out.push_back(std::move(*left));
    return out;
}

Result<void> Keyring::unlock() {
    for (KeyringLayer* layer : state_->all()) TF_TRY(layer->unlock());
    return {};
}

void Keyring::forget() {
    for (KeyringLayer* layer : state_->all()) layer->forget();
}

Result<crypto::SecretBytes> Keyring::unwrap(Layer layer, const crypto::Envelope& envelope) {
    KeyringLayer* at = state_->find(layer);
    return at == nullptr ? no_such_layer(layer) : at->unwrap(envelope);
}

Result<crypto::KeySource::Current> Keyring::current(Layer layer) {
    KeyringLayer* at = state_->find(layer);
    return at == nullptr ? no_such_layer(layer) : at->current();
}

bool Keyring::has(Layer layer) const { return state_->find(layer) != nullptr; }

LayerStatus Keyring::status(Layer layer) const {
    const KeyringLayer* at = state_->find(layer);
    TF_CHECK(at != nullptr);
    return at->status();
}

Result<LayerNote> Keyring::note(Layer layer) const {
    const KeyringLayer* at = state_->find(layer);
    return at == nullptr ? no_such_layer(layer) : Result<LayerNote>(at->note());
}

Result<KeyId> Keyring::key_of(const crypto::Envelope& envelope) {
    TF_ASSIGN(const WrappedKey record, WrappedKey::parse(envelope.record));
    return record.kid;
}

Result<void> Keyring::refresh(Layer layer) {
    KeyringLayer* at = state_->find(layer);
    return at == nullptr ? no_such_layer(layer) : at->refresh();
}

Result<void> Keyring::check(Layer layer) {
    KeyringLayer* at = state_->find(layer);
    return at == nullptr ? no_such_layer(layer) : at->check();
}

Result<KeyBundle> Keyring::resolve(Layer layer, const KeyId& target) {
    KeyringLayer* at = state_->find(layer);
    return at == nullptr ? no_such_layer(layer) : resolve_target(*at, target);
}

Result<std::optional<KeyId>> Keyring::newer_version(Layer layer) {
    KeyringLayer* at = state_->find(layer);
    return at == nullptr ? no_such_layer(layer) : find_newer_version(*at);
}

Result<RewrapReport> Keyring::rewrap(Layer layer, const KeyId& target,
                                     const std::vector<EnvelopeHolder*>& holders) {
    KeyringLayer* at = state_->find(layer);
    if (at == nullptr) return no_such_layer(layer);
    const std::scoped_lock hold(state_->rotating);
    return rewrap_layer(*at, target, holders);
}

void Keyring::allow_vault(Layer layer, const std::string& host) {
    if (KeyringLayer* at = state_->find(layer)) at->allow_vault(host);
}

void Keyring::configured(Layer layer, const KeyId& reference) {
    if (KeyringLayer* at = state_->find(layer)) at->configured(reference);
}

}  // namespace twofold::keyring

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "keyring/ring/keyring.h"
#include "keyring/vault/cloud_vaults.h"
#include "tests/keyring/cloud/test_cloud.h"

namespace twofold::keyring {

using crypto::Layer;

// A disk header's envelope, in memory, that can be told to fail.
class FakeHolder final : public EnvelopeHolder {
public:
    FakeHolder(std::string name, crypto::Envelope envelope)
        : name_(std::move(name)), envelope_(std::move(envelope)) {}
    std::string name() const override { return name_; }
    Result<crypto::Envelope> envelope(Layer) override { return envelope_; }
    Result<void> rewrap(
        Layer, Bytes record,
        const std::function<Result<void>(const crypto::Envelope&)>& proof) override {
        if (fails) return fail(Errc::io, "no more disk");
        crypto::Envelope next{
            envelope_.generation + 1, envelope_.dek, {record.begin(), record.end()}};
        TF_TRY(proof(next));
        envelope_ = std::move(next);
        ++rewraps;
        return {};
    }
    KeyId key() const { return must(Keyring::key_of(envelope_)); }

    bool fails = false;
    int rewraps = 0;

private:
    std::string name_;
    crypto::Envelope envelope_;
};

// A deployment with both layers in a cloud of its own: vault contoso-kv, key kek1, identity
// kafka-id.
class RingTest : public testing::Test {
protected:
    RingTest() {
        identity = cloud.add_identity("kafka-id");
        cloud.grant(identity, {"get", "wrapKey", "unwrapKey"});
        cloud.add_key("kek1");
        must(cloud::VaultRegistry(cloud.cloud).ensure_platform());
        cloud.add_key("pmk", "platform");  // of 2048 bits: the usual 3072 take a second to make
        platform = std::make_unique<CloudVaults::PlatformKey>(must(vaults.platform_key()));
        must(store.directory().make_directory("keyring"));
    }

    KeyId key(const std::string& name, const std::string& version = "",
              const std::string& vault = "contoso-kv") {
        return must(KeyId::from_parts("https://" + vault + ".vault.azure.net", name, version));
    }
    std::string newest(const std::string& name) {
        return must(cloud.keys.get(cloud::Caller::creator(), name, "")).version.version;
    }
    Keyring::Options options() { return {deployment, vaults, random, vaults.clock(), {}}; }
    std::unique_ptr<io::Directory> keyring_directory() {
        return must(store.directory().open_directory("keyring"));
    }
    LayerConfig platform_config() {
        return {platform->reference, {}, platform->identity.object_id};
    }
    Result<std::unique_ptr<Keyring>> try_create(const KeyId& reference) {
        return Keyring::create(keyring_directory(), options(), platform_config(),
                               LayerConfig{reference, {}, identity.object_id});
    }
    void create(const KeyId& reference) {
        ring = must(try_create(reference), "create");
        config = LayerConfig{ring->status(Layer::two).reference, {}, identity.object_id};
        note1 = must(ring->note(Layer::one));
        note2 = must(ring->note(Layer::two));
    }
    Result<std::unique_ptr<Keyring>> try_open() {
        return Keyring::open(keyring_directory(), options(),
                             Keyring::LayerExpectation{platform_config(), note1},
                             Keyring::LayerExpectation{*config, note2});
    }
    void reopen() { ring = must(try_open(), "open"); }
    crypto::Envelope envelope(Layer layer = Layer::two) {
        return must(ring->current(layer)).envelope;
    }
    FakeHolder& add_holder(const std::string& name) {
        holders_.push_back(std::make_unique<FakeHolder>(name, envelope()));
        return *holders_.back();
    }
    std::vector<EnvelopeHolder*> holders() {
        std::vector<EnvelopeHolder*> out;
        for (const auto& holder : holders_) out.push_back(holder.get());
        return out;
    }
    // Every byte of the store's records, to see that nothing has changed.
    std::string store_bytes() {
        auto directory = keyring_directory();
        return must(directory->read_text("layer1", 65536)) +
               must(directory->read_text("layer2", 65536));
    }

    cloud::TestCloud cloud;
    TestDirectory store;
    crypto::KernelRandom random;
    CloudVaults vaults{cloud.directory.path()};
    const Uuid deployment = must(random.uuid());
    cloud::Identity identity;
    std::unique_ptr<CloudVaults::PlatformKey> platform;
    std::unique_ptr<Keyring> ring;
    std::optional<LayerConfig> config;
    LayerNote note1, note2;

private:
    std::vector<std::unique_ptr<FakeHolder>> holders_;
};

}  // namespace twofold::keyring

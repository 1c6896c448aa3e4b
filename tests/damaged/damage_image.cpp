// Makes a store's image malformed inside a sound shell, in a test: as who holds every key, which it
// has the vaults of the cloud directory unwrap as the store's own identities.
//
//     damage_image CLOUD STORE IMAGE CASE      a name of make_damaged --list, or of a record
#include <cstdio>

#include "base/io/io.h"
#include "keyring/crypto/secret.h"
#include "keyring/envelope/record_file.h"
#include "keyring/envelope/wrapped_key.h"
#include "keyring/vault/cloud_vaults.h"
#include "tests/damaged/bench.h"
#include "tests/support/matchers.h"

namespace twofold::damage {
namespace {

using crypto::Layer;

// The DEKs of a store, whatever an envelope says.
class StoreKeys final : public crypto::KeySource {
public:
    StoreKeys(const std::string& cloud, const std::string& store) {
        keyring::CloudVaults vaults(cloud);
        for (const Layer layer : {Layer::one, Layer::two}) {
            auto file = io::open_posix_file(store + "/keyring/layer" + std::to_string(int(layer)),
                                            io::Access::read_only, io::Create::no, io::Lock::none);
            if (!file) continue;  // the store has no such layer
            const auto record = must(keyring::RecordFile::open(std::move(*file)));
            const auto wrapped = must(keyring::WrappedKey::parse(record.record()));
            const auto vault = must(vaults.open(wrapped.kid.host(), wrapped.identity));
            deks_[layer == Layer::one ? 0 : 1] =
                must(vault->unwrap(wrapped.kid.name(), wrapped.kid.version(), wrapped.wrapped));
        }
    }
    Result<crypto::SecretBytes> unwrap(Layer layer, const crypto::Envelope&) override {
        auto copy = must(crypto::SecretBytes::zeroed(32));
        std::ranges::copy(deks_[layer == Layer::one ? 0 : 1].reveal(),
                          copy.reveal_mutable().begin());
        return copy;
    }
    Result<Current> current(Layer layer) override {
        TF_ASSIGN(auto dek, unwrap(layer, {}));
        return Current{std::move(dek), {}};
    }

private:
    std::array<crypto::SecretBytes, 2> deks_;
};

int damage(const std::string& cloud, const std::string& store, const std::string& image,
           const std::string& name) {
    auto all = all_malformed();
    for (Malformed& one : malformed_records()) all.push_back(std::move(one));
    for (const Malformed& one : all) {
        if (one.name != name) continue;
        StoreKeys keys(cloud, store);
        const auto file = must(io::open_posix_file(image, io::Access::read_write, io::Create::no,
                                                   io::Lock::exclusive));
        Bench bench(*file, keys);
        one.make(bench);
        return 0;
    }
    std::fprintf(stderr, "damage_image: no malformed image is called %s\n", name.c_str());
    return 1;
}

}  // namespace
}  // namespace twofold::damage

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    twofold::must(twofold::crypto::start());
    return twofold::damage::damage(argv[1], argv[2], argv[3], argv[4]);
}

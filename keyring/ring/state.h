#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "keyring/ring/layer.h"

namespace twofold::keyring {

struct Keyring::State {
    State(std::unique_ptr<io::Directory> keyring_directory, Options keyring_options)
        : directory(std::move(keyring_directory)), options(std::move(keyring_options)) {}

    KeyringLayer& add(crypto::Layer which, LayerConfig config, LayerNote note) {
        auto& slot = which == crypto::Layer::one ? one : two;
        slot = std::make_unique<KeyringLayer>(which, options, *directory, std::move(config),
                                              std::move(note));
        return *slot;
    }
    KeyringLayer* find(crypto::Layer which) const {
        return which == crypto::Layer::one ? one.get() : two.get();
    }
    std::vector<KeyringLayer*> all() const {
        std::vector<KeyringLayer*> out;
        for (KeyringLayer* layer : {one.get(), two.get()})
            if (layer != nullptr) out.push_back(layer);
        return out;
    }

    const std::unique_ptr<io::Directory> directory;
    const Options options;
    std::unique_ptr<KeyringLayer> one, two;
    std::mutex rotating;  // one rotation at a time in this process; the record's lock is for others
};

}  // namespace twofold::keyring

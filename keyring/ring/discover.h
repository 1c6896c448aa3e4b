#pragma once

#include "keyring/ring/keyring.h"

namespace twofold::keyring {

// What a store's record says of a layer's DEK where nothing was noted of it yet: for `adopt`, whose
// operator is shown it before it is trusted. Asks the vault that the record itself names, as
// `identity`, for one unwrap; the DEK must fit the record's own key check, and is then forgotten.
struct FoundLayer {
    LayerNote note;  // the record's vault alone
    KeyId in_use;    // full
};
Result<FoundLayer> discover(io::Directory& directory, const Uuid& deployment, crypto::Layer layer,
                            Vaults& vaults, const std::string& identity);

}  // namespace twofold::keyring

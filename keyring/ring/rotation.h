#pragma once

#include "keyring/ring/layer.h"

namespace twofold::keyring {

// The steps of making a layer's record and of changing the key that wraps it (key vault rules for
// every rotation; disk format, section 10).

KeyRules rules_for(const Keyring::Options& options, crypto::Layer layer);

// Whether a key can take over: enabled, wrapKey and unwrapKey allowed, inside its window
// (Errc::key_*, as the vault would answer), RSA of an allowed size (Errc::refused).
Result<void> check_target(const KeyBundle& key, const KeyRules& rules, UnixSeconds now);
// The key that `reference` means, checked. One call.
Result<KeyBundle> usable_target(Vault& vault, const KeyId& reference, const KeyRules& rules,
                                UnixSeconds now);

// Wraps `dek` with the target, takes the identifier from the answer, and unwraps once as a check.
// Fills record.kid and record.wrapped. Two calls.
Result<void> wrap_and_prove(Vault& vault, const KeyId& target, const crypto::SecretBytes& dek,
                            WrappedKey& record);

// Writes a layer's record where there is none.
Result<void> create_record(const KeyringLayer& layer, const WrappedKey& record);

Result<KeyBundle> resolve_target(KeyringLayer& layer, const KeyId& target);
Result<std::optional<KeyId>> find_newer_version(KeyringLayer& layer);
Result<RewrapReport> rewrap_layer(KeyringLayer& layer, const KeyId& target,
                                  const std::vector<EnvelopeHolder*>& holders);

}  // namespace twofold::keyring

#pragma once

#include <cstdint>
#include <vector>

#include "base/hex.h"
#include "keyring/crypto/secret.h"

namespace twofold::crypto {

enum class Layer : std::uint8_t {
    one = 1,
    two = 2
};  // one: the platform's, outer; two: the customer's

// A data encryption key as a disk header speaks of it.
struct DekName {
    Uuid id;
    std::uint32_t generation = 1;  // grows by one when the DEK itself is replaced

    bool operator==(const DekName&) const = default;
};

// What an image header stores in an envelope: how one DEK is wrapped. `record` is JSON for the
// keyring and opaque to everybody else; at most kRecordSizeMax bytes.
struct Envelope {
    static constexpr std::size_t kRecordSizeMax = 3936;
    std::uint64_t generation = 0;  // one more at each rewrap
    DekName dek;
    std::vector<std::byte> record;
};

// Where disks get keys from, by name. Disks never learn of vaults; tests hand in fixed keys.
class KeySource {
public:
    virtual ~KeySource() = default;
    // The DEK (32 bytes) that `envelope` wraps. The source may answer from memory when it holds the
    // DEK of that name; the caller checks the commitment in every case before any other use.
    // Errc::key_* and vault_unreachable: not now. Errc::wrong_key: this envelope opens nothing.
    virtual Result<SecretBytes> unwrap(Layer layer, const Envelope& envelope) = 0;
    // The DEK under which new disks are made, with the envelope to store in them.
    struct Current {
        SecretBytes dek;
        Envelope envelope;
    };
    virtual Result<Current> current(Layer layer) = 0;
};

// The deployment's commitment to a DEK (disk format, section 5): HKDF-Expand(HKDF-Extract(salt =
// deployment id, DEK), "twofold/1/deployment" || 0 || u8 layer || DEK id, 32). Its first 16 bytes
// are the keyCheck of a wrapped-DEK record.
Result<std::array<std::byte, 32>> deployment_commitment(const Uuid& deployment, Layer layer,
                                                        const Uuid& dek_id, Bytes dek);

}  // namespace twofold::crypto

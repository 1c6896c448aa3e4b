#include "keyring/crypto/key_source.h"

#include <cstring>

#include "keyring/crypto/kdf.h"

namespace twofold::crypto {

Result<std::array<std::byte, 32>> deployment_commitment(const Uuid& deployment, Layer layer,
                                                        const Uuid& dek_id, Bytes dek) {
    constexpr std::string_view kLabel("twofold/1/deployment", 21);  // its zero byte included
    std::array<std::byte, kLabel.size() + 1 + 16> info;
    Writer w(info);
    w.bytes(as_bytes(kLabel));
    w.u8(static_cast<std::uint8_t>(layer));
    w.bytes(dek_id.bytes);
    TF_ASSIGN(const SecretBytes prk, hkdf_extract(deployment.bytes, dek));
    TF_ASSIGN(const SecretBytes derived, hkdf_expand(prk.reveal(), info, 32));
    std::array<std::byte, 32> commitment;
    std::memcpy(commitment.data(), derived.reveal().data(), commitment.size());
    return commitment;
}

}  // namespace twofold::crypto

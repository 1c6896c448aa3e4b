#pragma once

#include <array>
#include <vector>

#include "base/io/io.h"
#include "keyring/crypto/aead.h"
#include "keyring/crypto/secret.h"

namespace twofold::cloud {

// What a vault keeps sealed on disk: private keys and the values of secrets.
struct Sealed {
    crypto::Nonce nonce{};
    std::array<std::byte, crypto::kTagSize> tag{};
    std::vector<std::byte> ciphertext;
};

// A vault's own master secret, the file `master-secret` (32 random bytes, mode 0600), and the
// sealing under it: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with a random 192-bit nonce. It
// stands for the hardware that guards a real vault; it is what keeps private keys out of backups,
// greps and editors, not out of the hands of who owns the directory.
class MasterSecret {
public:
    static Result<void> create(io::Directory& vault);
    // Errc::damaged: of another size.
    static Result<MasterSecret> load(io::Directory& vault);

    // `associated` says what is sealed and where: what was moved to another place does not open.
    Result<Sealed> seal(Bytes associated, Bytes plain) const;
    // Errc::unauthentic.
    Result<crypto::SecretBytes> open(Bytes associated, const Sealed& sealed) const;

private:
    explicit MasterSecret(std::unique_ptr<crypto::Aead> cipher) : cipher_(std::move(cipher)) {}
    std::unique_ptr<crypto::Aead> cipher_;
};

}  // namespace twofold::cloud

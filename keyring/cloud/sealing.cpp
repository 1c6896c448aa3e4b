#include "keyring/cloud/sealing.h"

#include "keyring/crypto/random.h"

namespace twofold::cloud {
namespace {

constexpr const char* kFile = "master-secret";
constexpr std::size_t kSize = 32;

}  // namespace

Result<void> MasterSecret::create(io::Directory& vault) {
    TF_ASSIGN(const auto secret, crypto::SecretBytes::random(kSize));
    TF_ASSIGN(const auto file, vault.open_file(kFile, io::Access::read_write,
                                               io::Create::must_not_exist, io::Lock::none));
    TF_TRY(file->write(0, secret.reveal()));
    return file->sync();
}

Result<MasterSecret> MasterSecret::load(io::Directory& vault) {
    TF_ASSIGN(const auto file,
              vault.open_file(kFile, io::Access::read_only, io::Create::no, io::Lock::none));
    TF_ASSIGN(const std::uint64_t size, file->size());
    if (size != kSize)
        return fail(Errc::damaged, "{}/{}: {} bytes, {} expected", vault.path(), kFile, size,
                    kSize);
    TF_ASSIGN(auto secret, crypto::SecretBytes::zeroed(kSize));
    TF_TRY(file->read(0, secret.reveal_mutable()));
    TF_ASSIGN(auto cipher, crypto::make_xchacha20_poly1305_sodium(std::move(secret)));
    return MasterSecret(std::move(cipher));
}

Result<Sealed> MasterSecret::seal(Bytes associated, Bytes plain) const {
    Sealed out;
    TF_TRY(crypto::KernelRandom().fill(out.nonce));
    out.ciphertext.resize(plain.size());
    TF_TRY(cipher_->seal(out.nonce, associated, plain, out.ciphertext, out.tag));
    return out;
}

Result<crypto::SecretBytes> MasterSecret::open(Bytes associated, const Sealed& sealed) const {
    TF_ASSIGN(auto plain, crypto::SecretBytes::zeroed(sealed.ciphertext.size()));
    TF_TRY(cipher_->open(sealed.nonce, associated, sealed.ciphertext, sealed.tag,
                         plain.reveal_mutable()));
    return plain;
}

}  // namespace twofold::cloud

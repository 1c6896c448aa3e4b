#include <algorithm>
#include <cstring>
#include <vector>

#include "keyring/crypto/openssl_aead.h"
#include "keyring/crypto/per_thread.h"

namespace twofold::crypto {

namespace {

constexpr std::size_t kAesBlockSize = 16;
constexpr std::size_t kPrefixSize = 12;  // of the nonce, for the subkey; the rest is GCM's nonce
constexpr std::size_t kSubkeysKept = 4;  // a thread and key; each set up takes 1.1 KiB of the arena
using AesBlock = std::array<std::byte, kAesBlockSize>;

// AES-256 of one or two blocks, each by itself.
Result<void> encrypt_blocks(EVP_CIPHER_CTX* context, Bytes in, MutableBytes out) {
    int done = 0;
    if (EVP_EncryptUpdate(context, uc(out), &done, uc(in), static_cast<int>(in.size())) != 1 ||
        static_cast<std::size_t>(done) != in.size())
        return openssl_failure("XAES-256-GCM subkey");
    return {};
}

// XAES-256-GCM, c2sp.org/XAES-256-GCM: AES-256-GCM under a key derived from the first 12 bytes of
// the nonce (NIST SP 800-108r1 in counter mode over CMAC, of which one block each remains), with
// the last 12 as nonce. The names L, K1, M1, M2 and Kx are the specification's.
class Xaes256Gcm final : public Aead {
public:
    explicit Xaes256Gcm(SecretBytes key) : key_(std::move(key)) {}

    Result<void> seal(NonceView nonce, Bytes associated, Bytes in, MutableBytes out,
                      MutableTag tag) const override {
        return with_subkey(nonce, [&](AeadContext& context) {
            return context.seal(nonce.subspan<kPrefixSize>(), associated, in, out, tag);
        });
    }

    Result<void> open(NonceView nonce, Bytes associated, Bytes in, TagView tag,
                      MutableBytes out) const override {
        return with_subkey(nonce, [&](AeadContext& context) {
            return context.open(nonce.subspan<kPrefixSize>(), associated, in, tag, out);
        });
    }

private:
    struct Subkey {
        std::array<std::byte, kPrefixSize> prefix;
        AeadContext context;
    };
    // A writer needs one subkey an epoch, a reader one for each epoch it meets: the last few used,
    // newest first. The oldest is overwritten by the next.
    struct Keyed {
        CipherContext derive;  // AES-256 under the key itself
        SecretBytes k1;
        std::vector<Subkey> subkeys;
    };

    template <class Use>
    Result<void> with_subkey(NonceView nonce, Use use) const {
        const auto make = [this] { return make_keyed(); };
        return contexts_.with(make, [&](Keyed& keyed) -> Result<void> {
            TF_TRY(bring_to_front(keyed, nonce.first<kPrefixSize>()));
            return use(keyed.subkeys.front().context);
        });
    }

    Result<void> bring_to_front(Keyed& keyed, Bytes prefix) const {
        auto& subkeys = keyed.subkeys;
        if (!subkeys.empty() && equal(subkeys.front().prefix, prefix)) return {};
        auto found = std::find_if(subkeys.begin(), subkeys.end(),
                                  [&](const Subkey& s) { return equal(s.prefix, prefix); });
        if (found == subkeys.end()) {
            TF_TRY(set_up(keyed, prefix));
            found = subkeys.end() - 1;
        }
        std::rotate(subkeys.begin(), found, found + 1);
        return {};
    }

    // Leaves the subkey of `prefix` last.
    Result<void> set_up(Keyed& keyed, Bytes prefix) const {
        std::array<std::byte, 32> subkey;
        Result<void> done = derive(keyed, prefix, subkey);
        if (done) done = set_key(keyed.subkeys, subkey);
        wipe(subkey);
        if (done) std::memcpy(keyed.subkeys.back().prefix.data(), prefix.data(), kPrefixSize);
        return done;
    }

    Result<void> set_key(std::vector<Subkey>& subkeys, Bytes subkey) const {
        if (subkeys.size() == kSubkeysKept) {
            Result<void> done = subkeys.back().context.rekey(subkey);
            if (!done) subkeys.pop_back();
            return done;
        }
        TF_ASSIGN(AeadContext context, AeadContext::create(ciphers().aes_256_gcm, subkey));
        subkeys.push_back({{}, std::move(context)});
        return {};
    }

    // Kx = AES-256(M1 xor K1) || AES-256(M2 xor K1), Mi = 0x00 || i || 0x58 || 0x00 || prefix.
    static Result<void> derive(const Keyed& keyed, Bytes prefix, MutableBytes kx) {
        std::array<std::byte, 2 * kAesBlockSize> blocks{};
        for (std::size_t i = 0; i < 2; ++i) {
            const MutableBytes m = MutableBytes(blocks).subspan(i * kAesBlockSize, kAesBlockSize);
            m[1] = static_cast<std::byte>(i + 1);
            m[2] = std::byte{0x58};
            std::memcpy(m.data() + 4, prefix.data(), kPrefixSize);
            for (std::size_t j = 0; j < kAesBlockSize; ++j) m[j] ^= keyed.k1.reveal()[j];
        }
        Result<void> done = encrypt_blocks(keyed.derive.get(), blocks, kx);
        wipe(blocks);
        return done;
    }

    // K1 = L << 1 in GF(2^128), L = AES-256(0) (NIST SP 800-38B, section 6.1).
    Result<Keyed> make_keyed() const {
        CipherContext context(EVP_CIPHER_CTX_new());
        if (context == nullptr ||
            EVP_EncryptInit_ex2(context.get(), ciphers().aes_256_ecb, uc(key_.reveal()), nullptr,
                                nullptr) != 1 ||
            EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1)
            return openssl_failure("XAES-256-GCM context");
        TF_ASSIGN(SecretBytes k1, SecretBytes::zeroed(kAesBlockSize));
        const MutableBytes l = k1.reveal_mutable();
        TF_TRY(encrypt_blocks(context.get(), AesBlock{}, l));
        const std::byte carry = l[0] >> 7;
        for (std::size_t j = 0; j + 1 < kAesBlockSize; ++j) l[j] = l[j] << 1 | l[j + 1] >> 7;
        l[kAesBlockSize - 1] <<= 1;
        l[kAesBlockSize - 1] ^= static_cast<std::byte>(0x87 * std::to_integer<unsigned>(carry));
        Keyed keyed{std::move(context), std::move(k1), {}};
        keyed.subkeys.reserve(kSubkeysKept);
        return keyed;
    }

    SecretBytes key_;
    PerThread<Keyed> contexts_;
};

}  // namespace

Result<std::unique_ptr<Aead>> make_xaes_256_gcm(SecretBytes key) {
    if (key.size() != 32) return fail(Errc::invalid, "XAES-256-GCM: key of {} bytes", key.size());
    return std::make_unique<Xaes256Gcm>(std::move(key));
}

}  // namespace twofold::crypto

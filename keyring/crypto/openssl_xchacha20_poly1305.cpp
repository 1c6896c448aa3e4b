#include <sodium.h>

#include <cstring>

#include "keyring/crypto/openssl_aead.h"
#include "keyring/crypto/per_thread.h"

namespace twofold::crypto {

namespace {

constexpr std::size_t kPrefixSize = crypto_core_hchacha20_INPUTBYTES;
static_assert(kPrefixSize == 16);

// XChaCha20-Poly1305, draft-irtf-cfrg-xchacha-03, section 2.3: the subkey comes from the first 16
// bytes of the nonce by HChaCha20; the other 8, behind 4 zero bytes, are the nonce of RFC 8439. All
// nonces of one writing epoch share the 16 bytes, so that a thread keeps the last subkey set up.
class OpensslXchacha20Poly1305 final : public Aead {
public:
    explicit OpensslXchacha20Poly1305(SecretBytes key) : key_(std::move(key)) {}

    Result<void> seal(NonceView nonce, Bytes associated, Bytes in, MutableBytes out,
                      MutableTag tag) const override {
        return with_context(nonce, [&](AeadContext& context, Bytes short_nonce) {
            return context.seal(short_nonce, associated, in, out, tag);
        });
    }

    Result<void> open(NonceView nonce, Bytes associated, Bytes in, TagView tag,
                      MutableBytes out) const override {
        return with_context(nonce, [&](AeadContext& context, Bytes short_nonce) {
            return context.open(short_nonce, associated, in, tag, out);
        });
    }

private:
    struct Keyed {
        std::array<std::byte, kPrefixSize> prefix{};  // whose subkey the context has, if it has one
        std::optional<AeadContext> context;
    };

    template <class Use>
    Result<void> with_context(NonceView nonce, Use use) const {
        const auto make = [] { return Result<Keyed>(Keyed{}); };
        return contexts_.with(make, [&](Keyed& keyed) -> Result<void> {
            const Bytes prefix = nonce.first<kPrefixSize>();
            if (!keyed.context || !equal(keyed.prefix, prefix)) TF_TRY(set_subkey(keyed, prefix));
            std::array<std::byte, 12> short_nonce{};
            std::memcpy(short_nonce.data() + 4, nonce.data() + kPrefixSize, 8);
            return use(*keyed.context, Bytes(short_nonce));
        });
    }

    Result<void> set_subkey(Keyed& keyed, Bytes prefix) const {
        std::array<std::byte, 32> subkey;
        crypto_core_hchacha20(uc(MutableBytes(subkey)), uc(prefix), uc(key_.reveal()), nullptr);
        Result<void> done = set_key(keyed, subkey);
        wipe(subkey);
        if (done) std::memcpy(keyed.prefix.data(), prefix.data(), kPrefixSize);
        return done;
    }

    Result<void> set_key(Keyed& keyed, Bytes subkey) const {
        if (keyed.context) {
            Result<void> done = keyed.context->rekey(subkey);
            if (!done) keyed.context.reset();
            return done;
        }
        TF_ASSIGN(AeadContext context, AeadContext::create(ciphers().chacha20_poly1305, subkey));
        keyed.context = std::move(context);
        return {};
    }

    SecretBytes key_;
    PerThread<Keyed> contexts_;
};

}  // namespace

Result<std::unique_ptr<Aead>> make_xchacha20_poly1305_openssl(SecretBytes key) {
    if (key.size() != 32)
        return fail(Errc::invalid, "XChaCha20-Poly1305: key of {} bytes", key.size());
    return std::make_unique<OpensslXchacha20Poly1305>(std::move(key));
}

}  // namespace twofold::crypto

#include <algorithm>
#include <cstring>

#include "keyring/crypto/kdf.h"
#include "keyring/crypto/sodium_bytes.h"

namespace twofold::crypto {

namespace {

// HMAC over several parts; the state holds what the key became, so it is wiped.
class Hmac {
public:
    explicit Hmac(Bytes key) { crypto_auth_hmacsha256_init(&state_, not_null(key), key.size()); }
    ~Hmac() { sodium_memzero(&state_, sizeof state_); }
    Hmac(const Hmac&) = delete;
    Hmac& operator=(const Hmac&) = delete;

    Hmac& add(Bytes part) {
        crypto_auth_hmacsha256_update(&state_, not_null(part), part.size());
        return *this;
    }
    void finish(MutableBytes out) {
        TF_CHECK(out.size() == crypto_auth_hmacsha256_BYTES);
        crypto_auth_hmacsha256_final(&state_, uc(out));
    }

private:
    crypto_auth_hmacsha256_state state_;
};

}  // namespace

Result<SecretBytes> hkdf_extract(Bytes salt, Bytes input_key) {
    TF_ASSIGN(SecretBytes out, SecretBytes::zeroed(sizeof(Digest)));
    Hmac(salt).add(input_key).finish(out.reveal_mutable());
    return out;
}

Result<SecretBytes> hkdf_expand(Bytes pseudo_random_key, Bytes info, std::size_t size) {
    if (size == 0 || size > 255 * sizeof(Digest))
        return fail(Errc::invalid, "HKDF: {} bytes asked for", size);
    TF_ASSIGN(SecretBytes out, SecretBytes::zeroed(size));
    TF_ASSIGN(SecretBytes block, SecretBytes::zeroed(sizeof(Digest)));  // T(i) of the RFC
    Bytes previous;
    std::byte counter{1};
    for (MutableBytes rest = out.reveal_mutable(); !rest.empty();) {
        Hmac(pseudo_random_key)
            .add(previous)
            .add(info)
            .add(Bytes(&counter, 1))
            .finish(block.reveal_mutable());
        const std::size_t count = std::min(rest.size(), block.size());
        std::memcpy(rest.data(), block.reveal().data(), count);
        rest = rest.subspan(count);
        previous = block.reveal();
        counter = static_cast<std::byte>(std::to_integer<unsigned>(counter) + 1);
    }
    return out;
}

Result<Blake2b> Blake2b::create(SecretBytes key, std::string_view personal) {
    std::array<std::byte, crypto_generichash_blake2b_PERSONALBYTES> padded{};
    if (key.size() != 32) return fail(Errc::invalid, "BLAKE2b: key of {} bytes", key.size());
    if (personal.size() > padded.size())
        return fail(Errc::invalid, "BLAKE2b: personal string of {} bytes", personal.size());
    std::copy_n(as_bytes(personal).begin(), personal.size(), padded.begin());
    return Blake2b(std::move(key), padded);
}

void Blake2b::mac(std::span<const Bytes> parts, MutableBytes out) const {
    TF_CHECK(out.size() >= kSizeMin && out.size() <= kSizeMax);
    crypto_generichash_blake2b_state state;
    const Bytes key = key_.reveal();
    TF_CHECK(crypto_generichash_blake2b_init_salt_personal(&state, uc(key), key.size(), out.size(),
                                                           nullptr, uc(Bytes(personal_))) == 0);
    for (const Bytes part : parts)
        crypto_generichash_blake2b_update(&state, not_null(part), part.size());
    crypto_generichash_blake2b_final(&state, uc(out), out.size());
    sodium_memzero(&state, sizeof state);
}

bool Blake2b::verify(std::span<const Bytes> parts, Bytes expected) const {
    if (expected.size() < kSizeMin || expected.size() > kSizeMax) return false;
    std::array<std::byte, kSizeMax> buffer;
    const MutableBytes computed = MutableBytes(buffer).first(expected.size());
    mac(parts, computed);
    return equal_in_constant_time(computed, expected);
}

}  // namespace twofold::crypto

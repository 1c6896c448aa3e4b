#include "fs/seal/seal.h"

#include <cstring>

namespace twofold::fs {

namespace {

constexpr std::uint32_t kKeysetMax = 4095;  // format, section 4

Failure tag_failed(crypto::Layer layer) {
    return fail(Errc::unauthentic, "layer {}", static_cast<int>(layer));
}

// Suites 1 and 2. The associated data, format section 5: "TF1-DATA", disk id, u64 block, u32
// keyset, u8 layer, u8 suite, u16 0. It names the block, not the place in the file.
class AeadSeal final : public Seal {
public:
    AeadSeal(crypto::Layer layer, Suite suite, const Uuid& disk_id, std::uint32_t keyset,
             std::unique_ptr<crypto::Aead> aead)
        : layer_(layer), suite_(suite), aead_(std::move(aead)) {
        Writer w(associated_);
        w.bytes(as_bytes("TF1-DATA"));
        w.bytes(disk_id.bytes);
        TF_CHECK(w.offset() == kBlockOffset);
        w.u64_le(0);
        w.u32_le(keyset);
        w.u8(static_cast<std::uint8_t>(layer));
        w.u8(static_cast<std::uint8_t>(suite));
        w.u16_le(0);
        TF_CHECK(w.offset() == associated_.size());
    }

    crypto::Layer layer() const override { return layer_; }
    Suite suite() const override { return suite_; }

    Result<void> seal(BlockIndex index, crypto::NonceView nonce, MutableBytes unit,
                      crypto::MutableTag tag) const override {
        return aead_->seal(nonce, associated(index), unit, unit, tag);
    }

    Result<void> open(BlockIndex index, crypto::NonceView nonce, MutableBytes unit,
                      crypto::TagView tag) const override {
        auto opened = aead_->open(nonce, associated(index), unit, tag, unit);
        if (!opened && opened.error().code == Errc::unauthentic) return tag_failed(layer_);
        return opened;
    }

private:
    static constexpr std::size_t kBlockOffset = 24;
    using Associated = std::array<std::byte, 40>;

    Associated associated(BlockIndex index) const {
        Associated data = associated_;
        Writer(MutableBytes(data).subspan(kBlockOffset)).u64_le(index.value());
        return data;
    }

    const crypto::Layer layer_;
    const Suite suite_;
    Associated associated_;  // with block 0
    const std::unique_ptr<crypto::Aead> aead_;
};

// Suite 3. The block is not named: the authenticated layer inside does that.
class XtsSeal final : public Seal {
public:
    XtsSeal(crypto::Layer layer, std::unique_ptr<crypto::Xts> xts)
        : layer_(layer), xts_(std::move(xts)) {}

    crypto::Layer layer() const override { return layer_; }
    Suite suite() const override { return Suite::aes_256_xts; }

    Result<void> seal(BlockIndex, crypto::NonceView nonce, MutableBytes unit,
                      crypto::MutableTag tag) const override {
        std::memset(tag.data(), 0, tag.size());
        return xts_->encrypt(tweak(nonce), unit, unit);
    }

    Result<void> open(BlockIndex, crypto::NonceView nonce, MutableBytes unit,
                      crypto::TagView tag) const override {
        if (!all_zero(tag)) {
            crypto::wipe(unit);
            return tag_failed(layer_);
        }
        return xts_->decrypt(tweak(nonce), unit, unit);
    }

private:
    // The nonce is P (16 bytes) and the counter c (8): P with c XORed into its last 8 bytes [D-21].
    static std::array<std::byte, 16> tweak(crypto::NonceView nonce) {
        std::array<std::byte, 16> out;
        std::memcpy(out.data(), nonce.data(), out.size());
        for (std::size_t i = 0; i < 8; ++i) out[8 + i] ^= nonce[16 + i];
        return out;
    }

    const crypto::Layer layer_;
    const std::unique_ptr<crypto::Xts> xts_;
};

Result<std::unique_ptr<crypto::Aead>> make_aead(Suite suite, crypto::SecretBytes key,
                                                Libraries libraries) {
    if (suite == Suite::xaes_256_gcm) return crypto::make_xaes_256_gcm(std::move(key));
    if (libraries == Libraries::independent)
        return crypto::make_xchacha20_poly1305_sodium(std::move(key));
    return crypto::make_xchacha20_poly1305_openssl(std::move(key));
}

}  // namespace

bool has_tag(Suite suite) {
    return suite == Suite::xchacha20_poly1305 || suite == Suite::xaes_256_gcm;
}

std::size_t key_size(Suite suite) {
    switch (suite) {
        case Suite::none:
            return 0;
        case Suite::xchacha20_poly1305:
        case Suite::xaes_256_gcm:
            return 32;
        case Suite::aes_256_xts:
            return 64;
    }
    return 0;
}

Result<std::unique_ptr<Seal>> make_seal(crypto::Layer layer, Suite suite, const Uuid& disk_id,
                                        std::uint32_t keyset, crypto::SecretBytes data_key,
                                        Libraries libraries) {
    if (key_size(suite) == 0)
        return fail(Errc::unsupported, "suite {}: not known", static_cast<int>(suite));
    if (suite == Suite::aes_256_xts && layer != crypto::Layer::one)
        return fail(Errc::unsupported, "suite {}: only as the outer layer",
                    static_cast<int>(suite));
    if (data_key.size() != key_size(suite))
        return fail(Errc::invalid, "suite {}: data key of {} bytes", static_cast<int>(suite),
                    data_key.size());
    if (keyset == 0 || keyset > kKeysetMax)
        return fail(Errc::invalid, "keyset {}: not 1 to 4095", keyset);
    if (suite == Suite::aes_256_xts) {
        TF_ASSIGN(auto xts, crypto::make_aes_256_xts(std::move(data_key)));
        return std::make_unique<XtsSeal>(layer, std::move(xts));
    }
    TF_ASSIGN(auto aead, make_aead(suite, std::move(data_key), libraries));
    return std::make_unique<AeadSeal>(layer, suite, disk_id, keyset, std::move(aead));
}

}  // namespace twofold::fs

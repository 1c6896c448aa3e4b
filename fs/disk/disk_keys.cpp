#include "fs/disk/disk_keys.h"

#include <algorithm>
#include <string>

namespace twofold::fs {

namespace {

using crypto::Layer;
using crypto::SecretBytes;

constexpr std::size_t kKeySize = 32;

// Labels of HKDF and BLAKE2b: "twofold/1/" name, a zero byte, fields of fixed length.
constexpr std::string_view kInfoPrefix = "twofold/1/";
constexpr std::string_view kPersonalPrefix = "twofold1.";

std::vector<std::byte> info(std::string_view name, std::span<const Bytes> fields) {
    std::vector<std::byte> out;
    const auto add = [&](Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); };
    add(as_bytes(kInfoPrefix));
    add(as_bytes(name));
    out.push_back(std::byte{0});
    for (const Bytes field : fields) add(field);
    return out;
}

std::vector<std::byte> layer_info(std::string_view name, Layer layer, Bytes context) {
    const std::byte number{static_cast<std::uint8_t>(layer)};
    const std::array<Bytes, 2> fields{Bytes(&number, 1), context};
    return info(name, fields);
}

Result<SecretBytes> derive(Bytes prk, std::string_view name, Layer layer, Bytes context,
                           std::size_t size = kKeySize) {
    return crypto::hkdf_expand(prk, layer_info(name, layer, context), size);
}

// One layer of the wrapped volume secret: ciphertext and tag in one piece.
Result<SecretBytes> seal_under(Bytes key, crypto::NonceView nonce, Bytes plain, Bytes context) {
    TF_ASSIGN(auto own, SecretBytes::copy_of(key));
    TF_ASSIGN(const auto aead, crypto::make_xchacha20_poly1305_sodium(std::move(own)));
    TF_ASSIGN(auto out, SecretBytes::zeroed(plain.size() + crypto::kTagSize));
    const MutableBytes sealed = out.reveal_mutable();
    TF_TRY(aead->seal(nonce, context, plain, sealed.first(plain.size()),
                      sealed.last<crypto::kTagSize>()));
    return out;
}

Result<SecretBytes> open_under(Bytes key, crypto::NonceView nonce, Bytes sealed, Bytes context) {
    TF_ASSIGN(auto own, SecretBytes::copy_of(key));
    TF_ASSIGN(const auto aead, crypto::make_xchacha20_poly1305_sodium(std::move(own)));
    const std::size_t size = sealed.size() - crypto::kTagSize;
    TF_ASSIGN(auto out, SecretBytes::zeroed(size));
    TF_TRY(aead->open(nonce, context, sealed.first(size), sealed.last<crypto::kTagSize>(),
                      out.reveal_mutable()));
    return out;
}

Result<crypto::Blake2b> derive_mac(Bytes volume_prk, std::string_view name, const Uuid& disk) {
    const Bytes field(disk.bytes);
    TF_ASSIGN(auto key,
              crypto::hkdf_expand(volume_prk, info(name, std::span(&field, 1)), kKeySize));
    return crypto::Blake2b::create(std::move(key), std::string(kPersonalPrefix).append(name));
}

}  // namespace

KeysetContext KeysetContext::of(const KeysetRecord& record, const Uuid& disk) {
    return {.disk = disk,
            .keyset = record.id,
            .layers = record.layer_bits(),
            .suite1 = record.layers[0].suite,
            .suite2 = record.layers[1].suite};
}

std::array<std::byte, KeysetContext::kSize> KeysetContext::encode() const {
    std::array<std::byte, kSize> out;
    Writer w(out);
    w.bytes(disk.bytes);
    w.u32_le(keyset);
    w.u8(layers);
    w.u8(static_cast<std::uint8_t>(suite1));
    w.u8(static_cast<std::uint8_t>(suite2));
    TF_CHECK(w.offset() == kSize);
    return out;
}

Result<SecretBytes> extract_layer_key(const DiskSalt& salt, Bytes dek) {
    if (dek.size() != kKeySize)
        return fail(Errc::wrong_key, "data encryption key: {} bytes instead of {}", dek.size(),
                    kKeySize);
    return crypto::hkdf_extract(salt, dek);
}

Result<SecretBytes> derive_data_key(Bytes prk, Layer layer, const KeysetContext& x) {
    return derive(prk, "data", layer, x.encode(),
                  key_size(layer == Layer::one ? x.suite1 : x.suite2));
}
Result<SecretBytes> derive_header_key(Bytes prk, Layer layer, const KeysetContext& x) {
    return derive(prk, "header", layer, x.encode());
}
Result<SecretBytes> derive_wrap_key(Bytes prk, Layer layer, const KeysetContext& x) {
    return derive(prk, "wrap", layer, x.encode());
}
Result<SecretBytes> derive_envelope_key(Bytes prk, Layer layer, const Uuid& disk) {
    return derive(prk, "envelope", layer, disk.bytes);
}
Result<Commitment> derive_commitment(Bytes prk, Layer layer, const KeysetContext& x) {
    TF_ASSIGN(const auto derived, derive(prk, "commit", layer, x.encode()));
    Commitment out;
    Writer(out).bytes(derived.reveal());  // public from here on
    return out;
}

Result<std::array<std::byte, 64>> wrap_volume_secret(Bytes secret, Bytes wrap1, Bytes wrap2,
                                                     crypto::NonceView nonce,
                                                     const KeysetContext& x) {
    TF_CHECK(secret.size() == kKeySize && !(wrap1.empty() && wrap2.empty()));
    const auto context = x.encode();
    TF_ASSIGN(SecretBytes sealed, SecretBytes::copy_of(secret));
    for (const Bytes key : {wrap2, wrap1}) {  // inner first
        if (key.empty()) continue;
        TF_ASSIGN(sealed, seal_under(key, nonce, sealed.reveal(), context));
    }
    std::array<std::byte, 64> out{};
    Writer(out).bytes(sealed.reveal());
    return out;
}

Result<SecretBytes> unwrap_volume_secret(std::span<const std::byte, 64> wrapped, Bytes wrap1,
                                         Bytes wrap2, crypto::NonceView nonce,
                                         const KeysetContext& x) {
    TF_CHECK(!(wrap1.empty() && wrap2.empty()));
    const auto context = x.encode();
    const bool both = !wrap1.empty() && !wrap2.empty();
    const std::size_t size = kKeySize + (both ? 2 : 1) * crypto::kTagSize;
    if (!all_zero(wrapped.subspan(size)))
        return fail(Errc::unauthentic, "volume secret: not zero behind its end");
    TF_ASSIGN(SecretBytes opened, SecretBytes::copy_of(wrapped.first(size)));
    for (const Bytes key : {wrap1, wrap2}) {  // outer first
        if (key.empty()) continue;
        auto inner = open_under(key, nonce, opened.reveal(), context);
        if (!inner) return fail(std::move(inner.error()).in("volume secret"));
        opened = std::move(*inner);
    }
    return opened;
}

Result<SecretBytes> derive_volume_key(const DiskSalt& salt, Bytes volume_secret,
                                      std::string_view name, const Uuid& disk) {
    TF_ASSIGN(const auto prk, crypto::hkdf_extract(salt, volume_secret));
    const Bytes field(disk.bytes);
    return crypto::hkdf_expand(prk.reveal(), info(name, std::span(&field, 1)), kKeySize);
}

Result<VolumeMacs> VolumeMacs::derive(const DiskSalt& salt, Bytes volume_secret, const Uuid& disk) {
    TF_ASSIGN(const auto prk, crypto::hkdf_extract(salt, volume_secret));
    TF_ASSIGN(auto log, derive_mac(prk.reveal(), "log", disk));
    TF_ASSIGN(auto node, derive_mac(prk.reveal(), "node", disk));
    TF_ASSIGN(auto root, derive_mac(prk.reveal(), "root", disk));
    TF_ASSIGN(auto pool, derive_mac(prk.reveal(), "pool", disk));
    TF_ASSIGN(auto super, derive_mac(prk.reveal(), "super", disk));
    TF_ASSIGN(auto anchor, derive_mac(prk.reveal(), "anchor", disk));
    TF_ASSIGN(auto nonce, derive_mac(prk.reveal(), "nonce", disk));
    return VolumeMacs{std::move(log),   std::move(node),   std::move(root), std::move(pool),
                      std::move(super), std::move(anchor), std::move(nonce)};
}

Result<KeysetKeys> KeysetKeys::derive(const KeysetRecord& record, const Uuid& disk,
                                      const std::array<SecretBytes, 2>& prks, Libraries libraries) {
    const KeysetContext x = KeysetContext::of(record, disk);
    std::array<SecretBytes, 2> header_keys, envelope_keys;
    std::vector<std::unique_ptr<Seal>> seals;
    for (const Layer layer : {Layer::two, Layer::one}) {  // inner first: the order of sealing
        if (!record.has(layer)) continue;
        const std::size_t i = layer == Layer::one ? 0 : 1;
        const Bytes prk = prks[i].reveal();
        TF_ASSIGN(header_keys[i], derive_header_key(prk, layer, x));
        TF_ASSIGN(envelope_keys[i], derive_envelope_key(prk, layer, disk));
        TF_ASSIGN(auto data_key, derive_data_key(prk, layer, x));
        TF_ASSIGN(auto seal, make_seal(layer, record.layer(layer).suite, disk, record.id,
                                       std::move(data_key), libraries));
        seals.push_back(std::move(seal));
    }
    TF_ASSIGN(auto stack, SealStack::create(record.id, std::move(seals)));
    return KeysetKeys{record.id, std::move(stack), std::move(header_keys),
                      std::move(envelope_keys)};
}

const SealStack* DiskKeys::find(std::uint32_t keyset) const {
    const auto found = std::ranges::find(keysets_, keyset, &KeysetKeys::keyset);
    return found == keysets_.end() ? nullptr : &found->stack;
}

Bytes DiskKeys::envelope_key(Layer layer) const {
    return keysets_.front().envelope_keys[layer == Layer::one ? 0 : 1].reveal();
}

StaticSector::MacOf header_mac_of(std::span<const KeysetKeys> keysets) {
    return [keysets](const KeysetRecord& record, Layer layer, Bytes bytes) -> crypto::Digest {
        const auto found = std::ranges::find(keysets, record.id, &KeysetKeys::keyset);
        TF_CHECK(found != keysets.end());
        return crypto::hmac_sha256(found->header_keys[layer == Layer::one ? 0 : 1].reveal(), bytes);
    };
}

StaticSector::MacOf DiskKeys::header_mac() const { return header_mac_of(keysets_); }

}  // namespace twofold::fs

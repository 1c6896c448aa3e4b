#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/hex.h"
#include "fs/block/block_device.h"
#include "keyring/crypto/aead.h"
#include "keyring/crypto/key_source.h"

namespace twofold::fs {

// Algorithms of a layer (format, section 5). Other numbers are refused; there is no null suite.
enum class Suite : std::uint8_t {
    none = 0,                // the layer is absent; never a cipher
    xchacha20_poly1305 = 1,  // key 32
    xaes_256_gcm = 2,        // key 32
    aes_256_xts = 3,         // keys 64; only as the outer layer over an authenticated one
};
bool has_tag(Suite suite);
std::size_t key_size(Suite suite);  // bytes

// One block while it is sealed or opened: 4096 bytes and, behind them, room for the inner layer's
// tag, which the outer layer encrypts too. 4112 bytes in one piece: XTS takes them as one data
// unit.
constexpr std::size_t kSealedSize = kBlockSize + crypto::kTagSize;

// How block `index` is sealed, as its map entry says. `outer_tag` is the tag of layer 1 (zero for a
// suite without one, or an absent layer), `inner_tag` that of layer 2, encrypted by layer 1 where
// there is one. A disk with layer 1 alone uses outer_tag, with layer 2 alone inner_tag.
struct SealInfo {
    BlockIndex index;
    std::uint32_t keyset = 0;
    crypto::Nonce nonce{};
    std::array<std::byte, 16> outer_tag{};
    std::array<std::byte, 16> inner_tag{};
};

// One layer's cipher under one keyset's data key. `unit` is 4096 bytes where this layer is the only
// or the inner one, 4112 where it is the outer of two. Thread-safe.
class Seal {
public:
    virtual ~Seal() = default;
    virtual crypto::Layer layer() const = 0;
    virtual Suite suite() const = 0;
    // In place. `tag` is zeroed by a suite that has none.
    virtual Result<void> seal(BlockIndex index, crypto::NonceView nonce, MutableBytes unit,
                              crypto::MutableTag tag) const = 0;
    // In place. Errc::unauthentic: `unit` is then all zero.
    virtual Result<void> open(BlockIndex index, crypto::NonceView nonce, MutableBytes unit,
                              crypto::TagView tag) const = 0;
};

enum class Libraries {
    fastest,
    independent,  // suite 1 by libsodium alone, so that the layers share no library
};

// Associated data and tweak as in the format, section 5. `data_key` of key_size(suite) bytes.
Result<std::unique_ptr<Seal>> make_seal(crypto::Layer layer, Suite suite, const Uuid& disk_id,
                                        std::uint32_t keyset, crypto::SecretBytes data_key,
                                        Libraries libraries = Libraries::fastest);

// The layers of one keyset, put together: seals inner first, opens outer first. One or two seals;
// XTS only as the outer of two. Thread-safe.
class SealStack {
public:
    // `seals` inner first, the order of sealing. Errc::unsupported for a shape that is not allowed.
    static Result<SealStack> create(std::uint32_t keyset, std::vector<std::unique_ptr<Seal>> seals);

    std::uint32_t keyset() const { return keyset_; }
    // Seals one block in place: sealed.first(4096) holds plaintext before and ciphertext after; the
    // rest is scratch. info.index and info.nonce are given; the tags (and keyset) are filled in.
    Result<void> seal(SealInfo& info, MutableBytes sealed) const;
    // Opens in place; info as stored. Errc::corrupt where it names another keyset.
    // Errc::unauthentic naming the layer ("layer 2"); `sealed` is then all zero.
    Result<void> open(const SealInfo& info, MutableBytes sealed) const;
    // Removes layer 1 only: sealed.first(4096) becomes layer 2's ciphertext and info.inner_tag its
    // tag. For `inspect`. On a disk with one layer this is open().
    Result<void> open_outer(SealInfo& info, MutableBytes sealed) const;
    // The outermost tag of the outermost layer that has one verifies; for recovery. Uses `sealed`
    // up.
    Result<bool> verify(const SealInfo& info, MutableBytes sealed) const;

private:
    SealStack(std::uint32_t keyset, std::vector<std::unique_ptr<Seal>> seals)
        : keyset_(keyset), seals_(std::move(seals)) {}
    Result<void> open_only(const SealInfo& info, MutableBytes sealed) const;
    Result<void> open_around(SealInfo& info, MutableBytes sealed) const;
    crypto::MutableTag only_tag(SealInfo& info) const;

    std::uint32_t keyset_;
    std::vector<std::unique_ptr<Seal>> seals_;  // inner first
};

}  // namespace twofold::fs

#include "tests/secrets/disk_secrets.h"

#include <openssl/evp.h>
#include <sodium.h>

#include "fs/disk/disk_keys.h"
#include "fs/disk/inspect.h"
#include "fs/disk/unverified_map.h"
#include "tests/secrets/aes_schedule.h"

namespace twofold {
namespace {

using crypto::Layer;
using crypto::SecretBytes;

// As it stands in memory, and with the bytes of each 32-bit word the other way round: so code for
// which a word is a number keeps it.
void tell_round_key(const TellSecret& tell, const std::string& name,
                    const AesSchedule::RoundKey& key) {
    tell(name, key);
    AesSchedule::RoundKey turned;
    for (std::size_t i = 0; i < key.size(); ++i) turned[i] = key[i / 4 * 4 + 3 - i % 4];
    tell(name + "-turned", turned);
}

void tell_schedule(const TellSecret& tell, const std::string& name, Bytes key) {
    const AesSchedule schedule = AesSchedule::of(key);
    for (std::size_t round = 2; round < AesSchedule::kRounds; ++round)
        tell_round_key(tell, fmt::format("{}-round{}", name, round), schedule.encrypting[round]);
    for (std::size_t round = 1; round + 1 < AesSchedule::kRounds; ++round)
        tell_round_key(tell, fmt::format("{}-inverse{}", name, round), schedule.decrypting[round]);
}

// AES-256 of whole blocks, each by itself.
std::vector<std::byte> aes_blocks(Bytes key, Bytes in) {
    std::vector<std::byte> out(in.size());
    EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
    int size = 0;
    TF_CHECK(EVP_EncryptInit_ex2(context, EVP_aes_256_ecb(), uc(key), nullptr, nullptr) == 1 &&
             EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
             EVP_EncryptUpdate(context, uc(MutableBytes(out)), &size, uc(in),
                               static_cast<int>(in.size())) == 1);
    EVP_CIPHER_CTX_free(context);
    return out;
}

// XAES-256-GCM's key for nonces that begin so (c2sp.org/XAES-256-GCM).
std::vector<std::byte> xaes_subkey(Bytes key, Bytes nonce) {
    std::vector<std::byte> k1 = aes_blocks(key, std::array<std::byte, 16>{});
    const bool carry = (k1[0] & std::byte{0x80}) != std::byte{0};
    for (std::size_t i = 0; i < 16; ++i)
        k1[i] = k1[i] << 1 | (i < 15 ? k1[i + 1] >> 7 : std::byte{0});
    if (carry) k1[15] ^= std::byte{0x87};
    std::vector<std::byte> blocks(32);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const std::byte head[] = {std::byte{0}, std::byte(1 + i / 16), std::byte{'X'},
                                  std::byte{0}};
        blocks[i] = k1[i % 16] ^ (i % 16 < 4 ? head[i % 16] : nonce[i % 16 - 4]);
    }
    return aes_blocks(key, blocks);
}

// What the data key of a layer became for the epoch in which the first block was sealed.
void tell_epoch(const TellSecret& tell, const std::string& name, fs::Suite suite, Bytes key,
                Bytes nonce) {
    if (suite == fs::Suite::xchacha20_poly1305) {
        std::array<std::byte, 32> subkey;
        crypto_core_hchacha20(uc(MutableBytes(subkey)), uc(nonce), uc(key), nullptr);
        tell(name + "-epoch", subkey);
    } else if (suite == fs::Suite::xaes_256_gcm) {
        const auto subkey = xaes_subkey(key, nonce);
        tell(name + "-epoch", subkey);
        tell_schedule(tell, name + "-epoch", subkey);
    }
}

// The nonce under which the first block lies, whoever says so; zeros where it was never written.
Result<crypto::Nonce> first_nonce(io::File& file, const fs::Limits& limits) {
    TF_ASSIGN(const fs::ImageReport report, fs::inspect_image(file, limits));
    const fs::Superblock* superblock = report.superblock();
    if (superblock == nullptr || !report.layout) return fail(Errc::damaged, "image: no superblock");
    TF_ASSIGN(const auto entry,
              fs::UnverifiedMap(file, *report.layout, *superblock).entry(fs::BlockIndex{0}));
    return entry ? entry->nonce : crypto::Nonce{};
}

Result<void> tell_keyset(const TellSecret& tell, const std::string& name,
                         const fs::StaticSector& header, const fs::KeysetRecord& record,
                         const std::array<SecretBytes, 2>& deks, Bytes nonce) {
    const auto x = fs::KeysetContext::of(record, header.disk);
    std::array<SecretBytes, 2> wraps;
    for (const Layer layer : {Layer::one, Layer::two}) {
        if (!record.has(layer)) continue;
        const std::size_t i = layer == Layer::one ? 0 : 1;
        const std::string of = fmt::format("{}-layer{}", name, i + 1);
        TF_ASSIGN(const auto prk, fs::extract_layer_key(header.salt, deks[i].reveal()));
        TF_ASSIGN(const auto data, fs::derive_data_key(prk.reveal(), layer, x));
        TF_ASSIGN(const auto mac, fs::derive_header_key(prk.reveal(), layer, x));
        TF_ASSIGN(const auto envelope, fs::derive_envelope_key(prk.reveal(), layer, header.disk));
        TF_ASSIGN(wraps[i], fs::derive_wrap_key(prk.reveal(), layer, x));
        tell(of + "-prk", prk.reveal());
        tell(of + "-header", mac.reveal());
        tell(of + "-envelope", envelope.reveal());
        tell(of + "-wrap", wraps[i].reveal());
        tell_epoch(tell, of + "-data", record.layer(layer).suite, data.reveal(), nonce);
        constexpr std::size_t kAesKey = 32;
        for (std::size_t at = 0; at < data.size(); at += kAesKey) {
            const std::string part = fmt::format("{}-data{}", of, at == 0 ? "" : "-tweak");
            tell(part, data.reveal().subspan(at, kAesKey));
            if (record.layer(layer).suite != fs::Suite::xchacha20_poly1305)
                tell_schedule(tell, part, data.reveal().subspan(at, kAesKey));
        }
    }
    TF_ASSIGN(const auto secret, fs::unwrap_volume_secret(record.wrapped_secret, wraps[0].reveal(),
                                                          wraps[1].reveal(), record.nonce, x));
    tell(name + "-volume", secret.reveal());
    for (const char* use : {"log", "node", "root", "pool", "super", "anchor", "nonce"}) {
        TF_ASSIGN(const auto key,
                  fs::derive_volume_key(header.salt, secret.reveal(), use, header.disk));
        tell(fmt::format("{}-volume-{}", name, use), key.reveal());
    }
    return {};
}

}  // namespace

Result<void> tell_disk_secrets(const std::string& name, io::File& image, const fs::Limits& limits,
                               const std::array<SecretBytes, 2>& deks, const TellSecret& tell) {
    std::array<std::byte, fs::kSectorSize> sector;
    TF_TRY(image.read(fs::header_offset(fs::HeaderCopy::a), sector));
    TF_ASSIGN(const auto header, fs::StaticSector::parse(sector));
    TF_ASSIGN(const crypto::Nonce nonce, first_nonce(image, limits));
    for (const fs::KeysetRecord* record : header.live())
        TF_TRY(tell_keyset(tell, fmt::format("{}-keyset{}", name, record->id), header, *record,
                           deks, nonce));
    return {};
}

}  // namespace twofold

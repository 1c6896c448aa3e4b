// Everything secret of a deployment, as "NAME HEX" lines on standard output, for tests that search
// for it:
//
//     known_secrets CLOUD STORE
//
// Acts as the platform and as the deployment in one: both data keys are unwrapped, each image's
// keys derived from them, round keys expanded; and it opens the vaults' own sealed files for the
// private keys that wrap. Built with the tests alone; the product has no such way, and no vault but
// the one in a directory would answer.
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sodium.h>

#include <array>
#include <cstdio>

#include "base/io/io.h"
#include "fs/disk/disk_keys.h"
#include "fs/disk/inspect.h"
#include "fs/disk/unverified_map.h"
#include "keyring/cloud/cloud.h"
#include "keyring/cloud/object_store.h"
#include "keyring/envelope/record_file.h"
#include "keyring/envelope/wrapped_key.h"
#include "keyring/vault/cloud_vaults.h"
#include "tests/secrets/aes_schedule.h"

namespace twofold {
namespace {

using crypto::Layer;
using crypto::SecretBytes;

void tell(const std::string& name, Bytes bytes) {
    std::printf("%s %s\n", name.c_str(), to_hex(bytes).c_str());
}

// As it stands in memory, and with the bytes of each 32-bit word the other way round: so code for
// which a word is a number keeps it.
void tell_round_key(const std::string& name, const AesSchedule::RoundKey& key) {
    tell(name, key);
    AesSchedule::RoundKey turned;
    for (std::size_t i = 0; i < key.size(); ++i) turned[i] = key[i / 4 * 4 + 3 - i % 4];
    tell(name + "-turned", turned);
}

void tell_schedule(const std::string& name, Bytes key) {
    const AesSchedule schedule = AesSchedule::of(key);
    for (std::size_t round = 2; round < AesSchedule::kRounds; ++round)
        tell_round_key(fmt::format("{}-round{}", name, round), schedule.encrypting[round]);
    for (std::size_t round = 1; round + 1 < AesSchedule::kRounds; ++round)
        tell_round_key(fmt::format("{}-inverse{}", name, round), schedule.decrypting[round]);
}

// Nothing where the deployment has no such layer.
Result<SecretBytes> unwrap(keyring::CloudVaults& vaults, const std::string& store, Layer layer) {
    const std::string path = fmt::format("{}/keyring/layer{}", store, static_cast<int>(layer));
    auto file = io::open_posix_file(path, io::Access::read_only, io::Create::no, io::Lock::none);
    if (!file && file.error().code == Errc::not_found) return SecretBytes();
    if (!file) return fail(std::move(file).error());
    TF_ASSIGN(const auto record, keyring::RecordFile::open(std::move(*file)));
    TF_ASSIGN(const auto wrapped, keyring::WrappedKey::parse(record.record()));
    TF_ASSIGN(const auto vault, vaults.open(wrapped.kid.host(), wrapped.identity));
    return vault->unwrap(wrapped.kid.name(), wrapped.kid.version(), wrapped.wrapped);
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
void tell_epoch(const std::string& name, fs::Suite suite, Bytes key, Bytes nonce) {
    if (suite == fs::Suite::xchacha20_poly1305) {
        std::array<std::byte, 32> subkey;
        crypto_core_hchacha20(uc(MutableBytes(subkey)), uc(nonce), uc(key), nullptr);
        tell(name + "-epoch", subkey);
    } else if (suite == fs::Suite::xaes_256_gcm) {
        const auto subkey = xaes_subkey(key, nonce);
        tell(name + "-epoch", subkey);
        tell_schedule(name + "-epoch", subkey);
    }
}

// The nonce under which the first block lies, whoever says so; zeros where it was never written.
Result<crypto::Nonce> first_nonce(io::File& file) {
    TF_ASSIGN(const fs::ImageReport report, fs::inspect_image(file));
    const fs::Superblock* superblock = report.superblock();
    if (superblock == nullptr || !report.layout) return fail(Errc::damaged, "image: no superblock");
    TF_ASSIGN(const auto entry,
              fs::UnverifiedMap(file, *report.layout, *superblock).entry(fs::BlockIndex{0}));
    return entry ? entry->nonce : crypto::Nonce{};
}

Result<void> tell_keyset(const std::string& name, const fs::StaticSector& header,
                         const fs::KeysetRecord& record, const std::array<SecretBytes, 2>& deks,
                         Bytes nonce) {
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
        tell_epoch(of + "-data", record.layer(layer).suite, data.reveal(), nonce);
        constexpr std::size_t kAesKey = 32;
        for (std::size_t at = 0; at < data.size(); at += kAesKey) {
            const std::string part = fmt::format("{}-data{}", of, at == 0 ? "" : "-tweak");
            tell(part, data.reveal().subspan(at, kAesKey));
            if (record.layer(layer).suite != fs::Suite::xchacha20_poly1305)
                tell_schedule(part, data.reveal().subspan(at, kAesKey));
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

Result<void> tell_images(const std::string& store, const std::array<SecretBytes, 2>& deks) {
    TF_ASSIGN(const auto nodes, io::open_posix_directory(store + "/disks"));
    TF_ASSIGN(const auto node_entries, nodes->list());
    for (const io::Entry& node : node_entries) {
        TF_ASSIGN(const auto disks, nodes->open_directory(node.name));
        TF_ASSIGN(const auto images, disks->list());
        for (const io::Entry& image : images) {
            TF_ASSIGN(const auto file, disks->open_file(image.name, io::Access::read_only,
                                                        io::Create::no, io::Lock::none));
            std::array<std::byte, fs::kSectorSize> sector;
            TF_TRY(file->read(fs::header_offset(fs::HeaderCopy::a), sector));
            TF_ASSIGN(const auto header, fs::StaticSector::parse(sector));
            TF_ASSIGN(const crypto::Nonce nonce, first_nonce(*file));
            for (const fs::KeysetRecord* record : header.live())
                TF_TRY(tell_keyset(fmt::format("disk-{}-keyset{}", image.name, record->id), header,
                                   *record, deks, nonce));
        }
    }
    return {};
}

// Numbers of an RSA key: pieces of 32 bytes, big-endian as in DER and little-endian as in a
// library's limbs.
void tell_number(const std::string& name, Bytes big_endian) {
    constexpr std::size_t kPiece = 32;
    std::vector<std::byte> turned(big_endian.rbegin(), big_endian.rend());
    for (std::size_t at = 0; at + kPiece <= big_endian.size(); at += kPiece) {
        tell(fmt::format("{}-be{}", name, at), big_endian.subspan(at, kPiece));
        tell(fmt::format("{}-le{}", name, at), Bytes(turned).subspan(at, kPiece));
    }
}

Result<void> tell_private_key(const std::string& name, Bytes der) {
    const unsigned char* at = uc(der);
    EVP_PKEY* const key = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size()));
    if (key == nullptr) return fail(Errc::failed, "{}: not a private key", name);
    for (const char* part : {OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1,
                             OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
                             OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1}) {
        BIGNUM* number = nullptr;
        if (EVP_PKEY_get_bn_param(key, part, &number) != 1)
            return fail(Errc::failed, "{}: no {}", name, part);
        // As long as it may be, so that their count is known: d as the modulus, others half.
        const auto size = EVP_PKEY_get_size(key) / (part == std::string_view("d") ? 1 : 2);
        std::vector<std::byte> bytes(static_cast<std::size_t>(size));
        TF_CHECK(BN_bn2binpad(number, uc(MutableBytes(bytes)), size) == size);
        tell_number(name + "-" + part, bytes);
        BN_free(number);
    }
    EVP_PKEY_free(key);
    return {};
}

Result<void> tell_vault(const std::string& name, std::unique_ptr<io::Directory> directory) {
    TF_ASSIGN(const auto file, directory->open_file("master-secret", io::Access::read_only,
                                                    io::Create::no, io::Lock::none));
    std::array<std::byte, 32> master;
    TF_TRY(file->read(0, master));
    tell(fmt::format("master-{}", name), master);
    TF_ASSIGN(const auto sealing, cloud::MasterSecret::load(*directory));
    cloud::KeyStore keys(std::move(directory));
    TF_ASSIGN(const auto names, keys.names(cloud::KeyStore::Shelf::live));
    for (const std::string& key : names) {
        TF_ASSIGN(const auto versions, keys.versions(cloud::KeyStore::Shelf::live, key));
        for (const auto& version : versions) {
            TF_ASSIGN(const auto loaded, keys.load(cloud::KeyStore::Shelf::live, key, version));
            TF_ASSIGN(const auto der,
                      sealing.open(as_bytes(loaded.associated_data(name)), loaded.sealed));
            TF_TRY(tell_private_key(fmt::format("kek-{}-{}-v{}", name, key, version.sequence),
                                    der.reveal()));
        }
    }
    return {};
}

Result<void> tell_vaults(const std::string& path) {
    const cloud::Cloud cloud(path);
    TF_ASSIGN(const auto root, cloud.open());
    std::vector<std::string> names{std::string(cloud::kPlatformVault)};
    if (const auto vaults = root->open_directory("vaults")) {
        TF_ASSIGN(const auto entries, (*vaults)->list());
        for (const io::Entry& entry : entries)
            if (entry.is_directory) names.push_back(entry.name);
    }
    for (const std::string& name : names) {
        TF_ASSIGN(auto vault, cloud.open_vault(name));
        TF_TRY(tell_vault(name, std::move(vault)));
    }
    return {};
}

Result<void> tell_all(const std::string& cloud, const std::string& store) {
    TF_TRY(crypto::start());
    keyring::CloudVaults vaults(cloud);
    std::array<SecretBytes, 2> deks;
    for (const Layer layer : {Layer::one, Layer::two}) {
        SecretBytes& dek = deks[layer == Layer::one ? 0 : 1];
        TF_ASSIGN(dek, unwrap(vaults, store, layer));
        if (!dek.empty()) tell(fmt::format("dek{}", static_cast<int>(layer)), dek.reveal());
    }
    TF_TRY(tell_images(store, deks));
    return tell_vaults(cloud);
}

}  // namespace
}  // namespace twofold

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const auto done = twofold::tell_all(argv[1], argv[2]);
    if (done) return 0;
    std::fprintf(stderr, "known_secrets: %s\n", done.error().line().c_str());
    return 1;
}

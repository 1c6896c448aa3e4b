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

#include <array>
#include <cstdio>

#include "base/io/io.h"
#include "keyring/cloud/cloud.h"
#include "keyring/cloud/object_store.h"
#include "keyring/envelope/record_file.h"
#include "keyring/envelope/wrapped_key.h"
#include "keyring/vault/cloud_vaults.h"
#include "tests/secrets/disk_secrets.h"

namespace twofold {
namespace {

using crypto::Layer;
using crypto::SecretBytes;

void tell(const std::string& name, Bytes bytes) {
    std::printf("%s %s\n", name.c_str(), to_hex(bytes).c_str());
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

Result<void> tell_images(const std::string& store, const std::array<SecretBytes, 2>& deks) {
    TF_ASSIGN(const auto nodes, io::open_posix_directory(store + "/disks"));
    TF_ASSIGN(const auto node_entries, nodes->list());
    for (const io::Entry& node : node_entries) {
        TF_ASSIGN(const auto disks, nodes->open_directory(node.name));
        TF_ASSIGN(const auto images, disks->list());
        for (const io::Entry& image : images) {
            TF_ASSIGN(const auto file, disks->open_file(image.name, io::Access::read_only,
                                                        io::Create::no, io::Lock::none));
            TF_TRY(tell_disk_secrets("disk-" + image.name, *file, fs::Limits::production(), deks,
                                     tell));
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

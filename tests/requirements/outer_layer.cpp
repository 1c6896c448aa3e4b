// A second opinion on the outer layer, by another library and from the description of the format
// alone: nothing of twofold is included here. Reads an image whose layer 1 is AES-256-XTS, takes
// that layer off one block with libgcrypt, and writes what is below: layer 2's 4096 bytes of
// ciphertext, then its tag.
//
//     outer_layer IMAGE BLOCK < DEK        32 bytes of layer 1's key on standard input
//
// The image must have been closed cleanly, so that of the two copies of a leaf the one with the
// higher generation is the one in force. Exit code 0, or 1 with a line on standard error.
#include <gcrypt.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

using Buffer = std::vector<unsigned char>;

constexpr std::uint64_t kSector = 4096;
constexpr std::uint64_t kSegment = 32ULL << 20;
constexpr std::uint64_t kSlotsPerSegment = 7936;
constexpr std::uint64_t kEntriesPerLeaf = 63;
constexpr std::size_t kTag = 16;

[[noreturn]] void give_up(const char* why) {
    std::fprintf(stderr, "outer_layer: %s\n", why);
    std::exit(1);
}

void check(gcry_error_t error) {
    if (error != 0) give_up(gcry_strerror(error));
}

std::uint64_t little_endian(const Buffer& from, std::size_t at, int bytes) {
    std::uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; --i)
        value = value << 8 | from.at(at + static_cast<std::size_t>(i));
    return value;
}

Buffer slice(const Buffer& from, std::size_t at, std::size_t size) {
    if (at + size > from.size()) give_up("structure too short");
    const auto begin = from.begin() + static_cast<std::ptrdiff_t>(at);
    return {begin, begin + static_cast<std::ptrdiff_t>(size)};
}

Buffer sector_at(std::ifstream& image, std::uint64_t offset) {
    Buffer sector(kSector);
    image.seekg(static_cast<std::streamoff>(offset));
    image.read(reinterpret_cast<char*>(sector.data()), static_cast<std::streamsize>(sector.size()));
    if (!image) give_up("image ends early");
    return sector;
}

Buffer hmac_sha256(const Buffer& key, const Buffer& message) {
    gcry_mac_hd_t mac = nullptr;
    check(gcry_mac_open(&mac, GCRY_MAC_HMAC_SHA256, 0, nullptr));
    check(gcry_mac_setkey(mac, key.data(), key.size()));
    check(gcry_mac_write(mac, message.data(), message.size()));
    Buffer digest(32);
    std::size_t size = digest.size();
    check(gcry_mac_read(mac, digest.data(), &size));
    gcry_mac_close(mac);
    return digest;
}

// RFC 5869, section 2.3.
Buffer hkdf_expand(const Buffer& prk, const Buffer& info, std::size_t size) {
    Buffer out, block;
    for (unsigned char i = 1; out.size() < size; ++i) {
        block.insert(block.end(), info.begin(), info.end());
        block.push_back(i);
        block = hmac_sha256(prk, block);
        out.insert(out.end(), block.begin(), block.end());
    }
    out.resize(size);
    return out;
}

// Section 5: "twofold/1/data", 0, layer, disk id, keyset id, layers, suite 1, suite 2.
Buffer data_key_info(const Buffer& header, std::size_t record) {
    const std::string label = "twofold/1/data";
    Buffer info(label.begin(), label.end());
    info.push_back(0);
    info.push_back(1);
    const auto append = [&](const Buffer& part) {
        info.insert(info.end(), part.begin(), part.end());
    };
    append(slice(header, 24, 16));
    append(slice(header, record + 4, 4));
    append(slice(header, record + 1, 3));
    return info;
}

struct Entry {
    std::uint64_t slot;
    Buffer nonce;       // P (16), c (8)
    Buffer sealed_tag;  // of layer 2, encrypted by layer 1
};

// Sections 3 and 4: leaves lie at sectors 2 and 128 of a segment, 126 of them, 63 entries each.
Entry entry_of(std::ifstream& image, const Buffer& header, std::uint64_t block) {
    const std::uint64_t data = little_endian(header, 136, 8);
    const std::uint64_t segment = block / kSlotsPerSegment;
    const std::uint64_t within = block % kSlotsPerSegment;
    const std::uint64_t leaf = within / kEntriesPerLeaf;
    Buffer newest;
    for (const std::uint64_t first : {2, 128}) {
        Buffer copy = sector_at(image, data + segment * kSegment + (first + leaf) * kSector);
        if (std::memcmp(copy.data(), "TFND", 4) != 0) continue;
        if (newest.empty() || little_endian(copy, 16, 8) > little_endian(newest, 16, 8))
            newest = std::move(copy);
    }
    if (newest.empty()) give_up("block was never written");
    const std::size_t at = 64 + static_cast<std::size_t>(within % kEntriesPerLeaf) * 64;
    if ((little_endian(newest, at + 6, 2) & 3) != 1) give_up("block holds no data");
    return {little_endian(newest, at, 6), slice(newest, at + 8, 24), slice(newest, at + 48, kTag)};
}

Buffer take_off_xts(const Buffer& keys, const Buffer& tweak, Buffer unit) {
    gcry_cipher_hd_t cipher = nullptr;
    check(gcry_cipher_open(&cipher, GCRY_CIPHER_AES256, GCRY_CIPHER_MODE_XTS, 0));
    check(gcry_cipher_setkey(cipher, keys.data(), keys.size()));
    check(gcry_cipher_setiv(cipher, tweak.data(), tweak.size()));
    check(gcry_cipher_decrypt(cipher, unit.data(), unit.size(), nullptr, 0));
    gcry_cipher_close(cipher);
    return unit;
}

void run(const char* path, std::uint64_t block) {
    std::ifstream image(path, std::ios::binary);
    const Buffer header = sector_at(image, 0);
    if (std::memcmp(header.data(), "TWOFOLD1", 8) != 0) give_up("not an image");
    constexpr std::size_t kRecord = 256;
    if (header[kRecord] != 1 || header[kRecord + 1] != 3 || header[kRecord + 2] != 3)
        give_up("not two layers with AES-256-XTS outside");

    Buffer dek(32);
    if (std::fread(dek.data(), 1, dek.size(), stdin) != dek.size())
        give_up("key: 32 bytes expected");
    const Buffer prk = hmac_sha256(slice(header, 56, 32), dek);  // RFC 5869, extract
    const Buffer keys = hkdf_expand(prk, data_key_info(header, kRecord), 64);

    const Entry entry = entry_of(image, header, block);
    Buffer tweak = slice(entry.nonce, 0, 16);
    for (std::size_t i = 0; i < 8; ++i) tweak[8 + i] ^= entry.nonce[16 + i];
    Buffer unit =
        sector_at(image, little_endian(header, 136, 8) + entry.slot / kSlotsPerSegment * kSegment +
                             (1 << 20) + entry.slot % kSlotsPerSegment * kSector);
    unit.insert(unit.end(), entry.sealed_tag.begin(), entry.sealed_tag.end());
    const Buffer inner = take_off_xts(keys, tweak, std::move(unit));
    if (std::fwrite(inner.data(), 1, inner.size(), stdout) != inner.size()) give_up("write failed");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) give_up("usage: outer_layer IMAGE BLOCK < DEK");
    if (gcry_check_version(GCRYPT_VERSION) == nullptr)
        give_up("libgcrypt is older than its header");
    check(gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0));
    run(argv[1], std::strtoull(argv[2], nullptr, 10));
    return 0;
}

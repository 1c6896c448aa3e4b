// Static sectors, envelopes and the records in them, anchors. The first byte of an input says which
// check values are made right: behind a wrong one nothing else is reached.
#include "fs/disk/anchor.h"
#include "fs/disk/envelope_sector.h"
#include "fs/disk/static_sector.h"
#include "keyring/crypto/kdf.h"
#include "keyring/envelope/wrapped_key.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"

namespace twofold::fuzz {

using crypto::Layer;
using fs::PageBytes;

namespace {

template <std::size_t N>
void put(PageBytes& page, std::size_t at, const std::array<std::byte, N>& bytes) {
    std::ranges::copy(bytes, page.begin() + static_cast<std::ptrdiff_t>(at));
}

crypto::Digest header_mac(const fs::KeysetRecord& keyset, Layer layer, Bytes covered) {
    std::array<std::byte, 2> which{static_cast<std::byte>(keyset.id),
                                   static_cast<std::byte>(layer)};
    const std::array<Bytes, 2> parts{which, covered};
    return crypto::sha256(parts);
}

void make_header_macs(PageBytes& page, const fs::StaticSector& sector) {
    const Bytes covered = Bytes(page).first(3936);
    std::array<crypto::Digest, 4> macs{};
    for (const fs::KeysetRecord* keyset : sector.live())
        for (const Layer layer : {Layer::one, Layer::two}) {
            const std::size_t place = (keyset->state == fs::KeysetRecord::State::active ? 0u : 2u) +
                                      (layer == Layer::one ? 0u : 1u);
            if (keyset->has(layer)) macs[place] = header_mac(*keyset, layer, covered);
        }
    for (std::size_t i = 0; i < macs.size(); ++i) put(page, 3936 + 32 * i, macs[i]);
}

void check_record(Bytes record) {
    const auto parsed = keyring::WrappedKey::parse(record);
    if (!parsed) return;
    const std::string text = parsed->to_json();
    TF_CHECK(text.size() <= crypto::Envelope::kRecordSizeMax);
    const auto again = keyring::WrappedKey::parse(as_bytes(text));
    TF_CHECK(again && again->to_json() == text);
}

}  // namespace

void fuzz_static_sector(Bytes bytes) {
    Input input(bytes);
    const std::uint8_t mode = input.u8();
    PageBytes page = input.page();
    if ((mode & 1) != 0) put(page, 3904, crypto::sha256(Bytes(page).first(3904)));
    auto shown = fs::StaticSector::peek(page);
    const auto parsed = fs::StaticSector::parse(page);
    TF_CHECK(!parsed || shown);
    if (!parsed) return;
    if ((mode & 2) != 0) make_header_macs(page, *parsed);
    if (!fs::StaticSector::verify(page, header_mac, fs::Limits::tiny())) return;
    // What verifies is whole: it means one thing, and is written the same way.
    const auto again = parsed->encode(header_mac);
    TF_CHECK(again && *again == page);
    (void)parsed->note();
}

void fuzz_envelope(Bytes bytes) {
    Input input(bytes);
    const std::uint8_t mode = input.u8();
    if ((mode & 4) != 0) return check_record(input.rest());
    PageBytes page = input.page();
    const auto key = fixed_key();
    if ((mode & 1) != 0) put(page, 4000, crypto::sha256(Bytes(page).first(4000)));
    if ((mode & 2) != 0)
        put(page, 4032, crypto::hmac_sha256(key.reveal(), Bytes(page).first(4032)));
    const auto parsed = fs::EnvelopeSector::parse(page);
    if (!parsed || !*parsed) return;
    const fs::EnvelopeSector& sector = **parsed;
    TF_CHECK(sector.envelope.record.size() <= crypto::Envelope::kRecordSizeMax);
    check_record(sector.envelope.record);
    if (!fs::EnvelopeSector::verify(page, key.reveal())) return;
    const auto again = sector.encode(key.reveal());
    TF_CHECK(again && *again == page);
}

void fuzz_anchor(Bytes bytes) {
    Input input(bytes);
    const std::uint8_t mode = input.u8();
    const fs::AnchorName name{fixed_disk(), "node0", "data0"};
    const Bytes rest = input.rest();
    std::vector<std::byte> record(rest.begin(), rest.end());
    auto parsed = fs::Anchor::parse(record);
    if (!parsed) return;
    TF_CHECK(record.size() == fs::Anchor::kSize);
    TF_CHECK(!parsed->keysets.empty() && parsed->keysets.size() <= fs::Anchor::kKeysets);
    const std::vector<std::byte> again = parsed->encode(name, fixed_mac());
    if ((mode & 1) == 0 && !fs::Anchor::verify(record, name, fixed_mac())) return;
    TF_CHECK(fs::Anchor::verify(again, name, fixed_mac()));
    const auto same = fs::Anchor::parse(again);
    TF_CHECK(same && *same == *parsed);
    (void)parsed->narrow(fs::DiskNote{});
    (void)parsed->compare(fs::Superblock{}, input.u64());
    (void)parsed->compare_log(fs::Superblock{}, input.u64(), input.u64());
}

}  // namespace twofold::fuzz

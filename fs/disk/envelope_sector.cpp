#include "fs/disk/envelope_sector.h"

#include "fs/disk/rule.h"
#include "keyring/crypto/secret.h"

namespace twofold::fs {

namespace {

constexpr std::string_view kMagic = "TFEV";
constexpr std::uint16_t kVersion = 1;
constexpr std::uint8_t kLive = 1;
constexpr std::size_t kRecordAt = 64;
constexpr std::size_t kShaAt = 4000;  // SHA-256 of all before
constexpr std::size_t kMacAt = 4032;  // the MAC covers all before
constexpr std::size_t kMacEnd = 4064;
static_assert(kRecordAt + crypto::Envelope::kRecordSizeMax == kShaAt);

// To compare with, at once: most of a header is empty, and every open looks at all of it.
constexpr PageBytes kEmpty{};

using SectorView = std::span<const std::byte, kSectorSize>;

}  // namespace

EnvelopePlace EnvelopePlace::at(std::uint32_t sector) {
    TF_CHECK(sector >= 1 && sector <= kEnvelopes);
    const std::uint32_t n = sector - 1;
    return {.layer = n / 4 == 0 ? crypto::Layer::one : crypto::Layer::two,
            .bank = static_cast<std::uint8_t>(n / 2 % 2),
            .slot = static_cast<std::uint8_t>(n % 2)};
}

Result<PageBytes> EnvelopeSector::encode(Bytes envelope_key) const {
    if (envelope.record.empty() || envelope.record.size() > crypto::Envelope::kRecordSizeMax)
        return fail(Errc::too_big, "envelope: record of {} bytes; a header takes 1 to {}",
                    envelope.record.size(), crypto::Envelope::kRecordSizeMax);
    PageBytes sector{};
    Writer w(sector);
    w.bytes(as_bytes(kMagic));
    w.u16_le(kVersion);
    w.u8(static_cast<std::uint8_t>(layer));
    w.u8(kLive);
    w.u64_le(envelope.generation);
    w.bytes(disk.bytes);
    w.bytes(envelope.dek.id.bytes);
    w.u32_le(envelope.dek.generation);
    w.u32_le(static_cast<std::uint32_t>(envelope.record.size()));
    w.u64_le(0);
    TF_CHECK(w.offset() == kRecordAt);
    w.bytes(envelope.record);
    w.zeros(kShaAt - w.offset());
    w.bytes(crypto::sha256(Bytes(sector).first(kShaAt)));
    const crypto::Digest mac = crypto::hmac_sha256(envelope_key, Bytes(sector).first(kMacAt));
    w.bytes(mac);
    return sector;
}

Result<std::optional<EnvelopeSector>> EnvelopeSector::parse(SectorView sector) {
    if (equal(sector, kEmpty)) return std::optional<EnvelopeSector>();
    const auto damaged = [](std::string_view what) {
        return fail(Errc::damaged, "envelope: {}", what);
    };
    Reader r(sector);
    if (as_text(r.bytes(kMagic.size())) != kMagic) return damaged("neither empty nor sound");
    if (!equal(crypto::sha256(Bytes(sector).first(kShaAt)), Bytes(sector).subspan(kShaAt, 32)))
        return damaged("check value is wrong");
    const std::uint16_t version = r.u16_le();
    const std::uint8_t layer = r.u8();
    const std::uint8_t state = r.u8();
    if (version != kVersion || layer < 1 || layer > 2 || state != kLive)
        return damaged("version, layer or state is impossible");
    EnvelopeSector out;
    out.layer = static_cast<crypto::Layer>(layer);
    out.envelope.generation = r.u64_le();
    if (out.envelope.generation == 0 || out.envelope.generation > kCounterMax)
        return damaged("generation is impossible");
    r.into(std::span(out.disk.bytes));
    r.into(std::span(out.envelope.dek.id.bytes));
    out.envelope.dek.generation = r.u32_le();
    const std::uint32_t size = r.u32_le();
    if (!r.zeros(8) || size == 0 || size > crypto::Envelope::kRecordSizeMax)
        return damaged("length of the record is impossible");
    const Bytes record = r.bytes(size);
    out.envelope.record.assign(record.begin(), record.end());
    const Bytes rest = r.bytes(kShaAt - r.offset());
    if (!equal(rest, Bytes(kEmpty).first(rest.size())) || !all_zero(Bytes(sector).subspan(kMacEnd)))
        return damaged("not zero after the record");
    return std::optional(std::move(out));
}

Result<void> EnvelopeSector::verify(SectorView sector, Bytes envelope_key) {
    const crypto::Digest mac = crypto::hmac_sha256(envelope_key, Bytes(sector).first(kMacAt));
    if (crypto::equal_in_constant_time(mac, Bytes(sector).subspan(kMacAt, sizeof mac)) ||
        broken(Rule::envelope_mac))
        return {};
    return fail(Errc::unauthentic, "envelope: MAC is wrong: tampering or a wrong key");
}

}  // namespace twofold::fs

#include "fs/disk/static_sector.h"

#include <algorithm>

#include "base/utf8.h"
#include "fs/disk/rule.h"
#include "keyring/crypto/secret.h"

namespace twofold::fs {

namespace {

constexpr std::string_view kMagic = "TWOFOLD1";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kSegmentShape = 1;
constexpr std::size_t kLabelSize = 64;
constexpr std::size_t kKeysetsAt = 256;
constexpr std::size_t kShaAt = 3904;   // SHA-256 of all before
constexpr std::size_t kMacsAt = 3936;  // the MACs cover all before
constexpr std::size_t kMacsEnd = 4064;
constexpr std::uint32_t kPolicyBits = 7;
static_assert(kShaAt + 32 == kMacsAt);
static_assert(kMacsAt + 4 * 32 == kMacsEnd);

using SectorView = std::span<const std::byte, kSectorSize>;
using crypto::Layer;
using State = KeysetRecord::State;

// Which MAC of the four: those of the ACTIVE keyset first.
std::size_t mac_index(State state, Layer layer) {
    return (state == State::retiring ? 2u : 0u) + (layer == Layer::two ? 1u : 0u);
}

void encode_record(const KeysetRecord& k, Writer& w) {
    Writer record(w.reserve(KeysetRecord::kSize));
    record.u8(static_cast<std::uint8_t>(k.state));
    record.u8(k.layer_bits());
    for (const auto& layer : k.layers) record.u8(static_cast<std::uint8_t>(layer.suite));
    record.u32_le(k.id);
    for (const auto& layer : k.layers) record.u32_le(layer.dek.generation);
    for (const auto& layer : k.layers) record.bytes(layer.dek.id.bytes);
    for (const auto& layer : k.layers) record.bytes(layer.commitment);
    record.bytes(k.nonce);
    record.bytes(k.wrapped_secret);
    for (const auto& layer : k.layers) record.u8(layer.bank);
    record.zeros(KeysetRecord::kSize - record.offset());
}

struct DecodedRecord {
    KeysetRecord record;
    std::uint8_t state = 0, layer_bits = 0;
    std::array<std::uint8_t, 2> suites{};
    bool zeros = false;
};

DecodedRecord decode_record(Bytes bytes) {
    DecodedRecord out;
    KeysetRecord& k = out.record;
    Reader r(bytes);
    out.state = r.u8();
    out.layer_bits = r.u8();
    for (auto& suite : out.suites) suite = r.u8();
    k.state = static_cast<State>(out.state);
    for (std::size_t i = 0; i < 2; ++i) k.layers[i].suite = static_cast<Suite>(out.suites[i]);
    k.id = r.u32_le();
    for (auto& layer : k.layers) layer.dek.generation = r.u32_le();
    for (auto& layer : k.layers) r.into(std::span(layer.dek.id.bytes));
    for (auto& layer : k.layers) r.into(std::span(layer.commitment));
    r.into(std::span(k.nonce));
    r.into(std::span(k.wrapped_secret));
    for (auto& layer : k.layers) layer.bank = r.u8();
    out.zeros = r.zeros(r.left());
    return out;
}

// Before anything vouches for the record: is it one from which keys may be looked for at all?
Result<void> check_record(const DecodedRecord& d) {
    const KeysetRecord& k = d.record;
    const auto wrong = [&](std::string_view what) {
        return fail(Errc::unauthentic, "header: keyset {}: {}", k.id, what);
    };
    if (d.state > static_cast<std::uint8_t>(State::dead)) return wrong("unknown state");
    if (k.state == State::none) return {};
    if (k.id == 0 || k.id > kKeysetMax) return wrong("its number is impossible");
    if (d.layer_bits == 0 || d.layer_bits > 3) return wrong("its layers are impossible");
    TF_TRY(check_suites(k.layers[0].suite, k.layers[1].suite));
    if (k.layer_bits() != d.layer_bits) return wrong("suites and layers differ");
    for (const auto& layer : k.layers) {
        if (layer.suite == Suite::none && layer != KeysetRecord::LayerKey{})
            return wrong("an absent layer has a key");
        if (layer.suite == Suite::none) continue;
        if (layer.dek.id.is_zero() || layer.dek.generation == 0) return wrong("a key has no name");
        if (layer.bank > 1) return wrong("a bank is impossible");
    }
    // Two names for one key would be found out by the commitments; one name for two layers, here.
    if (k.layer_count() == 2 && k.layers[0].dek.id == k.layers[1].dek.id)
        return wrong("one key for both layers");
    return {};
}

struct Decoded {
    StaticSector sector;
    std::uint32_t header_size = 0, block_size = 0, segment_shape = 0;
    std::uint64_t segments_max = 0;
    std::array<std::uint64_t, 4> offsets{};
    std::uint8_t role = 0;
    bool zeros = true;  // every byte that must be zero is
    bool label = true;  // UTF-8, NUL-padded, without control characters
    std::array<DecodedRecord, StaticSector::kKeysets> records;
};

bool read_label(Bytes field, std::string& label) {
    const auto end = std::ranges::find(field, std::byte{0});
    const auto length = static_cast<std::size_t>(end - field.begin());
    label = as_text(field.first(length));
    return all_zero(field.subspan(length)) && is_utf8(label) &&
           std::ranges::none_of(label, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Decoded decode(SectorView bytes) {
    Decoded d;
    StaticSector& s = d.sector;
    Reader r(bytes);
    r.bytes(kMagic.size() + sizeof kVersion);
    d.header_size = r.u32_le();
    s.generation = r.u64_le();
    r.into(std::span(s.disk.bytes));
    r.into(std::span(s.deployment.bytes));
    r.into(std::span(s.salt));
    d.block_size = r.u32_le();
    d.segment_shape = r.u32_le();
    d.segments_max = r.u64_le();
    s.shape.segments_max = static_cast<std::uint32_t>(d.segments_max);
    s.shape.pool_slots = r.u32_le();
    s.shape.log_pages = r.u32_le();
    for (auto& offset : d.offsets) offset = r.u64_le();
    s.policy = r.u32_le();
    d.role = r.u8();
    s.role = static_cast<Role>(d.role);
    d.zeros = r.zeros(3);
    d.label = read_label(r.bytes(kLabelSize), s.label);
    d.zeros = r.zeros(kKeysetsAt - r.offset()) && d.zeros;
    for (std::size_t i = 0; i < StaticSector::kKeysets; ++i) {
        d.records[i] = decode_record(r.bytes(KeysetRecord::kSize));
        s.keysets[i] = d.records[i].record;
        d.zeros = d.records[i].zeros && d.zeros;
        if (s.keysets[i].state == State::none)
            d.zeros = s.keysets[i] == KeysetRecord{} && d.records[i].layer_bits == 0 && d.zeros;
    }
    d.zeros = r.zeros(kShaAt - r.offset()) && d.zeros;
    return d;
}

Result<void> check_records(const Decoded& d) {
    int active = 0, retiring = 0;
    for (const DecodedRecord& record : d.records) {
        TF_TRY(check_record(record));
        active += record.record.state == State::active;
        retiring += record.record.state == State::retiring;
    }
    if (active != 1 || retiring > 1)
        return fail(Errc::unauthentic, "header: {} active and {} retiring keysets", active,
                    retiring);
    for (const DecodedRecord& a : d.records)
        for (const DecodedRecord& b : d.records)
            if (&a != &b && a.record.state != State::none && a.record.id == b.record.id)
                return fail(Errc::unauthentic, "header: two keysets are number {}", a.record.id);
    return {};
}

// Of an authentic sector: could this program have written it?
Result<void> check_fields(const Decoded& d, const Limits& limits) {
    const StaticSector& s = d.sector;
    const auto wrong = [](std::string_view what) {
        return fail(Errc::corrupt, "header: {} is impossible", what);
    };
    if ((s.policy & ~kPolicyBits) != 0)
        return fail(Errc::unsupported, "header: policy {:#x} is not known to this version",
                    s.policy);
    if (d.role < 1 || d.role > 3)
        return fail(Errc::unsupported, "header: role {} is not known to this version", d.role);
    if (s.generation == 0 || s.generation > kCounterMax) return wrong("generation");
    if (s.disk.is_zero()) return wrong("disk id");
    if (d.segments_max > limits.segments_max || !s.shape.check(limits)) return wrong("shape");
    const std::array<std::uint64_t, 4> offsets{s.shape.log_offset(), s.shape.segment_table_offset(),
                                               s.shape.pool_table_offset(), s.shape.data_offset()};
    if (d.offsets != offsets) return wrong("offset of a region");
    if (!d.label) return wrong("label");
    if (!d.zeros) return wrong("reserved field");
    if ((s.policy & StaticSector::layer2_required) != 0 && !s.active().has(Layer::two))
        return wrong("layer 2, required and absent,");
    return {};
}

}  // namespace

std::uint8_t KeysetRecord::layer_bits() const {
    return static_cast<std::uint8_t>((has(Layer::one) ? 1 : 0) | (has(Layer::two) ? 2 : 0));
}

KeysetNote KeysetRecord::note() const {
    return {.keyset = id,
            .layer1 = layers[0].suite,
            .layer2 = layers[1].suite,
            .dek1 = layers[0].dek.id,
            .dek2 = layers[1].dek.id,
            .commitment1 = layers[0].commitment,
            .commitment2 = layers[1].commitment};
}

Result<void> check_suites(Suite layer1, Suite layer2) {
    const auto authenticated = [](Suite suite) {
        return suite == Suite::xchacha20_poly1305 || suite == Suite::xaes_256_gcm;
    };
    const bool inner = authenticated(layer2);
    if (layer1 == Suite::none
            ? inner
            : (layer2 == Suite::none || inner) &&
                  (authenticated(layer1) || (layer1 == Suite::aes_256_xts && inner)))
        return {};
    return fail(Errc::unsupported, "suites {} (layer 1) and {} (layer 2): not a possible disk",
                static_cast<int>(layer1), static_cast<int>(layer2));
}

const KeysetRecord& StaticSector::active() const {
    const auto found = std::ranges::find(keysets, State::active, &KeysetRecord::state);
    TF_CHECK(found != keysets.end());
    return *found;
}

const KeysetRecord* StaticSector::retiring() const {
    const auto found = std::ranges::find(keysets, State::retiring, &KeysetRecord::state);
    return found == keysets.end() ? nullptr : &*found;
}

std::vector<const KeysetRecord*> StaticSector::live() const {
    std::vector<const KeysetRecord*> out{&active()};
    if (const KeysetRecord* second = retiring()) out.push_back(second);
    return out;
}

DiskNote StaticSector::note() const {
    DiskNote out{.deployment = deployment, .disk = disk, .keysets = {}};
    for (const KeysetRecord* record : live()) out.keysets.push_back(record->note());
    return out;
}

Result<PageBytes> StaticSector::encode(const MacOf& mac_of) const {
    PageBytes sector{};
    Writer w(sector);
    w.bytes(as_bytes(kMagic));
    w.u32_le(kVersion);
    w.u32_le(kHeaderSize);
    w.u64_le(generation);
    w.bytes(disk.bytes);
    w.bytes(deployment.bytes);
    w.bytes(salt);
    w.u32_le(kBlockSize);
    w.u32_le(kSegmentShape);
    w.u64_le(shape.segments_max);
    w.u32_le(shape.pool_slots);
    w.u32_le(shape.log_pages);
    w.u64_le(shape.log_offset());
    w.u64_le(shape.segment_table_offset());
    w.u64_le(shape.pool_table_offset());
    w.u64_le(shape.data_offset());
    w.u32_le(policy);
    w.u8(static_cast<std::uint8_t>(role));
    w.zeros(3);
    TF_CHECK(label.size() <= kLabelSize);
    w.bytes(as_bytes(label));
    w.zeros(kKeysetsAt - w.offset());
    for (const KeysetRecord& record : keysets) encode_record(record, w);
    w.zeros(kShaAt - w.offset());
    w.bytes(crypto::sha256(Bytes(sector).first(kShaAt)));
    for (const KeysetRecord* record : live())
        for (const Layer layer : {Layer::one, Layer::two}) {
            if (!record->has(layer)) continue;
            const crypto::Digest mac = mac_of(*record, layer, Bytes(sector).first(kMacsAt));
            const std::size_t at = kMacsAt + 32 * mac_index(record->state, layer);
            Writer(MutableBytes(sector).subspan(at, 32)).bytes(mac);
        }
    TF_TRY(parse(sector));  // what we write we can read
    return sector;
}

Result<StaticSector> StaticSector::peek(SectorView sector) {
    Reader r(sector);
    if (as_text(r.bytes(kMagic.size())) != kMagic)
        return fail(Errc::not_an_image, "header: not a twofold disk image");
    if (const std::uint32_t version = r.u32_le(); version != kVersion)
        return fail(Errc::unsupported, "header: format {} is not known to this version", version);
    return decode(sector).sector;
}

Result<StaticSector> StaticSector::parse(SectorView sector) {
    TF_TRY(peek(sector));
    if (!equal(crypto::sha256(Bytes(sector).first(kShaAt)), Bytes(sector).subspan(kShaAt, 32)))
        return fail(Errc::damaged, "header: check value is wrong");
    const Decoded d = decode(sector);
    if (d.header_size != kHeaderSize || d.block_size != kBlockSize ||
        d.segment_shape != kSegmentShape)
        return fail(Errc::unsupported, "header: header of {} bytes, blocks of {}, segment shape {}",
                    d.header_size, d.block_size, d.segment_shape);
    TF_TRY(check_records(d));
    return d.sector;
}

Result<void> StaticSector::verify(SectorView bytes, const MacOf& mac_of, const Limits& limits) {
    const Decoded d = decode(bytes);
    std::array<crypto::Digest, 4> expected{};  // zero where there is no layer
    for (const KeysetRecord* record : d.sector.live())
        for (const Layer layer : {Layer::one, Layer::two})
            if (record->has(layer)) {
                expected[mac_index(record->state, layer)] =
                    mac_of(*record, layer, Bytes(bytes).first(kMacsAt));
            }
    bool right = true;
    for (std::size_t i = 0; i < expected.size(); ++i)
        right = crypto::equal_in_constant_time(Bytes(bytes).subspan(kMacsAt + 32 * i, 32),
                                               expected[i]) &&
                right;
    if ((!right && !broken(Rule::header_mac)) || !all_zero(Bytes(bytes).subspan(kMacsEnd)))
        return fail(Errc::unauthentic, "header: MAC is wrong: tampering or a wrong key");
    return broken(Rule::header_fields) ? Result<void>() : check_fields(d, limits);
}

Result<void> StaticSector::verify_layer(SectorView bytes, Layer layer, const MacOf& mac_of,
                                        const Limits& limits) {
    const Decoded d = decode(bytes);
    bool right = all_zero(Bytes(bytes).subspan(kMacsEnd));
    for (const KeysetRecord* record : d.sector.live()) {
        if (!record->has(layer)) continue;
        const Bytes mac = Bytes(bytes).subspan(kMacsAt + 32 * mac_index(record->state, layer), 32);
        right = crypto::equal_in_constant_time(
                    mac, mac_of(*record, layer, Bytes(bytes).first(kMacsAt))) &&
                right;
    }
    if (!right) return fail(Errc::unauthentic, "header: MAC is wrong: tampering or a wrong key");
    return check_fields(d, limits);
}

std::string_view name_of(State state) {
    switch (state) {
        case State::none:
            return "none";
        case State::active:
            return "ACTIVE";
        case State::retiring:
            return "RETIRING";
        case State::dead:
            return "DEAD";
    }
    return "unknown";
}

std::string_view name_of(Suite suite) {
    switch (suite) {
        case Suite::none:
            return "none";
        case Suite::xchacha20_poly1305:
            return "XChaCha20-Poly1305";
        case Suite::xaes_256_gcm:
            return "XAES-256-GCM";
        case Suite::aes_256_xts:
            return "AES-256-XTS";
    }
    return "unknown";
}

}  // namespace twofold::fs

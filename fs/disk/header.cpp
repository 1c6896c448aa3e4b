// Opening a header: which copy, which envelopes, which keys (format, sections 4 and 7).
#include "fs/disk/header.h"

#include <algorithm>
#include <map>

#include "fs/disk/rule.h"

namespace twofold::fs {

namespace {

using crypto::Layer;
using crypto::SecretBytes;

constexpr std::array kCopies{HeaderCopy::a, HeaderCopy::b};
constexpr std::size_t at(HeaderCopy copy) { return static_cast<std::size_t>(copy); }
constexpr std::size_t at(Layer layer) { return layer == Layer::one ? 0 : 1; }
std::string_view name_of(HeaderCopy copy) { return copy == HeaderCopy::a ? "A" : "B"; }
int number(Layer layer) { return static_cast<int>(layer); }

// One copy as it was read.
struct Copy {
    std::array<PageBytes, kHeaderSectors> sectors{};
    bool readable = false;
    Result<StaticSector> facts = fail(Errc::damaged, "header: the file ends before it");
};

Result<Copy> read_copy(io::File& file, HeaderCopy which) {
    Copy copy;
    std::vector<MutableBytes> parts(copy.sectors.begin(), copy.sectors.end());
    auto read = file.read(header_offset(which), parts);
    if (!read && read.error().code != Errc::damaged) return fail(std::move(read).error());
    if (!read) return copy;
    copy.readable = true;
    copy.facts = StaticSector::parse(copy.sectors[0]);
    return copy;
}

Result<std::array<Copy, 2>> read_copies(io::File& file) {
    std::array<Copy, 2> copies;
    for (const HeaderCopy copy : kCopies) {
        TF_ASSIGN(copies[at(copy)], read_copy(file, copy));
    }
    if (!copies[0].readable)
        return fail(Errc::not_an_image, "header: the file is too short for a disk image");
    return copies;
}

// Newest first; a twin of the first needs no second attempt.
Result<std::vector<const Copy*>> attempts_at(const std::array<Copy, 2>& copies) {
    std::vector<const Copy*> attempts;
    for (const Copy& copy : copies)
        if (copy.facts && (attempts.empty() || !equal(attempts[0]->sectors[0], copy.sectors[0])))
            attempts.push_back(&copy);
    std::ranges::stable_sort(attempts, std::greater<>(),
                             [](const Copy* copy) { return copy->facts->generation; });
    if (!attempts.empty()) return attempts;
    const auto& worse = copies[0].facts.error().code == Errc::not_an_image ? copies[1] : copies[0];
    if (worse.facts.error().code != Errc::damaged) return fail(worse.facts.error());
    return fail(Errc::damaged, "header: both copies are damaged");
}

// The layers, suites, ids and commitments that the disk must have, from outside the image.
Result<void> compare(const StaticSector& facts, const DiskNote& expected) {
    const auto substituted = [](const std::string& text) {
        return fail(Errc::substituted, "header: {}", text);
    };
    if (facts.disk != expected.disk)
        return substituted(
            fmt::format("this is disk {}, not {} as noted", facts.disk.hex(), expected.disk.hex()));
    if (facts.deployment != expected.deployment)
        return substituted(fmt::format("the disk belongs to deployment {}, not {} as noted",
                                       facts.deployment.hex(), expected.deployment.hex()));
    for (const KeysetRecord* record : facts.live())
        if (!std::ranges::count(expected.keysets, record->note()))
            return substituted(fmt::format(
                "layers, algorithms or keys of keyset {} are not those noted for this disk",
                record->id));
    return {};
}

bool is_key_trouble(Errc code) {
    switch (code) {
        case Errc::key_unavailable:
        case Errc::key_revoked:
        case Errc::key_blocked:
        case Errc::key_expired:
        case Errc::vault_unreachable:
            return true;
        default:
            return false;
    }
}

}  // namespace

// One attempt to open the header with the static sector of one copy; the envelopes of both count.
struct Header::Opening {
    const std::array<Copy, 2>& copies;
    crypto::KeySource& source;
    const DiskNote& expected;
    const Limits& limits;
    Libraries libraries;

    std::optional<Layer> only{};  // else every layer's envelopes are looked at
    std::vector<HeaderDamage> damage{};
    std::vector<std::pair<EnvelopePlace, SecretBytes>> envelope_keys{};

    // An envelope sector that may hold a DEK, as one copy has it.
    struct Candidate {
        HeaderCopy copy;
        EnvelopePlace place;
        const PageBytes* bytes;
        EnvelopeSector sector;
    };

    Result<DiskKeys> run(const StaticSector& facts, const PageBytes& sector);
    Result<OneLayer> run_layer(const StaticSector& facts, const PageBytes& sector, Layer layer);
    Result<SecretBytes> find_layer_key(const StaticSector& facts, const KeysetRecord& record,
                                       Layer layer);
    std::vector<Candidate> candidates(const StaticSector& facts, const KeysetRecord& record,
                                      Layer layer);
    Result<SecretBytes> try_candidate(const Candidate& candidate, const StaticSector& facts,
                                      const KeysetRecord& record);
    void report(HeaderDamage::What what, HeaderCopy copy, std::string text);
    Image settle(const StaticSector& facts, const PageBytes& sector);
    void settle_envelope(std::uint32_t sector, const StaticSector& facts, Image& image);
    bool authentic(EnvelopePlace place, const PageBytes& bytes) const;
};

void Header::Opening::report(HeaderDamage::What what, HeaderCopy copy, std::string text) {
    damage.push_back({what, copy, fmt::format("header copy {}: {}", name_of(copy), text)});
}

Result<DiskKeys> Header::Opening::run(const StaticSector& facts, const PageBytes& sector) {
    if (!broken(Rule::note_is_compared)) TF_TRY(compare(facts, expected));
    std::vector<KeysetKeys> keysets;
    SecretBytes secret;
    for (const KeysetRecord* record : facts.live()) {
        std::array<SecretBytes, 2> prks, wraps;
        const KeysetContext x = KeysetContext::of(*record, facts.disk);
        for (const Layer layer : {Layer::one, Layer::two}) {
            if (!record->has(layer)) continue;
            TF_ASSIGN(prks[at(layer)], find_layer_key(facts, *record, layer));
            TF_ASSIGN(wraps[at(layer)], derive_wrap_key(prks[at(layer)].reveal(), layer, x));
        }
        if (crypto::equal_in_constant_time(prks[0].reveal(), prks[1].reveal()) &&
            !broken(Rule::layers_have_keys_of_their_own))
            return fail(Errc::unsupported, "header: one key for both layers");
        TF_ASSIGN(auto keys, KeysetKeys::derive(*record, facts.disk, prks, libraries));
        keysets.push_back(std::move(keys));
        auto opened = unwrap_volume_secret(record->wrapped_secret, wraps[0].reveal(),
                                           wraps[1].reveal(), record->nonce, x);
        if (!opened) return fail(std::move(opened.error()).in("header"));
        if (!secret.empty() && !crypto::equal_in_constant_time(secret.reveal(), opened->reveal()))
            return fail(Errc::corrupt, "header: keysets hold different volume secrets");
        secret = std::move(*opened);
    }
    TF_TRY(StaticSector::verify(sector, header_mac_of(keysets), limits));
    TF_ASSIGN(auto macs, VolumeMacs::derive(facts.salt, secret.reveal(), facts.disk));
    return DiskKeys(std::move(keysets), std::move(macs));
}

// The volume secret, and all that hangs on it, stays sealed under the other layer.
Result<Header::OneLayer> Header::Opening::run_layer(const StaticSector& facts,
                                                    const PageBytes& sector, Layer layer) {
    TF_TRY(compare(facts, expected));
    if (!facts.active().has(layer))
        return fail(Errc::invalid, "header: the disk has no layer {}", number(layer));
    OneLayer out;
    std::map<std::uint32_t, SecretBytes> header_keys;  // by keyset
    for (const KeysetRecord* record : facts.live()) {
        if (!record->has(layer)) continue;
        const KeysetContext x = KeysetContext::of(*record, facts.disk);
        TF_ASSIGN(const SecretBytes prk, find_layer_key(facts, *record, layer));
        TF_ASSIGN(header_keys[record->id], derive_header_key(prk.reveal(), layer, x));
        TF_ASSIGN(auto data_key, derive_data_key(prk.reveal(), layer, x));
        TF_ASSIGN(auto seal, make_seal(layer, record->layer(layer).suite, facts.disk, record->id,
                                       std::move(data_key), libraries));
        out.seals.emplace_back(record->id, std::move(seal));
    }
    TF_TRY(StaticSector::verify_layer(
        sector, layer,
        [&](const KeysetRecord& record, Layer, Bytes bytes) {
            return crypto::hmac_sha256(header_keys.at(record.id).reveal(), bytes);
        },
        limits));
    out.facts = facts;
    return out;
}

std::vector<Header::Opening::Candidate> Header::Opening::candidates(const StaticSector& facts,
                                                                    const KeysetRecord& record,
                                                                    Layer layer) {
    std::vector<Candidate> out;
    for (const HeaderCopy copy : kCopies)
        for (const std::uint8_t slot : {std::uint8_t{0}, std::uint8_t{1}}) {
            const EnvelopePlace place{layer, record.layer(layer).bank, slot};
            const PageBytes& bytes = copies[at(copy)].sectors[place.sector()];
            auto parsed = EnvelopeSector::parse(bytes);
            if (!parsed || !*parsed) continue;  // settle() reports what is damaged
            const EnvelopeSector& sector = **parsed;
            if (sector.layer != layer || sector.disk != facts.disk ||
                sector.envelope.dek != record.layer(layer).dek)
                continue;
            const bool twin = std::ranges::any_of(
                out, [&](const Candidate& other) { return equal(*other.bytes, bytes); });
            if (!twin) out.push_back({copy, place, &bytes, sector});
        }
    std::ranges::stable_sort(out, std::greater<>(), [](const Candidate& candidate) {
        return candidate.sector.envelope.generation;
    });
    return out;
}

// The PRK of one layer: from the newest envelope that opens to the key that the header is committed
// to.
Result<SecretBytes> Header::Opening::find_layer_key(const StaticSector& facts,
                                                    const KeysetRecord& record, Layer layer) {
    std::optional<Error> first, key_trouble;
    const auto all = candidates(facts, record, layer);
    for (const Candidate& candidate : all) {
        auto prk = try_candidate(candidate, facts, record);
        if (prk) {
            if (first)
                report(
                    HeaderDamage::What::envelope, all.front().copy,
                    fmt::format("layer {} was opened by envelope generation {}, since: {}",
                                number(layer), candidate.sector.envelope.generation, first->what));
            return prk;
        }
        if (!first) first = prk.error();
        if (!key_trouble && is_key_trouble(prk.error().code)) key_trouble = prk.error();
    }
    // A key that can't be used today may be usable tomorrow: that is what to tell, before damage.
    if (key_trouble) return fail(std::move(*key_trouble));
    if (first) return fail(std::move(*first));
    for (const HeaderCopy copy : kCopies)
        for (const std::uint8_t slot : {std::uint8_t{0}, std::uint8_t{1}}) {
            const EnvelopePlace place{layer, record.layer(layer).bank, slot};
            if (!EnvelopeSector::parse(copies[at(copy)].sectors[place.sector()]))
                return fail(Errc::damaged, "header: no sound envelope of layer {} in either copy",
                            number(layer));
        }
    return fail(Errc::key_unavailable, "header: no envelope of layer {}", number(layer));
}

Result<SecretBytes> Header::Opening::try_candidate(const Candidate& candidate,
                                                   const StaticSector& facts,
                                                   const KeysetRecord& record) {
    const Layer layer = candidate.place.layer;
    TF_ASSIGN(const SecretBytes dek, source.unwrap(layer, candidate.sector.envelope));
    TF_ASSIGN(SecretBytes prk, extract_layer_key(facts.salt, dek.reveal()));
    // Before any other use: the ciphers do not bind their key, the commitment does.
    TF_ASSIGN(const Commitment commitment,
              derive_commitment(prk.reveal(), layer, KeysetContext::of(record, facts.disk)));
    if (!crypto::equal_in_constant_time(commitment, record.layer(layer).commitment) &&
        !broken(Rule::commitment_is_compared))
        return fail(Errc::substituted,
                    "header: envelope of layer {} holds another key than the disk is committed to",
                    number(layer));
    TF_ASSIGN(SecretBytes key, derive_envelope_key(prk.reveal(), layer, facts.disk));
    TF_TRY(EnvelopeSector::verify(*candidate.bytes, key.reveal()));
    envelope_keys.emplace_back(candidate.place, std::move(key));
    return prk;
}

// Only asked once the DEKs are open, whose envelope keys vouch for the other envelopes of their
// bank.
bool Header::Opening::authentic(EnvelopePlace place, const PageBytes& bytes) const {
    for (const auto& [known, key] : envelope_keys)
        if (known.layer == place.layer && known.bank == place.bank)
            return EnvelopeSector::verify(bytes, key.reveal()).has_value();
    return false;  // a bank that no live keyset uses
}

// What one envelope sector ought to be in both copies: the newest that is sound.
void Header::Opening::settle_envelope(std::uint32_t sector, const StaticSector& facts,
                                      Image& image) {
    const EnvelopePlace place = EnvelopePlace::at(sector);
    const EnvelopeSector* best = nullptr;
    std::array<Result<std::optional<EnvelopeSector>>, 2> parsed{
        EnvelopeSector::parse(copies[0].sectors[sector]),
        EnvelopeSector::parse(copies[1].sectors[sector])};
    for (const HeaderCopy copy : kCopies) {
        if (!copies[at(copy)].readable) continue;
        const PageBytes& bytes = copies[at(copy)].sectors[sector];
        const auto& here = parsed[at(copy)];
        if (here && !*here) continue;  // empty
        const bool sound = here && (*here)->layer == place.layer && (*here)->disk == facts.disk &&
                           authentic(place, bytes);
        if (!sound) {
            report(HeaderDamage::What::envelope, copy,
                   fmt::format("envelope of layer {}, bank {}, slot {}: {}", number(place.layer),
                               place.bank, place.slot,
                               here ? "not one of this disk's keys" : here.error().what));
        } else if (!best || (*here)->envelope.generation > best->envelope.generation) {
            best = &**here;
            image.sectors[sector] = bytes;
        }
    }
}

// Everything as it ought to be, and which sectors of the copies are not.
Header::Image Header::Opening::settle(const StaticSector& facts, const PageBytes& sector) {
    Image image;
    image.sectors[0] = sector;
    for (std::uint32_t i = 1; i <= kEnvelopes; ++i)
        if (!only || EnvelopePlace::at(i).layer == *only) settle_envelope(i, facts, image);
    for (const HeaderCopy copy : kCopies) {
        const Copy& found = copies[at(copy)];
        for (std::size_t i = 0; i < kHeaderSectors; ++i)
            image.differ[at(copy)][i] =
                !found.readable || !equal(found.sectors[i], image.sectors[i]);
        if (!found.facts)
            report(HeaderDamage::What::copy, copy, found.facts.error().what);
        else if (image.differ[at(copy)][0] && found.facts->generation >= facts.generation)
            report(HeaderDamage::What::copy, copy, "header: does not open or verify");
        for (std::size_t i = kEnvelopes + 1; i < kHeaderSectors; ++i)
            if (found.readable && image.differ[at(copy)][i])
                report(HeaderDamage::What::copy, copy, fmt::format("sector {} is not zero", i));
    }
    return image;
}

Header::Header(StaticSector facts, Image image, std::vector<HeaderDamage> damage)
    : facts_(std::move(facts)), damage_(std::move(damage)), image_(std::move(image)) {}

Result<Header::Opened> Header::open(io::File& file, crypto::KeySource& keys,
                                    const DiskNote& expected, const Limits& limits,
                                    Libraries libraries) {
    TF_ASSIGN(const auto copies, read_copies(file));
    TF_ASSIGN(const auto attempts, attempts_at(copies));
    std::optional<Error> first;
    for (const Copy* attempt : attempts) {
        Opening opening{copies, keys, expected, limits, libraries};
        auto opened = opening.run(*attempt->facts, attempt->sectors[0]);
        if (opened) {
            Image image = opening.settle(*attempt->facts, attempt->sectors[0]);
            return Opened{std::unique_ptr<Header>(new Header(*attempt->facts, std::move(image),
                                                             std::move(opening.damage))),
                          std::move(*opened)};
        }
        if (!first) first = opened.error();
    }
    return fail(std::move(*first));
}

Result<Header::OneLayer> Header::open_layer(io::File& file, crypto::KeySource& keys,
                                            const DiskNote& expected, const Limits& limits,
                                            Layer layer) {
    TF_ASSIGN(const auto copies, read_copies(file));
    TF_ASSIGN(const auto attempts, attempts_at(copies));
    std::optional<Error> first;
    for (const Copy* attempt : attempts) {
        Opening opening{copies, keys, expected, limits, Libraries::fastest, layer};
        auto opened = opening.run_layer(*attempt->facts, attempt->sectors[0], layer);
        if (opened) {
            opening.settle(*attempt->facts, attempt->sectors[0]);
            opened->damage = std::move(opening.damage);
            return opened;
        }
        if (!first) first = opened.error();
    }
    return fail(std::move(*first));
}

}  // namespace twofold::fs

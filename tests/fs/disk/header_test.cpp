// Opening a header: which copy and which envelope counts, and what each wrong field is called.
#include "tests/fs/disk/header_fixture.h"

namespace twofold::fs {
namespace {

using crypto::Layer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kShaAt = 3904, kMacsAt = 3936;

void fix_sha(PageBytes& page) {
    std::ranges::copy(crypto::sha256(Bytes(page).first(kShaAt)), page.begin() + kShaAt);
}
// What only a holder of every layer's key can do.
void fix_macs(PageBytes& page, const DiskKeys& keys, const StaticSector& facts) {
    for (const Layer layer : {Layer::one, Layer::two}) {
        const auto mac = keys.header_mac()(facts.active(), layer, Bytes(page).first(kMacsAt));
        std::ranges::copy(mac, page.begin() + static_cast<std::ptrdiff_t>(
                                                  kMacsAt + (layer == Layer::one ? 0 : 32)));
    }
}

TEST_F(HeaderTest, OpensWhatWasCreated) {
    const auto opened = must(open());
    const StaticSector& facts = opened.header->facts();
    EXPECT_THAT(opened.header->damage(), IsEmpty());
    EXPECT_EQ(facts.note(), note);
    EXPECT_EQ(facts.label, "data-0");
    EXPECT_EQ(facts.role, Role::data);
    EXPECT_EQ(facts.shape, (Shape{4, 4, 16}));
    EXPECT_EQ(facts.generation, 1u);
    EXPECT_EQ(opened.keys.active().keyset(), 1u);
    EXPECT_EQ(opened.keys.find(1), &opened.keys.active());
    EXPECT_EQ(opened.keys.find(2), nullptr);
    EXPECT_EQ(must(opened.header->envelope(Layer::two)).record, keys.record_of(Layer::two));
    EXPECT_TRUE(copies_equal());
}

TEST_F(HeaderTest, OpensEveryShapeOfDisk) {
    const std::pair<Suite, Suite> shapes[] = {
        {Suite::xchacha20_poly1305, Suite::none},
        {Suite::xaes_256_gcm, Suite::none},
        {Suite::none, Suite::xaes_256_gcm},
        {Suite::aes_256_xts, Suite::xaes_256_gcm},
        {Suite::xaes_256_gcm, Suite::xchacha20_poly1305},
    };
    for (const auto& [layer1, layer2] : shapes) {
        DiskSpec spec;
        spec.layer1 = layer1;
        spec.layer2 = layer2;
        create(spec);
        const auto opened = must(open());
        EXPECT_EQ(opened.header->envelope(Layer::one).has_value(), layer1 != Suite::none);
        EXPECT_EQ(opened.header->envelope(Layer::two).has_value(), layer2 != Suite::none);
    }
}

TEST_F(HeaderTest, ShapesThatProtectNothingAreRefused) {
    const std::pair<Suite, Suite> shapes[] = {
        {Suite::none, Suite::none},
        {Suite::aes_256_xts, Suite::none},
        {Suite::none, Suite::aes_256_xts},
        {Suite::xchacha20_poly1305, Suite::aes_256_xts},
        {static_cast<Suite>(4), Suite::xchacha20_poly1305},
        {Suite::aes_256_xts, static_cast<Suite>(5)},
    };
    for (const auto& [layer1, layer2] : shapes) {
        DiskSpec spec = small({});
        spec.layer1 = layer1;
        spec.layer2 = layer2;
        const auto empty = io::make_memory_file(0);
        EXPECT_THAT(create_disk(*empty, spec, keys, random, clock, Limits::tiny()),
                    FailsWith(Errc::unsupported));
        EXPECT_EQ(must(empty->size()), 0u);
    }
}

TEST_F(HeaderTest, OneKeyForBothLayersIsRefused) {
    InsecureTestKeys same(0x11, 0x11);
    const auto empty = io::make_memory_file(0);
    EXPECT_THAT(create_disk(*empty, small({}), same, random, clock, Limits::tiny()),
                FailsWith(Errc::unsupported));
}

TEST_F(HeaderTest, ADiskIsMadeInAnEmptyFileOnly) {
    EXPECT_THAT(create_disk(*file, small({}), keys, random, clock, Limits::tiny()),
                FailsWith(Errc::exists));
}

TEST_F(HeaderTest, ADiskIsMadeWithinItsLimits) {
    const auto empty = io::make_memory_file(0);
    DiskSpec spec = small({});
    EXPECT_THAT(create_disk(*empty, spec, keys, random, clock), FailsWith(Errc::invalid));
    spec.label = std::string(65, 'x');
    EXPECT_THAT(create_disk(*empty, spec, keys, random, clock, Limits::tiny()),
                FailsWith(Errc::invalid));
    spec.label = "line\nbreak";
    EXPECT_THAT(create_disk(*empty, spec, keys, random, clock, Limits::tiny()),
                FailsWith(Errc::invalid));
}

TEST_F(HeaderTest, WithoutAKeyNothingIsMade) {
    keys.unusable = Errc::key_revoked;
    const auto empty = io::make_memory_file(0);
    EXPECT_THAT(create_disk(*empty, small({}), keys, random, clock, Limits::tiny()),
                FailsWith(Errc::key_revoked));
    EXPECT_EQ(must(empty->size()), 0u);
}

TEST_F(HeaderTest, ACreationThatWasCutLeavesNoImage) {
    // Everything but the headers is there, and that is not an image.
    set_both(0, {});
    EXPECT_THAT(open(), FailsWith(Errc::not_an_image));
}

// ---- Which copy ----

TEST_F(HeaderTest, EveryByteOfCopyAMayBeDamaged) {
    for (std::size_t byte = 0; byte < kSectorSize; byte += 5) {
        flip(HeaderCopy::a, 0, byte, 0x10);
        const auto opened = open();
        ASSERT_THAT(opened, Succeeds()) << byte;
        ASSERT_EQ(opened->header->damage().size(), 1u) << byte;
        EXPECT_EQ(opened->header->damage()[0].what, HeaderDamage::What::copy);
        EXPECT_THAT(opened->header->damage()[0].text, HasSubstr("copy A"));
        flip(HeaderCopy::a, 0, byte, 0x10);
    }
}

TEST_F(HeaderTest, NoBitOfTheStaticSectorCanChangeUnseen) {
    const auto opened = must(open());
    const PageBytes good = sector(HeaderCopy::a, 0);
    for (std::size_t bit = 0; bit < kSectorSize * 8; ++bit) {
        PageBytes page = good;
        page[bit / 8] ^= std::byte(1 << bit % 8);
        const auto parsed = StaticSector::parse(page);
        const bool refused =
            !parsed || !StaticSector::verify(page, opened.keys.header_mac(), Limits::tiny());
        ASSERT_TRUE(refused) << "bit " << bit;
    }
}

TEST_F(HeaderTest, NoBitOfAnEnvelopeCanChangeUnseen) {
    const auto opened = must(open());
    const PageBytes good = sector(HeaderCopy::a, place(Layer::two, 0));
    for (std::size_t bit = 0; bit < kSectorSize * 8; ++bit) {
        PageBytes page = good;
        page[bit / 8] ^= std::byte(1 << bit % 8);
        const bool refused = !EnvelopeSector::parse(page) ||
                             !EnvelopeSector::verify(page, opened.keys.envelope_key(Layer::two));
        ASSERT_TRUE(refused) << "bit " << bit;
    }
}

TEST_F(HeaderTest, BothCopiesDamagedIsDamage) {
    flip(HeaderCopy::a, 0, 100);
    flip(HeaderCopy::b, 0, 200);
    EXPECT_THAT(open(), FailsWith(Errc::damaged));
    EXPECT_EQ(exit_code(open().error().code), 4);
}

TEST_F(HeaderTest, OneCopyWithoutMagicAndOneDamagedIsDamage) {
    flip(HeaderCopy::a, 0, 0);
    flip(HeaderCopy::b, 0, 200);
    EXPECT_THAT(open(), FailsWith(Errc::damaged));
}

TEST_F(HeaderTest, AFileThatIsNoImageIsCalledThat) {
    file = io::make_memory_file(0);
    EXPECT_THAT(open(), FailsWith(Errc::not_an_image));
    file = io::make_memory_file(4 << 20);
    EXPECT_THAT(open(), FailsWith(Errc::not_an_image));
}

TEST_F(HeaderTest, AFileCutBehindCopyAOpensAndSaysSo) {
    must(file->resize(kHeaderSize));
    EXPECT_THAT(damage(), ElementsAre(HasSubstr("copy B")));
}

TEST_F(HeaderTest, TheNewerCopyWins) {
    const auto opened = must(open());
    StaticSector newer = opened.header->facts();
    newer.generation = 2;
    newer.label = "newer";
    set_sector(HeaderCopy::b, 0, must(newer.encode(opened.keys.header_mac())));
    EXPECT_EQ(must(open()).header->facts().label, "newer");
    EXPECT_THAT(damage(), IsEmpty());  // a header write that was cut is no damage
}

TEST_F(HeaderTest, ACopyThatVerifiesButDoesNotOpenGivesWay) {
    // A newer generation under another key: whole, and yet nothing that this disk's keys open.
    const auto opened = must(open());
    StaticSector other = opened.header->facts();
    other.generation = 9;
    other.keysets[0].layers[1].commitment[0] ^= std::byte{1};
    set_sector(HeaderCopy::a, 0, must(other.encode(opened.keys.header_mac())));
    EXPECT_EQ(must(open()).header->facts().generation, 1u);
    EXPECT_THAT(damage(), ElementsAre(HasSubstr("copy A")));
}

TEST_F(HeaderTest, RepairMakesBothCopiesSound) {
    flip(HeaderCopy::a, 0, 77);
    flip(HeaderCopy::b, place(Layer::one, 0), 300);
    flip(HeaderCopy::b, 12, 5);
    auto opened = must(open());
    EXPECT_EQ(opened.header->damage().size(), 3u);
    int syncs = 0;
    must(opened.header->repair(*file, [&] {
        ++syncs;
        return Result<void>();
    }));
    EXPECT_EQ(syncs, 2);
    EXPECT_TRUE(copies_equal());
    EXPECT_THAT(damage(), IsEmpty());
    must(opened.header->repair(*file, []() -> Result<void> { return fail(Errc::io, "sync"); }));
}

// ---- Each field ----

struct FieldCase {
    const char* what;
    std::size_t at;
    std::uint8_t value;
    Errc with_sha;   // the check value made right: what anybody can do
    Errc with_macs;  // the MACs made right as well: what this program would have to have written
};

TEST_F(HeaderTest, EachFieldAlteredHasItsOneError) {
    const FieldCase cases[] = {
        {"magic", 0, 'X', Errc::not_an_image, Errc::not_an_image},
        {"version", 8, 2, Errc::unsupported, Errc::unsupported},
        {"header size", 12, 1, Errc::unsupported, Errc::unsupported},
        {"generation", 16, 0, Errc::unauthentic, Errc::corrupt},
        {"disk id", 24, 0x5a, Errc::substituted, Errc::substituted},
        {"deployment", 40, 0x5a, Errc::substituted, Errc::substituted},
        {"salt", 56, 0x5a, Errc::substituted, Errc::substituted},
        {"block size", 89, 0x20, Errc::unsupported, Errc::unsupported},
        {"segment shape", 92, 2, Errc::unsupported, Errc::unsupported},
        {"max_segments 0", 96, 0, Errc::unauthentic, Errc::corrupt},
        {"max_segments huge", 103, 1, Errc::unauthentic, Errc::corrupt},
        {"pool", 104, 0, Errc::unauthentic, Errc::corrupt},
        {"log", 108, 3, Errc::unauthentic, Errc::corrupt},
        {"log offset", 113, 1, Errc::unauthentic, Errc::corrupt},
        {"segment table offset", 121, 1, Errc::unauthentic, Errc::corrupt},
        {"pool table offset", 129, 1, Errc::unauthentic, Errc::corrupt},
        {"data offset", 137, 1, Errc::unauthentic, Errc::corrupt},
        {"policy", 144, 8, Errc::unauthentic, Errc::unsupported},
        {"role", 148, 4, Errc::unauthentic, Errc::unsupported},
        {"zero at 149", 149, 1, Errc::unauthentic, Errc::corrupt},
        {"label", 152, 0x1b, Errc::unauthentic, Errc::corrupt},
        {"label's padding", 215, 'x', Errc::unauthentic, Errc::corrupt},
        {"zero at 216", 216, 1, Errc::unauthentic, Errc::corrupt},
        {"no ACTIVE", 256, 2, Errc::unauthentic, Errc::unauthentic},
        {"unknown state", 256, 4, Errc::unauthentic, Errc::unauthentic},
        {"layer 2 dropped", 257, 1, Errc::unauthentic, Errc::unauthentic},
        {"suite 1 weaker", 258, 1, Errc::substituted, Errc::substituted},
        {"suite 1 none", 258, 0, Errc::unauthentic, Errc::unauthentic},
        {"suite 1 unknown", 258, 9, Errc::unsupported, Errc::unsupported},
        {"suite 2 none", 259, 0, Errc::unsupported, Errc::unsupported},
        {"keyset id", 260, 2, Errc::substituted, Errc::substituted},
        {"keyset id 0", 260, 0, Errc::unauthentic, Errc::unauthentic},
        {"keyset id past 4095", 261, 0x10, Errc::unauthentic, Errc::unauthentic},
        {"DEK generation", 264, 7, Errc::key_unavailable, Errc::key_unavailable},
        {"DEK generation 0", 264, 0, Errc::unauthentic, Errc::unauthentic},
        {"DEK id", 272, 7, Errc::substituted, Errc::substituted},
        {"commitment 1", 304, 7, Errc::substituted, Errc::substituted},
        {"commitment 2", 336, 7, Errc::substituted, Errc::substituted},
        {"nonce", 368, 7, Errc::unauthentic, Errc::unauthentic},
        {"wrapped secret", 392, 7, Errc::unauthentic, Errc::unauthentic},
        {"bank", 456, 2, Errc::unauthentic, Errc::unauthentic},
        {"zero in the record", 458, 1, Errc::unauthentic, Errc::corrupt},
        {"a record of no keyset", 256 + 512 + 40, 1, Errc::unauthentic, Errc::corrupt},
        {"second ACTIVE", 256 + 512, 1, Errc::unauthentic, Errc::unauthentic},
        {"zero at 2304", 2304, 1, Errc::unauthentic, Errc::corrupt},
        {"MAC of layer 1", kMacsAt, 7, Errc::unauthentic, Errc{}},
        {"MAC of layer 2", kMacsAt + 32, 7, Errc::unauthentic, Errc{}},
        {"MAC of nobody", kMacsAt + 64, 7, Errc::unauthentic, Errc{}},
        {"tail", 4095, 1, Errc::unauthentic, Errc{}},
    };
    const auto opened = must(open());
    const PageBytes good = sector(HeaderCopy::a, 0);
    for (const FieldCase& c : cases) {
        PageBytes page = good;
        ASSERT_NE(page[c.at], std::byte{c.value}) << c.what << ": changes nothing";
        page[c.at] = std::byte{c.value};
        if (c.at >= 12 && c.at < kShaAt) {
            set_both(0, page);
            EXPECT_THAT(open(), FailsWith(Errc::damaged)) << c.what;
        }
        if (c.at < kShaAt) fix_sha(page);
        set_both(0, page);
        EXPECT_THAT(open(), FailsWith(c.with_sha)) << c.what;
        if (c.with_macs == Errc{}) continue;
        fix_macs(page, opened.keys, opened.header->facts());
        set_both(0, page);
        EXPECT_THAT(open(), FailsWith(c.with_macs)) << c.what << ", with MACs";
    }
    set_both(0, good);
    EXPECT_THAT(open(), Succeeds());
}

// ---- Substitution ----

TEST_F(HeaderTest, AnotherDiskThanNotedIsSubstituted) {
    const std::pair<const char*, std::function<void(DiskNote&)>> cases[] = {
        {"disk", [](DiskNote& n) { n.disk.bytes[0] ^= std::byte{1}; }},
        {"deployment", [](DiskNote& n) { n.deployment.bytes[0] ^= std::byte{1}; }},
        {"no keyset", [](DiskNote& n) { n.keysets.clear(); }},
        {"keyset", [](DiskNote& n) { n.keysets[0].keyset = 2; }},
        {"layer 1", [](DiskNote& n) { n.keysets[0].layer1 = Suite::none; }},
        {"layer 2", [](DiskNote& n) { n.keysets[0].layer2 = Suite::xaes_256_gcm; }},
        {"DEK 1", [](DiskNote& n) { n.keysets[0].dek1.bytes[3] ^= std::byte{1}; }},
        {"DEK 2", [](DiskNote& n) { n.keysets[0].dek2.bytes[3] ^= std::byte{1}; }},
        {"commitment 1", [](DiskNote& n) { n.keysets[0].commitment1[9] ^= std::byte{1}; }},
        {"commitment 2", [](DiskNote& n) { n.keysets[0].commitment2[9] ^= std::byte{1}; }},
    };
    const DiskNote right = note;
    keys.unwraps = 0;
    for (const auto& [what, change] : cases) {
        note = right;
        change(note);
        EXPECT_THAT(open(), FailsWith(Errc::substituted)) << what;
    }
    EXPECT_EQ(keys.unwraps, 0) << "refused before any key was asked for";
    note = right;
    note.keysets.push_back(note.keysets[0]);  // more than the disk has: a rotation under way
    note.keysets[0].keyset = 7;
    EXPECT_THAT(open(), Succeeds());
}

TEST_F(HeaderTest, AOneLayerImageUnderTheSameKeyIsSubstituted) {
    // Who holds layer 1's key alone makes a sound image of his own; the note tells it apart.
    const DiskNote right = note;
    DiskSpec spec;
    spec.layer1 = Suite::xaes_256_gcm;
    spec.layer2 = Suite::none;
    create(spec);
    EXPECT_THAT(open(), Succeeds());
    note = right;
    EXPECT_THAT(open(), FailsWith(Errc::substituted));
}

// Unwraps the genuine envelopes of layer 2 to a key of its own, as who wraps under a public KEK
// can.
class ForeignKeys final : public crypto::KeySource {
public:
    Result<crypto::SecretBytes> unwrap(Layer layer, const crypto::Envelope& envelope) override {
        if (layer == Layer::one) return genuine_.unwrap(layer, envelope);
        return crypto::SecretBytes::zeroed(32);
    }
    Result<Current> current(Layer layer) override { return genuine_.current(layer); }

private:
    InsecureTestKeys genuine_;
};

TEST_F(HeaderTest, AForeignKeyInAnEnvelopeIsSubstituted) {
    ForeignKeys foreign;
    EXPECT_THAT(Header::open(*file, foreign, note, Limits::tiny(), Libraries::fastest),
                FailsWith(Errc::substituted));
}

// ---- Which envelope ----

class EnvelopeChoice : public HeaderTest {
protected:
    // A second live envelope of layer 2, one generation later.
    void add_second() {
        const auto opened = must(open());
        EnvelopeSector second{Layer::two, note.disk, {}};
        second.envelope = {2, keys.name(Layer::two), record(Layer::two, "second")};
        set_both(place(Layer::two, 1), must(second.encode(opened.keys.envelope_key(Layer::two))));
    }
    void SetUp() override {
        HeaderTest::SetUp();
        add_second();
    }
};

TEST_F(EnvelopeChoice, TheHighestGenerationCounts) {
    EXPECT_EQ(must(must(open()).header->envelope(Layer::two)).generation, 2u);
    EXPECT_THAT(damage(), IsEmpty());
}

TEST_F(EnvelopeChoice, OneCopyOfAnEnvelopeIsEnough) {
    flip(HeaderCopy::a, place(Layer::two, 1), 70);
    const auto opened = must(open());
    EXPECT_EQ(must(opened.header->envelope(Layer::two)).generation, 2u);
    ASSERT_EQ(opened.header->damage().size(), 1u);
    EXPECT_EQ(opened.header->damage()[0].what, HeaderDamage::What::envelope);
    EXPECT_EQ(opened.header->damage()[0].copy, HeaderCopy::a);
}

TEST_F(EnvelopeChoice, ADamagedOneGivesWayToTheOlder) {
    flip_both(place(Layer::two, 1), 70);
    const auto opened = must(open());
    EXPECT_EQ(must(opened.header->envelope(Layer::two)).generation, 1u);
    EXPECT_EQ(opened.header->damage().size(), 2u);
}

TEST_F(EnvelopeChoice, AnUnauthenticOneGivesWayToTheOlder) {
    PageBytes page = sector(HeaderCopy::a, place(Layer::two, 1));
    page[3000] = std::byte{1};  // zero padding of the record, so damage
    set_both(place(Layer::two, 1), page);
    EXPECT_EQ(must(must(open()).header->envelope(Layer::two)).generation, 1u);
    add_second();
    flip_both(place(Layer::two, 1), 4032);  // its MAC
    const auto opened = must(open());
    EXPECT_EQ(must(opened.header->envelope(Layer::two)).generation, 1u);
    EXPECT_EQ(opened.header->damage().size(),
              3u);  // the slot in both copies, and that it was passed over
}

TEST_F(EnvelopeChoice, OneWhoseKeyIsGoneGivesWayToTheOlderAndIsReported) {
    keys.refused_records[std::string(as_text(Bytes(record(Layer::two, "second"))))] =
        Errc::key_revoked;
    const auto opened = must(open());
    ASSERT_EQ(opened.header->damage().size(), 1u);
    EXPECT_THAT(opened.header->damage()[0].text, HasSubstr("generation 1"));
}

TEST_F(EnvelopeChoice, AKeyThatCannotBeUsedIsToldBeforeDamage) {
    const auto first = std::string(as_text(Bytes(keys.record_of(Layer::two))));
    keys.refused_records[first] = Errc::key_expired;
    keys.refused_records[first + "second"] = Errc::wrong_key;
    EXPECT_THAT(open(), FailsWith(Errc::key_expired));
    keys.refused_records[first] = Errc::wrong_key;
    EXPECT_THAT(open(), FailsWith(Errc::wrong_key));
}

TEST_F(EnvelopeChoice, WithoutAnyEnvelopeThereIsNoKey) {
    for (const std::uint8_t slot : {std::uint8_t{0}, std::uint8_t{1}})
        set_both(place(Layer::two, slot), {});
    EXPECT_THAT(open(), FailsWith(Errc::key_unavailable));
}

TEST_F(EnvelopeChoice, WithAllEnvelopesDamagedTheDiskIsDamaged) {
    for (const std::uint8_t slot : {std::uint8_t{0}, std::uint8_t{1}})
        flip_both(place(Layer::two, slot), 80);
    EXPECT_THAT(open(), FailsWith(Errc::damaged));
}

TEST_F(EnvelopeChoice, AnEnvelopeOfAnotherDiskIsPassedOver) {
    EnvelopeSector other{Layer::two, Uuid{}, {}};
    other.disk.bytes.fill(std::byte{1});
    other.envelope = {3, keys.name(Layer::two), record(Layer::two, "other")};
    const auto opened = must(open());
    set_both(place(Layer::two, 1), must(other.encode(opened.keys.envelope_key(Layer::two))));
    EXPECT_EQ(must(must(open()).header->envelope(Layer::two)).generation, 1u);
    EXPECT_EQ(damage().size(), 2u);
}

TEST_F(EnvelopeChoice, OnlyTheCopyThatIsDamagedIsNamed) {
    flip(HeaderCopy::a, place(Layer::two, 1), 4032);  // its MAC
    const auto opened = must(open());
    ASSERT_FALSE(opened.header->damage().empty());
    for (const HeaderDamage& d : opened.header->damage())
        EXPECT_EQ(d.copy, HeaderCopy::a) << d.text;
}

TEST_F(EnvelopeChoice, KeyTroubleIsHandedOn) {
    for (const Errc code : {Errc::key_revoked, Errc::key_blocked, Errc::key_expired,
                            Errc::vault_unreachable, Errc::key_unavailable}) {
        keys.unusable = code;
        EXPECT_THAT(open(), FailsWith(code));
    }
}

TEST_F(HeaderTest, EachEnvelopeFieldAlteredIsDamageOfThatSlot) {
    struct Case {
        const char* what;
        std::size_t at;
        std::uint8_t value;
    };
    const Case cases[] = {{"magic", 0, 'X'},    {"version", 4, 2},
                          {"layer", 6, 3},      {"state", 7, 2},
                          {"zero", 56, 1},      {"record past the end", 53, 0xff},
                          {"padding", 3999, 1}, {"tail", 4064, 1}};
    const PageBytes good = sector(HeaderCopy::a, place(Layer::two, 0));
    for (const Case& c : cases) {
        PageBytes page = good;
        page[c.at] = std::byte{c.value};
        std::ranges::copy(crypto::sha256(Bytes(page).first(4000)), page.begin() + 4000);
        EXPECT_THAT(EnvelopeSector::parse(page), FailsWith(Errc::damaged)) << c.what;
    }
}

TEST_F(HeaderTest, ARecordThatDoesNotFitIsRefused) {
    const auto opened = must(open());
    EnvelopeSector sector{Layer::one, note.disk, {}};
    sector.envelope.record.resize(crypto::Envelope::kRecordSizeMax);
    EXPECT_THAT(sector.encode(opened.keys.envelope_key(Layer::one)), Succeeds());
    sector.envelope.record.resize(crypto::Envelope::kRecordSizeMax + 1);
    EXPECT_THAT(sector.encode(opened.keys.envelope_key(Layer::one)), FailsWith(Errc::too_big));
}

}  // namespace
}  // namespace twofold::fs

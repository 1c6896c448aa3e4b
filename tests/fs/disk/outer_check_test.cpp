// What layer 1's key alone can check: it asks for no other key, finds damage where it can, and says
// what it could not prove.
#include "fs/disk/outer_check.h"

#include "fs/disk/envelope_sector.h"
#include "fs/disk/inspect.h"
#include "tests/support/test_disks.h"

namespace twofold::fs {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Layer 2's key is never asked for.
class Layer1Keys final : public crypto::KeySource {
public:
    Result<crypto::SecretBytes> unwrap(crypto::Layer layer,
                                       const crypto::Envelope& envelope) override {
        EXPECT_EQ(layer, crypto::Layer::one);
        return keys.unwrap(layer, envelope);
    }
    Result<Current> current(crypto::Layer layer) override { return keys.current(layer); }
    InsecureTestKeys keys;
};

Layers tagged_outside() {
    return {"GcmAroundXChaCha", Suite::xaes_256_gcm, Suite::xchacha20_poly1305};
}

struct Outer {
    explicit Outer(const Layers& layers) : disk({}, layers) {
        disk.open();
        for (std::uint64_t b = 0; b < 40; ++b) must(disk.write(b * 3, 1));
        must(disk.sync());
        must(disk.zero(90, 9));
        must(disk.sync());
    }
    Result<CheckReport> try_check(unsigned threads = 0) {
        const auto file = disk.image.open();
        return check_outer_layer(*file, keys, disk.note,
                                 {.limits = Limits::tiny(), .threads = threads});
    }
    CheckReport check() { return must(try_check()); }

    TestDisk disk;
    Layer1Keys keys;
};

TEST(OuterCheck, FindsNothingInASoundImageAndSaysWhatItCouldNotProve) {
    for (const Layers& layers : {two_layers(), tagged_outside()}) {
        SCOPED_TRACE(layers.name);
        Outer outer(layers);
        outer.disk.close();
        const CheckReport report = outer.check();
        EXPECT_TRUE(report.sound() && report.complete && report.clean);
        EXPECT_EQ(report.blocks_with_data, 37u);
        EXPECT_EQ(report.tags_verified, has_tag(layers.layer1));
        EXPECT_EQ(report.bytes_verified, has_tag(layers.layer1) ? 37 * kBlockSize : 0);
        EXPECT_EQ(report.unproved.size(), 3u);
        if (!has_tag(layers.layer1)) {
            EXPECT_THAT(report.unproved, Contains(HasSubstr("AES-256-XTS has no tag")));
        }
    }
}

TEST(OuterCheck, ReadsTheLogOfAKilledDaemonByItsForm) {
    Outer outer(tagged_outside());
    must(outer.disk.write(200, 9));
    must(outer.disk.soft_commit());
    const std::uint64_t slot = outer.disk.slot_offset(200);
    outer.disk.kill();
    EXPECT_TRUE(outer.check().sound());
    EXPECT_EQ(outer.check().blocks_with_data, 38u);
    outer.disk.image.flip_bit(slot);
    EXPECT_EQ(outer.check().findings.at(0).where, "block 200");
}

TEST(OuterCheck, NamesBlocksWhoseOuterTagIsWrong) {
    Outer outer(tagged_outside());
    const std::uint64_t slot = outer.disk.slot_offset(3);
    outer.disk.close();
    outer.disk.image.flip_bit(slot + 7);
    for (const unsigned threads : {0u, 2u}) {
        const CheckReport report = must(outer.try_check(threads));
        ASSERT_EQ(report.found, 1u);
        EXPECT_EQ(report.findings[0].where, "block 3");
        EXPECT_EQ(report.findings[0].sealed->layer, crypto::Layer::one);
        EXPECT_EQ(report.blocks_lost, 1u);
    }
}

TEST(OuterCheck, NamesHeaderCopiesAndLayer1sEnvelopesAndNoOthers) {
    Outer outer(two_layers());
    outer.disk.close();
    const MemoryImage sound = outer.disk.image;
    outer.disk.image.flip_bit(300);
    EXPECT_EQ(outer.check().findings.at(0).where, "header copy A");
    outer.disk.image = sound;
    outer.disk.image.flip_bit(EnvelopePlace{crypto::Layer::one, 0, 0}.offset(HeaderCopy::b) + 99);
    EXPECT_EQ(outer.check().findings.at(0).where, "header copy B");
    outer.disk.image = sound;
    outer.disk.image.flip_bit(EnvelopePlace{crypto::Layer::two, 0, 0}.offset(HeaderCopy::b) + 99);
    EXPECT_TRUE(outer.check().sound());
}

TEST(OuterCheck, AMapThatHasLostItsFormIsFoundWithItsBlocks) {
    Outer outer(two_layers());
    outer.disk.close();
    const auto report = must(inspect_image(*outer.disk.image.open(), Limits::tiny()));
    // The MAC field of the page: not the one that its parent names any more.
    for (const std::uint32_t copy : {0u, 1u})
        outer.disk.image.flip_bit(report.layout->leaf_offset(LeafIndex{0}, copy) + 45);
    const CheckReport found = outer.check();
    ASSERT_EQ(found.found, 1u);
    EXPECT_EQ(found.findings[0].where, "blocks 0-62");
    EXPECT_EQ(found.blocks_lost, 63u);
}

TEST(OuterCheck, AWrongMacOfLayer1IsUnauthentic) {
    Outer outer(two_layers());
    outer.disk.close();
    for (const HeaderCopy copy : {HeaderCopy::a, HeaderCopy::b})
        outer.disk.image.flip_bit(header_offset(copy) + 3936 + 5);
    const CheckReport report = outer.check();
    EXPECT_FALSE(report.complete);
    EXPECT_EQ(report.findings.at(0).code, Errc::unauthentic);
}

TEST(OuterCheck, ADiskWithoutLayer1IsRefused) {
    Outer outer({"XChaChaAsLayer2", Suite::none, Suite::xchacha20_poly1305});
    outer.disk.close();
    EXPECT_THAT(outer.try_check(), FailsWith(Errc::invalid));
}

TEST(OuterCheck, WithoutItsKeyIsAnErrorAndNoFinding) {
    Outer outer(two_layers());
    outer.disk.close();
    outer.keys.keys.unusable = Errc::key_expired;
    EXPECT_THAT(outer.try_check(), FailsWith(Errc::key_expired));
}

}  // namespace
}  // namespace twofold::fs

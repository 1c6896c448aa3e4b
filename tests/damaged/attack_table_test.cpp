// The attacks a to p of the format, section 8, each under its letter, with what is known of the
// disk from outside and without it. Where the rest are:
//
//     c, d, e      engine_attack_test: C_…, D_…, E_…; range_test, at every place
//     f, g, h, j, k, n   engine_rollback_test: F_…, G_…, HJ_…, K_…, N_…: with the anchor, and gone
//     i            malformed_test: I_…
//     h, l, m, o   attacks.bats, too: through the program
#include "keyring/envelope/wrapped_key.h"
#include "tests/damaged/trial.h"
#include "tests/damaged/victim.h"

namespace twofold::damage {
namespace {

class AttackTable : public testing::Test {
protected:
    static Malformed named(const std::string& name) {
        for (Malformed& one : all_malformed())
            if (one.name == name) return std::move(one);
        ADD_FAILURE() << name;
        return {};
    }
    std::string noted(const std::string& name) { return trial.judge(named(name)).opens; }
    std::string believed(const std::string& name) { return trial.open_believing(named(name)); }

    Trial trial;
};

// Layer 2 taken out, another suite, the keyset of all blocks DEAD; each encoded and authenticated
// anew under the DEKs, as who holds them all can.
TEST_F(AttackTable, A_LayersSuitesAndKeysetsAreThoseNoted) {
    EXPECT_EQ(noted("keyset-dropped-layer-2"), "refused: substituted");
    EXPECT_EQ(noted("keyset-other-suite"), "refused: substituted");
    EXPECT_EQ(noted("keyset-retiring-forgotten"), "refused: substituted");
}

// Unnoted, a header that drops or changes a layer is still not that of the blocks: their keys are
// derived from the layers and suites.
TEST_F(AttackTable, A_WithNothingNotedTheBlocksDoNotOpen) {
    EXPECT_EQ(believed("keyset-dropped-layer-2"), "refused: substituted") << "its commitment";
    EXPECT_EQ(believed("keyset-other-suite"), "opens; 1 blocks lost, same data");
    EXPECT_EQ(believed("keyset-retiring-forgotten"), "opens; 1 blocks lost, same data");
}

TEST_F(AttackTable, B_NothingMigratesFromEncryptedToNothing) {
    for (const auto& [name, outcome] : {
             std::pair{"keyset-no-suites", "refused: unauthentic"},
             std::pair{"keyset-suite-1-is-0", "refused: unauthentic"},
             std::pair{"keyset-suite-2-is-0", "refused: unsupported"},
             std::pair{"keyset-xts-alone", "refused: unsupported"},
             std::pair{"keyset-two-active", "refused: unauthentic"},
             std::pair{"superblock-migration-to-nothing", "refused: corrupt"},
             std::pair{"superblock-migration-cycle", "refused: corrupt"},
         }) {
        EXPECT_EQ(noted(name), outcome) << name;
        EXPECT_EQ(believed(name), outcome) << name;
    }
    // A RETIRING keyset without its own commitments and MACs.
    EXPECT_EQ(noted("keyset-retiring-without-keys"), "refused: substituted");
    EXPECT_EQ(believed("keyset-retiring-without-keys"), "refused: substituted");
}

TEST_F(AttackTable, C_D_E_WhatIsMovedTurnedToZeroOrPutBackIsRefused) {
    Victim victim(Victim::Left::clean, {70, 16, 6, 1});
    const fs::Layout& layout = victim.layout();
    MemoryImage& image = victim.disk.image;
    const MemoryImage sound = image;
    const auto copy = [&](const MemoryImage& from, std::uint64_t at, std::uint64_t to) {
        fs::PageBytes page;
        from.read(at, page);
        image.write(to, page);
    };
    for (std::uint32_t n : {0u, 1u}) {  // c: another leaf's place
        copy(sound, layout.leaf_offset(fs::LeafIndex{0}, n),
             layout.leaf_offset(fs::LeafIndex{1}, n));
        copy(sound, layout.leaf_offset(fs::LeafIndex{1}, n),
             layout.leaf_offset(fs::LeafIndex{0}, n));
    }
    EXPECT_EQ(victim.open().name(), "blocks lost");
    image = sound;
    for (std::uint32_t n : {0u, 1u})  // d: a leaf punched
        image.punch(layout.leaf_offset(fs::LeafIndex{0}, n), fs::kSectorSize);
    EXPECT_EQ(victim.open().name(), "blocks lost");
    image = sound;
    for (std::uint32_t n : {0u, 1u}) {  // e: leaf and slots as they were once
        copy(victim.past[1], layout.leaf_offset(fs::LeafIndex{0}, n),
             layout.leaf_offset(fs::LeafIndex{0}, n));
    }
    for (std::uint64_t slot = 0; slot < layout.slot_count(); ++slot)
        copy(victim.past[1], layout.slot_offset(fs::Slot{slot}),
             layout.slot_offset(fs::Slot{slot}));
    EXPECT_EQ(victim.open().name(), "blocks lost");
}

// RSA-OAEP-256 only, and that before anything is asked of a vault: WrappedKey::parse() is all that
// reads a record.
TEST_F(AttackTable, O_NoRecordAsksForAnotherAlgorithm) {
    const auto kid =
        must(keyring::KeyId::parse("https://contoso-kv.vault.azure.net/keys/kek1/"
                                   "0123456789abcdef0123456789abcdef"));
    const keyring::WrappedKey key{.layer = crypto::Layer::two,
                                  .dek = trial.keys().name(crypto::Layer::two),
                                  .kid = kid,
                                  .wrapped = std::vector<std::byte>(256, std::byte{1}),
                                  .reference = kid,
                                  .identity = "00000000-0000-0000-0000-000000000001"};
    const std::string sound = key.to_json();
    ASSERT_THAT(keyring::WrappedKey::parse(as_bytes(sound)), Succeeds());
    for (const char* const other : {"RSA1_5", "RSA-OAEP", "A256KW", "none", ""}) {
        std::string text = sound;
        text.replace(text.find("RSA-OAEP-256"), 12, other);
        EXPECT_THAT(keyring::WrappedKey::parse(as_bytes(text)), FailsWith(Errc::unsupported))
            << other;
    }
}

// Who has the image and the inner DEK has neither layer 2's ciphertext nor its tag.
TEST_F(AttackTable, P_TheInnerKeyAloneOpensNoBlockAndNoTag) {
    const MemoryImage image = trial.image({"sound", "", [](Bench&) {}});
    const auto file = image.open();
    Bench bench(*file, trial.keys());
    fs::PageBytes leaf;
    image.read(bench.layout().leaf_offset(fs::LeafIndex{0}, 0), leaf);
    const fs::Entry entry =
        must(fs::Entry::parse(Bytes(leaf)
                                  .subspan(Bench::kEntryAt + Bench::kBlock * fs::kEntrySize)
                                  .first<fs::kEntrySize>()));
    const auto dek = std::move(must(trial.keys().current(crypto::Layer::two)).dek);
    const auto prk = must(fs::extract_layer_key(bench.facts().salt, dek.reveal()));
    const auto inner =
        must(fs::make_seal(crypto::Layer::two, bench.facts().active().layers[1].suite,
                           bench.facts().disk, entry.keyset,
                           must(fs::derive_data_key(prk.reveal(), crypto::Layer::two,
                                                    fs::KeysetContext::of(bench.facts().active(),
                                                                          bench.facts().disk)))));
    const fs::BlockIndex block{Bench::kBlock};
    std::array<std::byte, fs::kSealedSize> stored{}, outer_removed{};
    image.read(bench.layout().slot_offset(entry.slot), MutableBytes(stored).first(fs::kBlockSize));

    outer_removed = stored;
    fs::SealInfo info = entry.seal_info(block);
    must(bench.keys().active().open_outer(info, outer_removed));
    EXPECT_NE(info.inner_tag, entry.tag2) << "the inner tag is stored encrypted";
    auto unit = outer_removed;
    EXPECT_THAT(
        inner->open(block, entry.nonce, MutableBytes(unit).first(fs::kBlockSize), info.inner_tag),
        Succeeds())
        << "with the outer layer taken off the inner key opens it";
    unit = outer_removed;
    EXPECT_THAT(
        inner->open(block, entry.nonce, MutableBytes(unit).first(fs::kBlockSize), entry.tag2),
        FailsWith(Errc::unauthentic));
    unit = stored;
    EXPECT_THAT(
        inner->open(block, entry.nonce, MutableBytes(unit).first(fs::kBlockSize), entry.tag2),
        FailsWith(Errc::unauthentic));
}

}  // namespace
}  // namespace twofold::damage

// The record of an anchor, and each rule by which an image is compared with it (format, section 9).
#include "fs/disk/anchor.h"

#include <gtest/gtest.h>

#include <functional>
#include <iostream>

#include "tests/fs/disk/example_disk.h"
#include "tests/support/matchers.h"

namespace twofold::fs {
namespace {

crypto::Blake2b anchor_mac(std::uint8_t fill = 0x33) {
    auto key = must(crypto::SecretBytes::zeroed(32));
    std::ranges::fill(key.reveal_mutable(), std::byte{fill});
    return must(crypto::Blake2b::create(std::move(key), "twofold1.anchor"));
}

AnchorName name() {
    AnchorName name{{}, "node0", "data0"};
    name.deployment.bytes.fill(std::byte{0xde});
    return name;
}

KeysetNote keyset(std::uint32_t id) {
    KeysetNote note{id, Suite::aes_256_xts, Suite::xchacha20_poly1305, {}, {}, {}, {}};
    note.dek1.bytes.fill(std::byte{0x11});
    note.dek2.bytes.fill(std::byte{0x22});
    note.commitment1.fill(std::byte{0x44});
    note.commitment2.fill(std::byte{0x55});
    return note;
}

Anchor sample() {
    Anchor a;
    a.state = Anchor::State::open;
    a.disk.bytes.fill(std::byte{0xd1});
    a.mount_counter = 7;
    a.superblock_generation = 40;
    a.acknowledged_epoch = 300;
    a.min_header_generation = 2;
    a.log_salt.fill(std::byte{0x51});
    a.next_salt.fill(std::byte{0x52});
    a.root.fill(std::byte{0x77});
    a.wall_clock = 1'700'000'000;
    a.keysets = {keyset(1), keyset(2)};
    return a;
}

// ---- Bytes

TEST(AnchorRecord, IsReadAsItWasWritten) {
    for (std::size_t keysets = 1; keysets <= Anchor::kKeysets; ++keysets) {
        Anchor anchor = sample();
        anchor.keysets.clear();
        for (std::uint32_t id = 1; id <= keysets; ++id) anchor.keysets.push_back(keyset(id));
        anchor.keysets[0].layer1 = Suite::none;  // and one with one layer alone
        anchor.keysets[0].dek1 = {};
        anchor.keysets[0].commitment1 = {};
        const auto record = anchor.encode(name(), anchor_mac());
        ASSERT_EQ(record.size(), Anchor::kSize);
        EXPECT_EQ(must(Anchor::parse(record)), anchor);
        EXPECT_THAT(Anchor::verify(record, name(), anchor_mac()), Succeeds());
    }
}

TEST(AnchorRecord, WithAnyBitAlteredIsRefused) {
    const auto record = sample().encode(name(), anchor_mac());
    int refused = 0;
    for (std::size_t bit = 0; bit < 8 * record.size(); ++bit) {
        auto altered = record;
        altered[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        const bool parsed = Anchor::parse(altered).has_value();
        EXPECT_FALSE(Anchor::verify(altered, name(), anchor_mac())) << "bit " << bit;
        if (parsed || !Anchor::verify(altered, name(), anchor_mac())) ++refused;
    }
    std::cout << refused << " bits\n";
    EXPECT_EQ(refused, 8 * 592);
}

TEST(AnchorRecord, TornBetweenTwoOfOneDiskIsRefused) {
    const auto older = sample().encode(name(), anchor_mac());
    Anchor newer = sample();
    newer.superblock_generation += 1;
    newer.log_salt.fill(std::byte{0x99});
    newer.root.fill(std::byte{0x98});
    const auto whole = newer.encode(name(), anchor_mac());
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        auto torn = whole;
        std::copy(older.begin() + static_cast<std::ptrdiff_t>(cut), older.end(),
                  torn.begin() + static_cast<std::ptrdiff_t>(cut));
        EXPECT_EQ(Anchor::verify(torn, name(), anchor_mac()).has_value(),
                  torn == older || torn == whole)
            << cut;
        if (cut < whole.size()) {
            EXPECT_THAT(Anchor::parse(Bytes(whole).first(cut)), FailsWith(Errc::damaged)) << cut;
        }
    }
    auto longer = whole;
    longer.push_back(std::byte{0});
    EXPECT_THAT(Anchor::parse(longer), FailsWith(Errc::damaged));
}

TEST(AnchorRecord, OfAnotherPlaceIsRefused) {
    const auto record = sample().encode(name(), anchor_mac());
    const auto elsewhere = [&](auto change) {
        AnchorName other = name();
        change(other);
        return Anchor::verify(record, other, anchor_mac());
    };
    EXPECT_THAT(elsewhere([](AnchorName& n) { n.deployment.bytes[15] ^= std::byte{1}; }),
                FailsWith(Errc::unauthentic));
    EXPECT_THAT(elsewhere([](AnchorName& n) { n.node = "node1"; }), FailsWith(Errc::unauthentic));
    EXPECT_THAT(elsewhere([](AnchorName& n) { n.disk = "data1"; }), FailsWith(Errc::unauthentic));
    // The same letters in a row, parted elsewhere.
    EXPECT_THAT(elsewhere([](AnchorName& n) {
                    n.node = "node0d";
                    n.disk = "ata0";
                }),
                FailsWith(Errc::unauthentic));
    EXPECT_THAT(Anchor::verify(record, name(), anchor_mac(0x34)), FailsWith(Errc::unauthentic))
        << "the key of another disk";
}

// What no writer makes is refused before its MAC is looked at.
TEST(AnchorRecord, WithImpossibleFieldsIsRefused) {
    struct Case {
        const char* what;
        std::size_t offset;
        std::vector<int> bytes;
        Errc expected = Errc::damaged;
    };
    constexpr std::size_t kSecond = 144 + 104;  // keyset
    const std::vector<Case> cases{
        {"magic", 0, {'t'}},
        {"version 0", 8, {0}, Errc::unsupported},
        {"version 2", 8, {2}, Errc::unsupported},
        {"state 0", 12, {0}},
        {"state 3", 12, {3}},
        {"state 2^31", 15, {0x80}},
        {"disk id", 16, std::vector<int>(16, 0)},
        {"generation 0", 40, std::vector<int>(8, 0)},
        {"CLEAN with a next salt", 12, {1}},
        {"no keyset", 136, {0}},
        {"five keysets", 136, {5}},
        {"2^32-1 keysets", 136, {0xff, 0xff, 0xff, 0xff}},
        {"reserved", 140, {1}},
        {"keyset 0", kSecond, {0}},
        {"keyset 4096", kSecond, {0, 0x10}},
        {"keyset 2^31", kSecond + 3, {0x80}},
        {"keyset twice", kSecond, {1}},
        {"suite 4", kSecond + 4, {4}},
        {"no layer", kSecond + 4, {0, 0}},
        {"an absent layer with a key", kSecond + 4, {0}},
        {"reserved of a keyset", kSecond + 6, {1}},
        {"one keyset, and a second", 136, {1}},
        {"an absent keyset", 144 + 2 * 104 + 50, {1}},
    };
    for (const Case& c : cases) {
        auto record = sample().encode(name(), anchor_mac());
        for (std::size_t i = 0; i < c.bytes.size(); ++i)
            record[c.offset + i] = static_cast<std::byte>(c.bytes[i]);
        EXPECT_THAT(Anchor::parse(record), FailsWith(c.expected)) << c.what;
    }
    std::cout << cases.size() << " records\n";
    EXPECT_EQ(cases.size(), 23u);
}

// ---- Rules

// The image that the sample describes exactly.
Superblock image() {
    const Anchor a = sample();
    Superblock s;
    s.generation = a.superblock_generation;
    s.disk = a.disk;
    s.mount_counter = a.mount_counter;
    s.settled_epoch = 295;
    s.state = Superblock::State::open;
    s.min_header_generation = 2;
    s.log_salt = a.log_salt;
    s.root = a.root;
    s.wall_clock = 1'699'999'999;
    return s;
}

struct RuleCase {
    const char* what;
    std::function<void(Anchor&, Superblock&)> change;
    std::optional<Errc> refused;
    std::uint64_t header_generation = 2;
};

void clean(Anchor& a, Superblock& s) {
    a.state = Anchor::State::clean;
    a.next_salt = {};
    s.state = Superblock::State::clean;
}
void next_mount(Anchor& a, Superblock& s) {
    ++s.mount_counter;
    ++s.generation;
    s.log_salt = a.next_salt;
    s.root.fill(std::byte{1});
}
constexpr std::byte kOne{1};

TEST(AnchorRules, OfTheSuperblockAndTheHeader) {
    const std::vector<RuleCase> cases{
        // OPEN: this mount, at this superblock or a later one.
        {"the very state", [](auto&, auto&) {}, {}},
        {"later", [](auto&, auto& s) { s.generation += 5, s.root[0] ^= kOne; }, {}},
        {"earlier", [](auto&, auto& s) { --s.generation; }, Errc::rolled_back},
        {"another root", [](auto&, auto& s) { s.root[31] ^= kOne; }, Errc::forked},
        {"another salt", [](auto&, auto& s) { s.log_salt[0] ^= kOne; }, Errc::forked},
        {"the next salt", [](auto& a, auto& s) { s.log_salt = a.next_salt; }, Errc::forked},
        {"closed since, and not told",
         [](auto&, auto& s) { ++s.generation, s.state = Superblock::State::clean; },
         {}},
        {"an earlier mount", [](auto&, auto& s) { --s.mount_counter; }, Errc::rolled_back},
        {"an earlier mount with high numbers",
         [](auto&, auto& s) { --s.mount_counter, s.generation += 100; }, Errc::rolled_back},
        // OPEN: the mount that was about to begin.
        {"the next mount", next_mount, {}},
        {"the next mount, later",
         [](auto& a, auto& s) { next_mount(a, s), s.generation += 9; },
         {}},
        {"the next mount, closed",
         [](auto& a, auto& s) { next_mount(a, s), s.state = Superblock::State::clean; },
         {}},
        {"another next mount", [](auto& a, auto& s) { next_mount(a, s), s.log_salt[3] ^= kOne; },
         Errc::forked},
        {"the next mount under the old salt",
         [](auto& a, auto& s) { next_mount(a, s), s.log_salt = a.log_salt; }, Errc::forked},
        {"the next mount, at an old superblock",
         [](auto& a, auto& s) { next_mount(a, s), s.generation = a.superblock_generation; },
         Errc::rolled_back},
        {"none was about to begin",
         [](auto& a, auto& s) { next_mount(a, s), a.next_salt = {}, s.log_salt = {}; },
         Errc::forked},
        {"the mount after the next", [](auto& a, auto& s) { next_mount(a, s), ++s.mount_counter; },
         Errc::forked},
        // CLEAN: this very state.
        {"clean", clean, {}},
        {"clean, later", [](auto& a, auto& s) { clean(a, s), ++s.generation; }, Errc::forked},
        {"clean, earlier", [](auto& a, auto& s) { clean(a, s), --s.generation; },
         Errc::rolled_back},
        {"clean, another root", [](auto& a, auto& s) { clean(a, s), s.root[8] ^= kOne; },
         Errc::forked},
        {"clean, but open on disk",
         [](auto& a, auto& s) { clean(a, s), s.state = Superblock::State::open; }, Errc::forked},
        {"clean, a mount later", [](auto& a, auto& s) { next_mount(a, s), clean(a, s); },
         Errc::forked},
        {"clean, another salt", [](auto& a, auto& s) { clean(a, s), s.log_salt[9] ^= kOne; },
         Errc::forked},
        // The header.
        {"a newer header", [](auto&, auto&) {}, {}, 3},
        {"an older header", [](auto&, auto&) {}, Errc::rolled_back, 1},
    };
    for (const RuleCase& c : cases) {
        Anchor anchor = sample();
        Superblock superblock = image();
        c.change(anchor, superblock);
        const auto compared = anchor.compare(superblock, c.header_generation);
        if (c.refused) {
            EXPECT_THAT(compared, FailsWith(*c.refused)) << c.what;
        } else {
            EXPECT_THAT(compared, Succeeds()) << c.what;
        }
    }
    std::cout << cases.size() << " cases\n";
    EXPECT_EQ(cases.size(), 26u);
}

TEST(AnchorRules, OfTheLog) {
    const Anchor open = sample();
    EXPECT_THAT(open.compare_log(image(), 300, 3), Succeeds());
    EXPECT_THAT(open.compare_log(image(), 301, 9), Succeeds());
    EXPECT_THAT(open.compare_log(image(), 299, 9), FailsWith(Errc::rolled_back));
    Anchor closed = sample();
    closed.state = Anchor::State::clean;
    EXPECT_THAT(closed.compare_log(image(), 300, 0), Succeeds());
    EXPECT_THAT(closed.compare_log(image(), 299, 0), FailsWith(Errc::rolled_back));
    EXPECT_THAT(closed.compare_log(image(), 301, 1), FailsWith(Errc::forked));
    EXPECT_THAT(closed.compare_log(image(), 300, 1), FailsWith(Errc::forked)) << "an ACK page, say";
}

TEST(AnchorRules, ARefusalShowsBothSidesAndTheCure) {
    Superblock older = image();
    older.generation = 33;
    older.mount_counter = 6;
    const auto refused = sample().compare(older, 2);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().line(),
              "older than its anchor: the image is of mount 6, superblock 33, epoch 295, written "
              "2023-11-14T22:13:19Z; the anchor knows mount 7, superblock 40, epoch 300, written "
              "2023-11-14T22:13:20Z; if that is on purpose, such as a restored backup: twofold "
              "adopt STORE DISK --accept-rollback");
}

// A key is used only for what both the note and the anchor know.
TEST(AnchorRules, OfKeysets) {
    DiskNote noted{{}, sample().disk, {keyset(1), keyset(2)}};
    EXPECT_EQ(must(sample().narrow(noted)), noted);
    noted.keysets = {keyset(2), keyset(3)};
    EXPECT_EQ(must(sample().narrow(noted)).keysets, std::vector{keyset(2)});
    noted.keysets = {keyset(3)};
    EXPECT_THAT(sample().narrow(noted), FailsWith(Errc::substituted));
    const std::function<void(KeysetNote&)> changes[] = {
        [](auto& k) { k.layer1 = Suite::xaes_256_gcm; }, [](auto& k) { k.layer2 = Suite::none; },
        [](auto& k) { k.dek1.bytes[0] ^= kOne; },        [](auto& k) { k.dek2.bytes[0] ^= kOne; },
        [](auto& k) { k.commitment1[0] ^= kOne; },       [](auto& k) { k.commitment2[0] ^= kOne; },
    };
    for (const auto& change : changes) {
        noted.keysets = {keyset(1)};
        change(noted.keysets[0]);
        EXPECT_THAT(sample().narrow(noted), FailsWith(Errc::substituted));
    }
    noted.keysets = {keyset(1)};
    noted.disk.bytes[0] ^= kOne;
    EXPECT_THAT(sample().narrow(noted), FailsWith(Errc::substituted));
}

}  // namespace
}  // namespace twofold::fs

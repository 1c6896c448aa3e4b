#include "keyring/crypto/aead.h"

#include <random>
#include <vector>

#include "base/hex.h"
#include "keyring/crypto/random.h"
#include "tests/support/matchers.h"

namespace twofold::crypto {
namespace {

using Maker = Result<std::unique_ptr<Aead>> (*)(SecretBytes);
constexpr Maker kMakers[] = {make_xchacha20_poly1305_sodium, make_xchacha20_poly1305_openssl,
                             make_xaes_256_gcm};

SecretBytes key_of(std::string_view hex) { return must(SecretBytes::copy_of(must(from_hex(hex)))); }

// Bytes from a seed that a failing run prints.
class Seeded {
public:
    Seeded() { seed(std::random_device{}()); }
    void seed(std::uint32_t s) {
        seed_ = s;
        engine_.seed(s);
    }
    std::uint32_t value() const { return seed_; }
    std::size_t below(std::size_t n) { return engine_() % n; }
    std::vector<std::byte> bytes(std::size_t size) {
        std::vector<std::byte> out(size);
        for (std::byte& b : out) b = static_cast<std::byte>(engine_());
        return out;
    }
    Nonce nonce() {
        Nonce out;
        for (std::byte& b : out) b = static_cast<std::byte>(engine_());
        return out;
    }

private:
    std::uint32_t seed_ = 0;
    std::mt19937 engine_;
};

TEST(Aead, OpensWhatItSealedAndNothingElse) {
    Seeded random;
    SCOPED_TRACE(testing::Message() << "seed " << random.value());
    for (const Maker make : kMakers) {
        const auto aead = must(make(must(SecretBytes::random(32))));
        for (int round = 0; round < 50; ++round) {
            const auto plain = random.bytes(random.below(9000));
            const auto associated = random.bytes(random.below(100));
            const Nonce nonce = random.nonce();
            std::vector<std::byte> text = plain;
            std::array<std::byte, kTagSize> tag;
            ASSERT_THAT(aead->seal(nonce, associated, text, text, tag), Succeeds());
            std::vector<std::byte> out(text.size());
            ASSERT_THAT(aead->open(nonce, associated, text, tag, out), Succeeds());
            EXPECT_EQ(out, plain);

            tag[random.below(kTagSize)] ^= std::byte{1};
            out = random.bytes(out.size());
            EXPECT_THAT(aead->open(nonce, associated, text, tag, out),
                        FailsWith(Errc::unauthentic));
            EXPECT_TRUE(all_zero(out));
        }
    }
}

TEST(Xchacha20Poly1305, IsTheSameByBothLibraries) {
    Seeded random;
    SCOPED_TRACE(testing::Message() << "seed " << random.value());
    for (int key = 0; key < 20; ++key) {
        const auto bytes = random.bytes(32);
        const auto sodium = must(make_xchacha20_poly1305_sodium(must(SecretBytes::copy_of(bytes))));
        const auto openssl =
            must(make_xchacha20_poly1305_openssl(must(SecretBytes::copy_of(bytes))));
        Nonce nonce = random.nonce();
        for (int round = 0; round < 50; ++round) {
            if (random.below(4) == 0) nonce = random.nonce();
            nonce[16 + random.below(8)] ^= std::byte{0x11};
            const auto plain = random.bytes(random.below(5000));
            const auto associated = random.bytes(random.below(80));
            std::vector<std::byte> a(plain.size()), b(plain.size());
            std::array<std::byte, kTagSize> tag_a, tag_b;
            ASSERT_THAT(sodium->seal(nonce, associated, plain, a, tag_a), Succeeds());
            ASSERT_THAT(openssl->seal(nonce, associated, plain, b, tag_b), Succeeds());
            ASSERT_EQ(a, b);
            ASSERT_EQ(tag_a, tag_b);
            ASSERT_THAT(sodium->open(nonce, associated, b, tag_b, b), Succeeds());
            ASSERT_THAT(openssl->open(nonce, associated, a, tag_a, a), Succeeds());
            ASSERT_EQ(a, plain);
            ASSERT_EQ(b, plain);
        }
    }
}

// The first two vectors of c2sp.org/XAES-256-GCM: the top bit of L is 0 in the first, 1 in the
// other.
TEST(Xaes256Gcm, GivesThePublishedVectors) {
    struct Case {
        std::string_view key, associated, sealed;
    };
    const Case cases[] = {
        {"0101010101010101010101010101010101010101010101010101010101010101", "",
         "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
        {"0303030303030303030303030303030303030303030303030303030303030303",
         "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"}};
    for (const Case& c : cases) {
        const auto aead = must(make_xaes_256_gcm(key_of(c.key)));
        Nonce nonce;
        std::memcpy(nonce.data(), "ABCDEFGHIJKLMNOPQRSTUVWX", nonce.size());
        std::array<std::byte, 12 + kTagSize> sealed;
        const auto text = std::span(sealed).first<12>();
        const auto tag = std::span(sealed).last<kTagSize>();
        ASSERT_THAT(aead->seal(nonce, as_bytes(c.associated), as_bytes("XAES-256-GCM"), text, tag),
                    Succeeds());
        EXPECT_EQ(to_hex(sealed), c.sealed);
        ASSERT_THAT(aead->open(nonce, as_bytes(c.associated), text, tag, text), Succeeds());
        EXPECT_EQ(as_text(text), "XAES-256-GCM");
    }
}

TEST(Aead, RefusesKeysOfAnotherLength) {
    for (const Maker make : kMakers)
        for (const std::size_t size : {0, 16, 31, 33, 64})
            EXPECT_THAT(make(must(SecretBytes::zeroed(size))), FailsWith(Errc::invalid));
}

TEST(Xts, OpensWhatItSealedAndRefusesEqualHalves) {
    Seeded random;
    SCOPED_TRACE(testing::Message() << "seed " << random.value());
    const auto xts = must(make_aes_256_xts(must(SecretBytes::random(64))));
    for (const std::size_t size : {16, 17, 512, 4096, 4112}) {
        const auto plain = random.bytes(size);
        const Nonce tweak = random.nonce();
        auto text = plain;
        ASSERT_THAT(xts->encrypt(std::span(tweak).first<16>(), text, text), Succeeds());
        EXPECT_NE(text, plain);
        ASSERT_THAT(xts->decrypt(std::span(tweak).first<16>(), text, text), Succeeds());
        EXPECT_EQ(text, plain);
    }
    std::array<std::byte, 15> small{};
    EXPECT_THAT(xts->encrypt(std::array<std::byte, 16>{}, small, small), FailsWith(Errc::invalid));
    EXPECT_THAT(make_aes_256_xts(must(SecretBytes::zeroed(64))), FailsWith(Errc::invalid));
    EXPECT_THAT(make_aes_256_xts(must(SecretBytes::random(32))), FailsWith(Errc::invalid));
}

}  // namespace
}  // namespace twofold::crypto

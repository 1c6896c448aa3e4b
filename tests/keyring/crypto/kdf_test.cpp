#include "keyring/crypto/kdf.h"

#include "base/hex.h"
#include "keyring/crypto/encoding.h"
#include "keyring/crypto/key_source.h"
#include "tests/support/matchers.h"

namespace twofold::crypto {
namespace {

TEST(Sha256, OfAbcIsThatOfFips180) {
    const Bytes parts[] = {as_bytes("a"), as_bytes("bc")};
    const std::string expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    EXPECT_EQ(to_hex(sha256(as_bytes("abc"))), expected);
    EXPECT_EQ(to_hex(sha256(parts)), expected);
}

// RFC 5869, appendix A.1.
TEST(Hkdf, GivesTheRfcsFirstCase) {
    const std::vector<std::byte> ikm(22, std::byte{0x0b});
    const auto prk = must(hkdf_extract(must(from_hex("000102030405060708090a0b0c")), ikm));
    EXPECT_EQ(to_hex(prk.reveal()),
              "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    const auto okm = must(hkdf_expand(prk.reveal(), must(from_hex("f0f1f2f3f4f5f6f7f8f9")), 42));
    EXPECT_EQ(
        to_hex(okm.reveal()),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    EXPECT_THAT(hkdf_expand(prk.reveal(), {}, 0), FailsWith(Errc::invalid));
    EXPECT_THAT(hkdf_expand(prk.reveal(), {}, 8161), FailsWith(Errc::invalid));
}

TEST(Blake2b, DependsOnKeyPersonalStringAndLength) {
    const auto make = [](std::byte fill, std::string_view personal) {
        const std::array<std::byte, 32> key = [&] {
            std::array<std::byte, 32> k;
            k.fill(fill);
            return k;
        }();
        return must(Blake2b::create(must(SecretBytes::copy_of(key)), personal));
    };
    std::array<std::byte, 32> a, b, c;
    make(std::byte{1}, "twofold1.log").mac(as_bytes("x"), a);
    make(std::byte{2}, "twofold1.log").mac(as_bytes("x"), b);
    make(std::byte{1}, "twofold1.node").mac(as_bytes("x"), c);
    EXPECT_NE(a, b);
    EXPECT_NE(a, c);
    std::array<std::byte, 16> shorter;
    make(std::byte{1}, "twofold1.log").mac(as_bytes("x"), shorter);
    EXPECT_FALSE(equal(shorter, Bytes(a).first(16)));
    EXPECT_TRUE(make(std::byte{1}, "twofold1.log").verify(as_bytes("x"), a));
    EXPECT_FALSE(make(std::byte{1}, "twofold1.log").verify(as_bytes("x"), b));
    EXPECT_FALSE(make(std::byte{1}, "twofold1.log").verify(as_bytes("x"), Bytes(a).first(8)));
}

TEST(Base64url, IsStrict) {
    EXPECT_EQ(to_base64url(must(from_hex("fbff00"))), "-_8A");
    EXPECT_EQ(to_base64url({}), "");
    EXPECT_EQ(to_hex(must(from_base64url("-_8A"))), "fbff00");
    EXPECT_EQ(must(from_base64url("")).size(), 0U);
    for (const char* bad : {"=", "A", "AA==", "+/8A", "AB", "A A", "AAA\n"})
        EXPECT_THAT(from_base64url(bad), FailsWith(Errc::invalid)) << bad;
}

TEST(DeploymentCommitment, SeparatesDeploymentLayerAndDek) {
    const auto dek = must(SecretBytes::random(32));
    Uuid one, two;
    one.bytes[0] = std::byte{1};
    two.bytes[0] = std::byte{2};
    const auto a = must(deployment_commitment(one, Layer::two, one, dek.reveal()));
    EXPECT_NE(a, must(deployment_commitment(two, Layer::two, one, dek.reveal())));
    EXPECT_NE(a, must(deployment_commitment(one, Layer::one, one, dek.reveal())));
    EXPECT_NE(a, must(deployment_commitment(one, Layer::two, two, dek.reveal())));
}

}  // namespace
}  // namespace twofold::crypto

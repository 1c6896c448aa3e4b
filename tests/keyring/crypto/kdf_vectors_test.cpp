#include <algorithm>
#include <set>

#include "base/hex.h"
#include "keyring/crypto/kdf.h"
#include "keyring/crypto/rsa.h"
#include "tests/keyring/crypto/vector_files.h"
#include "tests/support/matchers.h"

namespace twofold::crypto {
namespace {

TEST(HkdfVectors, AgreeWithWycheproof) {
    const auto tests = wycheproof("hkdf_sha256");
    int valid = 0, invalid = 0;
    for (const auto& test : tests) {
        SCOPED_TRACE(test.number);
        const auto prk = must(hkdf_extract(test.bytes("salt"), test.bytes("ikm")));
        const auto out = hkdf_expand(prk.reveal(), test.bytes("info"), test.integer("size"));
        if (test.result == "valid") {
            ++valid;
            ASSERT_THAT(out, Succeeds());
            EXPECT_EQ(to_hex(out->reveal()), test.text("okm"));
        } else {
            ++invalid;
            EXPECT_THAT(out, FailsWith(Errc::invalid));
        }
    }
    EXPECT_EQ(valid, 83);
    EXPECT_EQ(invalid, 3);
}

TEST(HmacVectors, AgreeWithWycheproofCutToTheTagsSize) {
    int valid = 0, invalid = 0;
    for (const auto& test : wycheproof("hmac_sha256")) {
        SCOPED_TRACE(test.number);
        const Digest mac = hmac_sha256(test.bytes("key"), test.bytes("msg"));
        const bool fits = equal_in_constant_time(Bytes(mac).first(test.integer("tagSize") / 8),
                                                 test.bytes("tag"));
        EXPECT_EQ(fits, test.result == "valid");
        ++(test.result == "valid" ? valid : invalid);
    }
    EXPECT_EQ(valid, 66);
    EXPECT_EQ(invalid, 108);
}

// Computed with Python's hashlib, which carries the BLAKE2 authors' reference code: key 0, 1, … 31,
// personal string "twofold1.node", message 0, 7, 14, … modulo 256.
TEST(Blake2bVectors, AgreeWithTheReferenceCode) {
    SecretBytes key = must(SecretBytes::zeroed(32));
    for (std::size_t i = 0; i < 32; ++i) key.reveal_mutable()[i] = static_cast<std::byte>(i);
    const Blake2b blake = must(Blake2b::create(std::move(key), "twofold1.node"));
    std::vector<std::byte> page(4096);
    for (std::size_t i = 0; i < page.size(); ++i) page[i] = static_cast<std::byte>(i * 7);
    const auto mac = [&](Bytes message, std::size_t size) {
        std::vector<std::byte> out(size);
        blake.mac(message, out);
        EXPECT_TRUE(blake.verify(message, out));
        const Bytes halves[] = {message.first(message.size() / 2),
                                message.subspan(message.size() / 2)};
        EXPECT_TRUE(blake.verify(halves, out));
        return to_hex(out);
    };
    EXPECT_EQ(mac({}, 16), "bd8eccb28922534bdb78bf221931c5a2");
    EXPECT_EQ(mac(page, 16), "51ffd8b73470032ceb87ff702dbb3200");
    EXPECT_EQ(mac({}, 24), "7e5bd2a38b83e28f12f3d29fee9b2722437c4d97f1014538");
    EXPECT_EQ(mac({}, 32), "69e1fc2d70bc54e5afb1e82cc38659b4e07eca93241eea61003cba5b99d9eea4");
    EXPECT_EQ(mac(page, 32), "045a5fa395408204c791ab2e17ddf96ce6b6a9c147935b9ab1d36d8416686fd0");
    EXPECT_EQ(mac(page, 64),
              "c1f1d12b9852728b587d5abe1894a8e27e86ca13097c8f327a515cda71fab127"
              "28343e9b5359f9f4a19c361f14eb3f0613fb9d8e79c32c48f66e03ffc5a96a8f");
}

class OaepVectors : public testing::TestWithParam<int> {};

TEST_P(OaepVectors, AgreeWithWycheproofForTheEmptyLabel) {
    const auto tests = wycheproof("rsa_oaep_" + std::to_string(GetParam()) + "_sha256_mgf1sha256");
    int valid = 0, invalid = 0;
    std::set<int> labelled;
    for (const auto& test : tests) {
        SCOPED_TRACE(test.number);
        const Rsa key = must(Rsa::from_private_der(test.bytes("privateKeyPkcs8")));
        EXPECT_EQ(key.bits(), GetParam());
        const auto plain = key.oaep_256_decrypt(test.bytes("ct"));
        if (!test.text("label").empty()) labelled.insert(test.number);
        if (test.result != "valid" || !test.text("label").empty()) {
            EXPECT_THAT(plain, FailsWith(Errc::wrong_key));
            invalid += test.result != "valid";
            continue;
        }
        ++valid;
        ASSERT_THAT(plain, Succeeds());
        EXPECT_EQ(to_hex(plain->reveal()), test.text("msg"));
        const Rsa half = must(Rsa::from_public(must(key.modulus()), must(key.exponent())));
        const auto wrapped = must(half.oaep_256_encrypt(test.bytes("msg")));
        EXPECT_EQ(to_hex(must(key.oaep_256_decrypt(wrapped)).reveal()), test.text("msg"));
    }
    EXPECT_EQ(tests.size(), 37U);
    EXPECT_EQ(valid, 10);
    EXPECT_EQ(invalid, 19);
    EXPECT_EQ(labelled, numbers({{8, 10}, {33, 37}}));  // valid with their labels
}

INSTANTIATE_TEST_SUITE_P(Bits, OaepVectors, testing::Values(2048, 3072, 4096),
                         [](const auto& test) { return std::to_string(test.param); });

}  // namespace
}  // namespace twofold::crypto

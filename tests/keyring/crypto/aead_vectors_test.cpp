#include <openssl/evp.h>

#include <set>

#include "base/hex.h"
#include "keyring/crypto/openssl_aead.h"
#include "tests/keyring/crypto/vector_files.h"
#include "tests/support/matchers.h"

namespace twofold::crypto {
namespace {

// `cipher` has seal(nonce, associated, in, out, tag) and open(nonce, associated, in, tag, out).
template <class Cipher, class NonceType>
void expect_as_published(Cipher& cipher, NonceType nonce, const PublishedTest& test) {
    SCOPED_TRACE(test.number);
    const auto associated = test.bytes("aad");
    const auto text = test.bytes("ct");
    const auto tag = test.bytes("tag");
    ASSERT_EQ(tag.size(), kTagSize);
    std::vector<std::byte> out(text.size(), std::byte{0xee});
    const auto opened = cipher.open(nonce, associated, text, TagView(tag.data(), kTagSize), out);
    if (test.result != "valid") {
        EXPECT_THAT(opened, FailsWith(Errc::unauthentic));
        EXPECT_TRUE(all_zero(out));
        return;
    }
    EXPECT_THAT(opened, Succeeds());
    EXPECT_EQ(to_hex(out), test.text("msg"));
    std::array<std::byte, kTagSize> made;
    ASSERT_THAT(cipher.seal(nonce, associated, out, out, made), Succeeds());
    EXPECT_EQ(to_hex(out), test.text("ct"));
    EXPECT_EQ(to_hex(made), test.text("tag"));
}

class XchachaVectors : public testing::TestWithParam<decltype(&make_xchacha20_poly1305_sodium)> {};

TEST_P(XchachaVectors, AgreeWithWycheproof) {
    int agree = 0;
    std::set<int> refused;
    const auto tests = wycheproof("xchacha20_poly1305");
    for (const auto& test : tests) {
        const auto nonce = test.bytes("iv");
        if (nonce.size() != kNonceSize) {  // not a NonceView
            EXPECT_EQ(test.result, "invalid");
            refused.insert(test.number);
            continue;
        }
        const auto aead = must(GetParam()(must(SecretBytes::copy_of(test.bytes("key")))));
        expect_as_published(*aead, std::span(nonce).first<kNonceSize>(), test);
        ++agree;
    }
    EXPECT_EQ(tests.size(), 315U);
    EXPECT_EQ(agree, 306);
    EXPECT_EQ(refused, numbers({{307, 315}}));
}

INSTANTIATE_TEST_SUITE_P(Libraries, XchachaVectors,
                         testing::Values(make_xchacha20_poly1305_sodium,
                                         make_xchacha20_poly1305_openssl),
                         [](const auto& test) { return test.index == 0 ? "Sodium" : "Openssl"; });

struct Count {
    int agree = 0;
    std::set<int> refused;
};

// Both ciphers through the context that XAES-256-GCM and XChaCha20-Poly1305 stand on.
Count run_context(const std::vector<PublishedTest>& tests, const char* (*cipher_of)(std::size_t)) {
    Count count;
    for (const auto& test : tests) {
        const auto cipher = must(fetch_cipher(cipher_of(test.integer("keySize"))));
        AeadContext context = must(AeadContext::create(cipher, test.bytes("key")));
        const auto nonce = test.bytes("iv");
        if (nonce.size() == 12) {
            expect_as_published(context, Bytes(nonce), test);
            ++count.agree;
            continue;
        }
        std::vector<std::byte> out(test.bytes("ct").size(), std::byte{0xee});
        std::array<std::byte, kTagSize> tag{};
        EXPECT_THAT(context.open(nonce, {}, test.bytes("ct"), tag, out), FailsWith(Errc::invalid));
        EXPECT_THAT(context.seal(nonce, {}, out, out, tag), FailsWith(Errc::invalid));
        EXPECT_TRUE(all_zero(tag));
        count.refused.insert(test.number);
    }
    return count;
}

TEST(AesGcmVectors, AgreeWithWycheproofForNoncesOf96Bits) {
    const auto tests = wycheproof("aes_gcm");
    const Count count = run_context(tests, [](std::size_t bits) {
        return bits == 128 ? "AES-128-GCM" : bits == 192 ? "AES-192-GCM" : "AES-256-GCM";
    });
    EXPECT_EQ(tests.size(), 316U);
    EXPECT_EQ(count.agree, 197);
    EXPECT_EQ(count.refused.size(), 119U);
    EXPECT_EQ(count.refused, numbers({{68, 90}, {157, 175}, {240, 316}}));
}

TEST(Chacha20Poly1305Vectors, AgreeWithWycheproofForNoncesOf96Bits) {
    const auto tests = wycheproof("chacha20_poly1305");
    const Count count = run_context(tests, [](std::size_t) { return "ChaCha20-Poly1305"; });
    EXPECT_EQ(tests.size(), 325U);
    EXPECT_EQ(count.agree, 316);
    EXPECT_EQ(count.refused, numbers({{317, 325}}));
}

// c2sp.org/XAES-256-GCM, "Accumulated randomized tests": keys, nonces, messages and associated data
// come from SHAKE-128 of nothing, and SHAKE-128 of all that was sealed is published.
TEST(Xaes256GcmVectors, AgreeWithThePublishedHashOver10000Messages) {
    constexpr int kRounds = 10000;
    using Context = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
    const Context source(EVP_MD_CTX_new()), hash(EVP_MD_CTX_new());
    ASSERT_EQ(EVP_DigestInit_ex(source.get(), EVP_shake128(), nullptr), 1);
    ASSERT_EQ(EVP_DigestInit_ex(hash.get(), EVP_shake128(), nullptr), 1);
    std::vector<std::byte> stream(kRounds * (32 + kNonceSize + 2 * 256));
    ASSERT_EQ(EVP_DigestFinalXOF(source.get(), uc(MutableBytes(stream)), stream.size()), 1);
    ASSERT_EQ(to_hex(Bytes(stream).first(16)), "7f9c2ba4e88f827d616045507605853e");

    Reader reader(stream);
    for (int round = 0; round < kRounds; ++round) {
        const auto aead = must(make_xaes_256_gcm(must(SecretBytes::copy_of(reader.bytes(32)))));
        const auto nonce = reader.bytes(kNonceSize).first<kNonceSize>();
        const Bytes plain = reader.bytes(reader.u8());
        const Bytes associated = reader.bytes(reader.u8());
        std::vector<std::byte> sealed(plain.size() + kTagSize);
        const auto text = MutableBytes(sealed).first(plain.size());
        const auto tag = std::span(sealed).last<kTagSize>();
        ASSERT_THAT(aead->seal(nonce, associated, plain, text, tag), Succeeds());
        ASSERT_EQ(EVP_DigestUpdate(hash.get(), sealed.data(), sealed.size()), 1);
        ASSERT_THAT(aead->open(nonce, associated, text, tag, text), Succeeds());
        ASSERT_TRUE(equal(text, plain));
    }
    std::array<std::byte, 32> digest;
    ASSERT_EQ(EVP_DigestFinalXOF(hash.get(), uc(MutableBytes(digest)), digest.size()), 1);
    EXPECT_EQ(to_hex(digest), "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
}

}  // namespace
}  // namespace twofold::crypto

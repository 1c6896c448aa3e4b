#include <algorithm>
#include <set>

#include "base/hex.h"
#include "keyring/crypto/openssl_xts.h"
#include "tests/keyring/crypto/vector_files.h"
#include "tests/support/matchers.h"

namespace twofold::crypto {
namespace {

using TweakBytes = std::array<std::byte, 16>;

TweakBytes padded(const std::vector<std::byte>& bytes) {
    TF_CHECK(bytes.size() <= 16);
    TweakBytes tweak{};
    std::copy(bytes.begin(), bytes.end(), tweak.begin());
    return tweak;
}

Result<std::unique_ptr<Xts>> make(const std::vector<std::byte>& keys) {
    TF_ASSIGN(const EVP_CIPHER* const cipher,
              fetch_cipher(keys.size() == 32 ? "AES-128-XTS" : "AES-256-XTS"));
    auto made = make_xts(cipher, must(SecretBytes::copy_of(keys)));
    return made;
}

void expect_both_ways(const Xts& xts, const TweakBytes& tweak, const std::vector<std::byte>& plain,
                      const std::vector<std::byte>& text) {
    std::vector<std::byte> out(plain.size());
    ASSERT_THAT(xts.encrypt(tweak, plain, out), Succeeds());
    EXPECT_EQ(to_hex(out), to_hex(text));
    ASSERT_THAT(xts.decrypt(tweak, text, out), Succeeds());
    EXPECT_EQ(to_hex(out), to_hex(plain));
}

TEST(XtsVectors, AgreeWithWycheproof) {
    const auto tests = wycheproof("aes_xts");
    int agree = 0;
    std::set<int> skipped;
    for (const auto& test : tests) {
        SCOPED_TRACE(test.number);
        if (test.integer("keySize") == 2 * 192) {
            skipped.insert(test.number);
            continue;
        }
        ASSERT_EQ(test.result, "valid");
        expect_both_ways(*must(make(test.bytes("key"))), padded(test.bytes("iv")),
                         test.bytes("msg"), test.bytes("ct"));
        ++agree;
    }
    EXPECT_EQ(tests.size(), 123U);
    EXPECT_EQ(agree, 82);
    std::set<int> aes_192 = numbers({{27, 52}});  // OpenSSL has none
    for (int number = 80; number <= 122; number += 3) aes_192.insert(number);
    EXPECT_EQ(skipped, aes_192);
}

// Each file has 500 tests each way, of data units of 256, 384, 140, 250 and 384 bits, a hundred
// each.
void expect_nist(const std::string& file, TweakBytes (*tweak_of)(const PublishedTest&)) {
    const auto tests = nist_rsp("nist-cavp-xts/" + file);
    int agree = 0;
    std::set<int> skipped_encrypting, skipped_decrypting;
    for (const auto& test : tests) {
        SCOPED_TRACE(test.section + " " + std::to_string(test.number));
        if (test.integer("DataUnitLen") % 8 != 0) {
            (test.section == "ENCRYPT" ? skipped_encrypting : skipped_decrypting)
                .insert(test.number);
            continue;
        }
        expect_both_ways(*must(make(test.bytes("Key"))), tweak_of(test), test.bytes("PT"),
                         test.bytes("CT"));
        ++agree;
    }
    EXPECT_EQ(tests.size(), 1000U);
    EXPECT_EQ(agree, 600);
    const std::set<int> parts_of_bytes = numbers({{201, 400}});
    EXPECT_EQ(skipped_encrypting, parts_of_bytes);
    EXPECT_EQ(skipped_decrypting, parts_of_bytes);
}

TEST(XtsVectors, AgreeWithNistForTweaksOf128Bits) {
    expect_nist("XTSGenAES256.tweak128.rsp",
                [](const PublishedTest& test) { return padded(test.bytes("i")); });
}

TEST(XtsVectors, AgreeWithNistForDataUnitNumbers) {
    expect_nist("XTSGenAES256.dataunitseq.rsp", [](const PublishedTest& test) {
        TweakBytes tweak{};
        Writer(tweak).u64_le(test.integer("DataUnitSeqNumber"));
        return tweak;
    });
}

TEST(XtsVectors, AgreeWithIeee1619) {
    const auto tests = gladman("ieee1619-xts/xts.1");
    int agree = 0;
    for (const auto& test : tests) {
        SCOPED_TRACE(test.number);
        auto keys = test.bytes("EKY");
        const auto tweak_key = test.bytes("TKY");
        keys.insert(keys.end(), tweak_key.begin(), tweak_key.end());
        if (test.number == 1) {  // the two keys are equal
            EXPECT_THAT(make(keys), FailsWith(Errc::invalid));
            continue;
        }
        if (test.number == 12) {  // the file lacks 32 of 512 bytes
            EXPECT_EQ(test.bytes("CTX").size(), 480U);
            continue;
        }
        std::string number = test.text("LBA");
        if (number.size() % 2 != 0) number += "0";
        expect_both_ways(*must(make(keys)), padded(must(from_hex(number))), test.bytes("PTX"),
                         test.bytes("CTX"));
        ++agree;
    }
    EXPECT_EQ(tests.size(), 19U);
    EXPECT_EQ(agree, 17);
}

}  // namespace
}  // namespace twofold::crypto

#include "keyring/envelope/wrapped_key.h"

#include <algorithm>
#include <functional>

#include "keyring/crypto/encoding.h"
#include "tests/support/matchers.h"

namespace twofold::keyring {
namespace {

using testing::HasSubstr;

WrappedKey example() {
    WrappedKey key{.generation = 7,
                   .layer = crypto::Layer::two,
                   .dek = {must(Uuid::parse("000102030405060708090a0b0c0d0e0f")), 1},
                   .kid = must(KeyId::parse("https://contoso-kv.vault.azure.net/keys/kek1/"
                                            "0123456789abcdef0123456789abcdef")),
                   .wrapped = std::vector<std::byte>(256, std::byte{0xab}),
                   .key_check = {},
                   .created = 1795367934,
                   .reference = must(KeyId::parse("https://contoso-kv.vault.azure.net/keys/kek1")),
                   .identity = "521dbef6-4fb2-4ebc-a399-090e04c2607b"};
    key.key_check.fill(std::byte{0x11});
    return key;
}

std::string wrapped_text() { return crypto::to_base64url(example().wrapped); }

TEST(WrappedKey, IsWrittenInThisForm) {
    EXPECT_EQ(example().to_json(),
              "{\"format\":1,\"generation\":7,\"layer\":2,"
              "\"dekId\":\"000102030405060708090a0b0c0d0e0f\",\"dekGeneration\":1,"
              "\"kid\":\"https://contoso-kv.vault.azure.net/keys/kek1/"
              "0123456789abcdef0123456789abcdef\","
              "\"alg\":\"RSA-OAEP-256\",\"wrapped\":\"" +
                  wrapped_text() +
                  "\",\"keyCheck\":\"EREREREREREREREREREREQ\",\"createdAt\":1795367934,"
                  "\"reference\":\"https://contoso-kv.vault.azure.net/keys/kek1\","
                  "\"identity\":\"521dbef6-4fb2-4ebc-a399-090e04c2607b\"}");
}

TEST(WrappedKey, ReadsWhatItWrote) {
    const WrappedKey key = must(WrappedKey::parse(as_bytes(example().to_json())));
    EXPECT_EQ(key.to_json(), example().to_json());
    EXPECT_EQ(key.dek, example().dek);
    EXPECT_EQ(key.kid, example().kid);
    EXPECT_EQ(key.wrapped, example().wrapped);
}

TEST(WrappedKey, ReadsThePaddingOfAnEnvelope) {
    std::string padded = example().to_json();
    padded.resize(crypto::Envelope::kRecordSizeMax, '\0');
    EXPECT_THAT(WrappedKey::parse(as_bytes(padded)), Succeeds());
    padded.back() = 'x';
    EXPECT_THAT(WrappedKey::parse(as_bytes(padded)), FailsWith(Errc::damaged));
}

TEST(WrappedKey, TheLargestOneFitsAnEnvelope) {
    WrappedKey key = example();
    const std::string host = std::string(240, 'h') + ".vault.net:65535";
    const std::string base = "https://" + host + "/keys/" + std::string(127, 'k');
    key.kid = must(KeyId::parse(base + "/" + std::string(32, 'f')));
    key.reference = key.kid;
    key.wrapped.assign(512, std::byte{0xff});
    key.identity.assign(64, 'i');
    EXPECT_LE(key.to_json().size(), crypto::Envelope::kRecordSizeMax);
    EXPECT_THAT(WrappedKey::parse(as_bytes(key.to_json())), Succeeds());
}

TEST(WrappedKey, AClockOutOfAllReasonStillGivesARecordThatReads) {
    WrappedKey key = example();
    key.created = -1;
    EXPECT_THAT(WrappedKey::parse(as_bytes(key.to_json())), Succeeds());
    key.created = std::int64_t{1} << 60;
    EXPECT_THAT(WrappedKey::parse(as_bytes(key.to_json())), Succeeds());
}

// A text replaced once in the example, and what that makes of it.
struct Change {
    const char* name;
    std::string from, to;
    Errc error = Errc::damaged;
};

class MalformedRecord : public testing::TestWithParam<Change> {};

TEST_P(MalformedRecord, IsRefused) {
    std::string text = example().to_json();
    const auto at = text.find(GetParam().from);
    ASSERT_NE(at, std::string::npos);
    text.replace(at, GetParam().from.size(), GetParam().to);
    EXPECT_THAT(WrappedKey::parse(as_bytes(text)), FailsWith(GetParam().error)) << text;
}

INSTANTIATE_TEST_SUITE_P(
    Changes, MalformedRecord,
    testing::Values(
        Change{"Format2", "\"format\":1", "\"format\":2", Errc::unsupported},
        Change{"FormatText", "\"format\":1", "\"format\":\"1\""},
        Change{"OtherMember", "\"layer\":2", "\"layer\":2,\"check\":false"},
        Change{"MissingMember", "\"layer\":2,", ""},
        Change{"DuplicateMember", "\"layer\":2", "\"layer\":2,\"layer\":2"},
        Change{"DuplicateAlgorithm", "\"alg\":\"RSA-OAEP-256\"",
               "\"alg\":\"RSA-OAEP-256\",\"alg\":\"RSA1_5\""},
        Change{"Layer3", "\"layer\":2", "\"layer\":3"},
        Change{"LayerNegative", "\"layer\":2", "\"layer\":-2"},
        Change{"LayerFraction", "\"layer\":2", "\"layer\":2.0"},
        Change{"Generation0", "\"generation\":7", "\"generation\":0"},
        Change{"GenerationHuge", "\"generation\":7", "\"generation\":1e999"},
        Change{"GenerationPast64Bits", "\"generation\":7", "\"generation\":18446744073709551616"},
        Change{"PaddingOracle", "RSA-OAEP-256", "RSA1_5", Errc::unsupported},
        Change{"OaepSha1", "RSA-OAEP-256", "RSA-OAEP", Errc::unsupported},
        Change{"AlgorithmNull", "\"RSA-OAEP-256\"", "null"},
        Change{"DekIdShort", "000102030405060708090a0b0c0d0e0f", "0001"},
        Change{"DekIdZero", "000102030405060708090a0b0c0d0e0f", "00000000000000000000000000000000"},
        Change{"KidVersionless", "/0123456789abcdef0123456789abcdef\",\"alg", "\",\"alg"},
        Change{"KidHttp", "https://contoso-kv.vault.azure.net/keys/kek1/0",
               "http://contoso-kv.vault.azure.net/keys/kek1/0"},
        Change{"WrappedShort", wrapped_text(), wrapped_text().substr(4)},
        Change{"WrappedLong", wrapped_text(), wrapped_text() + "AAAA"},
        Change{"WrappedPadded", wrapped_text(), wrapped_text() + "=="},
        Change{"WrappedNotBase64url", wrapped_text(), "+/" + wrapped_text().substr(2)},
        Change{"WrappedEmpty", wrapped_text(), ""},
        Change{"KeyCheckShort", "EREREREREREREREREREREQ", "EREREQ"},
        Change{"CreatedNegative", "1795367934", "-1"},
        Change{"CreatedText", "1795367934", "\"now\""},
        Change{"ReferenceEmpty", "\"reference\":\"https://contoso-kv.vault.azure.net/keys/kek1\"",
               "\"reference\":\"\""},
        Change{"IdentityPath", "521dbef6-4fb2-4ebc-a399-090e04c2607b", "../../etc/passwd"},
        Change{"IdentityLong", "521dbef6-4fb2-4ebc-a399-090e04c2607b", std::string(65, 'a')},
        Change{"IdentityEmpty", "521dbef6-4fb2-4ebc-a399-090e04c2607b", ""},
        Change{"Nested", "\"layer\":2", "\"layer\":[2]"}, Change{"TrailingComma", "}", ",}"},
        Change{"Comment", "{", "{/**/"}, Change{"SecondObject", "}", "}{}"},
        Change{"Array", "{", "[{"}, Change{"NotUtf8", "kek1", "kek\xff"}),
    [](const auto& test) { return test.param.name; });

TEST(WrappedKey, RefusesEveryCutOfItself) {
    const std::string text = example().to_json();
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_THAT(WrappedKey::parse(as_bytes(text.substr(0, size))), FailsWith(Errc::damaged))
            << size;
}

TEST(WrappedKey, RefusesDeepNestingAndOversize) {
    const std::string deep = std::string(1500, '[') + std::string(1500, ']');
    EXPECT_THAT(WrappedKey::parse(as_bytes(deep)), FailsWith(Errc::damaged));
    EXPECT_THAT(WrappedKey::parse(as_bytes(std::string(4000, ' '))), FailsWith(Errc::damaged));
}

}  // namespace
}  // namespace twofold::keyring

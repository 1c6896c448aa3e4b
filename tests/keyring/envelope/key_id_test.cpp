#include "keyring/envelope/key_id.h"

#include "tests/support/matchers.h"

namespace twofold::keyring {
namespace {

using testing::HasSubstr;

const std::string kVersion = "0123456789abcdef0123456789abcdef";
const std::string kBase = "https://contoso-kv.vault.azure.net/keys/kek1";

TEST(KeyId, H13_ReadsFullAndVersionlessIdentifiers) {
    const KeyId full = must(KeyId::parse(kBase + "/" + kVersion));
    EXPECT_TRUE(full.full());
    EXPECT_EQ(full.host(), "contoso-kv.vault.azure.net");
    EXPECT_EQ(full.name(), "kek1");
    EXPECT_EQ(full.version(), kVersion);
    EXPECT_EQ(full.uri(), kBase + "/" + kVersion);

    const KeyId base = must(KeyId::parse(kBase));
    EXPECT_TRUE(base.versionless());
    EXPECT_EQ(base.uri(), kBase);
    EXPECT_TRUE(base.covers(full));
    EXPECT_FALSE(full.covers(base));
    EXPECT_EQ(full.with_version(""), base);
}

TEST(KeyId, ComparesWithoutRegardToCaseAndKeepsTheCaseOfFirstUse) {
    const KeyId upper = must(KeyId::parse("HTTPS://Contoso-KV.Vault.Azure.NET/KEYS/Kek1"));
    EXPECT_EQ(upper, must(KeyId::parse(kBase)));
    EXPECT_EQ(upper.name(), "Kek1");
    EXPECT_EQ(upper.host(), "Contoso-KV.Vault.Azure.NET");
}

TEST(KeyId, ToleratesOneTrailingSlash) {
    EXPECT_EQ(must(KeyId::parse(kBase + "/")), must(KeyId::parse(kBase)));
    EXPECT_THAT(KeyId::parse(kBase + "//"), FailsWith(Errc::usage));
}

TEST(KeyId, K1_ReadsTheShortFormOfKafka) {
    const KeyId short_form = must(KeyId::parse("myakv.azure.com/KEK1/v1"));
    EXPECT_EQ(short_form.host(), "myakv.vault.azure.net");
    EXPECT_EQ(short_form.name(), "KEK1");
    EXPECT_EQ(short_form.version(), "v1");
    EXPECT_FALSE(short_form.full());
    EXPECT_FALSE(short_form.versionless());
    EXPECT_TRUE(must(KeyId::parse("myakv.azure.com/KEK1/" + kVersion)).full());
}

TEST(KeyId, ReadsTheSeparateForm) {
    const KeyId id =
        must(KeyId::from_parts("https://contoso-kv.vault.azure.net/", "kek1", kVersion));
    EXPECT_EQ(id, must(KeyId::parse(kBase + "/" + kVersion)));
    EXPECT_TRUE(
        must(KeyId::from_parts("https://contoso-kv.vault.azure.net", "kek1", "")).versionless());
    EXPECT_EQ(must(KeyId::from_parts("https://localhost:8443", "kek1", "")).host(),
              "localhost:8443");
}

class BadKeyId : public testing::TestWithParam<std::string> {};

TEST_P(BadKeyId, IsRefusedWithTheExpectedForm) {
    const auto id = KeyId::parse(GetParam());
    ASSERT_THAT(id, FailsWith(Errc::usage));
    EXPECT_THAT(id.error().advice, HasSubstr("https://VAULT.vault.azure.net/keys/NAME"));
    EXPECT_THAT(id.error().line(), testing::Not(HasSubstr("\n")));
    EXPECT_LT(id.error().line().size(), 400u);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadKeyId,
    testing::Values("", "kek1", "http://contoso-kv.vault.azure.net/keys/kek1",
                    "ftp://contoso-kv.vault.azure.net/keys/kek1", "https://", "https:///keys/kek1",
                    "https://contoso-kv.vault.azure.net", "https://contoso-kv.vault.azure.net/keys",
                    "https://contoso-kv.vault.azure.net/keys/",
                    "https://contoso-kv.vault.azure.net/secrets/kek1", kBase + "?api-version=7.4",
                    kBase + "#top", kBase + "/latest", kBase + "/0123",
                    kBase + "/" + kVersion + "/x", kBase + "/" + kVersion + "0", kBase + "/v1",
                    "https://contoso-kv.vault.azure.net/keys/ke_k",
                    "https://contoso-kv.vault.azure.net/keys/../kek1",
                    "https://contoso-kv.vault.azure.net/keys/%2e%2e",
                    "https://contoso-kv.vault.azure.net/keys/" + std::string(128, 'k'),
                    "https://user@contoso-kv.vault.azure.net/keys/kek1",
                    "https://contoso-kv.vault.azure.net:/keys/kek1",
                    "https://contoso-kv.vault.azure.net:123456/keys/kek1",
                    "https://contoso..net/keys/kek1", "https://.net/keys/kek1",
                    "https://contoso\nkv/keys/kek1", std::string("https://kv\0x/keys/kek1", 22),
                    "myakv.azure.com/KEK1", "myakv.azure.com/KEK1/v0", "myakv.azure.com/KEK1/1",
                    "myakv.azure.com/KEK1/v99999999999", "/KEK1/v1", std::string(5000, 'a')));

TEST(KeyId, FindsTheVaultsNameInItsHost) {
    EXPECT_EQ(vault_name_of("contoso-kv.vault.azure.net"), "contoso-kv");
    EXPECT_EQ(vault_name_of("Contoso-KV.VAULT.azure.net"), "Contoso-KV");
    EXPECT_EQ(vault_name_of("kv.vault.azure.cn"), "kv");
    EXPECT_EQ(vault_name_of("kv.vault.usgovcloudapi.net"), "kv");
    EXPECT_EQ(vault_name_of("a.b.vault.azure.net"), "");
    EXPECT_EQ(vault_name_of(".vault.azure.net"), "");
    EXPECT_EQ(vault_name_of("localhost:8443"), "");
    EXPECT_EQ(vault_name_of("contoso-kv.vault.azure.net.evil.example"), "");
}

TEST(VaultUri, MustBeAnAuthorityAlone) {
    EXPECT_EQ(must(parse_vault_uri("https://contoso-kv.vault.azure.net/")),
              "contoso-kv.vault.azure.net");
    for (const char* bad :
         {"", "contoso-kv", "http://contoso-kv.vault.azure.net", "https://", "https://contoso kv",
          "https://contoso-kv.vault.azure.net/keys", "https://a@contoso-kv.vault.azure.net"})
        EXPECT_THAT(parse_vault_uri(bad), FailsWith(Errc::usage)) << bad;
}

}  // namespace
}  // namespace twofold::keyring

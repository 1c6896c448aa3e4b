#include "keyring/vault/cloud_vaults.h"

#include "keyring/crypto/rsa.h"
#include "tests/keyring/cloud/test_cloud.h"

namespace twofold::keyring {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CloudVaultsTest : public testing::Test {
protected:
    CloudVaultsTest() { cloud.add_key("kek1"); }
    std::unique_ptr<Vault> open(const std::string& host = "contoso-kv.vault.azure.net") {
        return must(vaults.open(host, who.object_id));
    }
    cloud::TestCloud cloud;
    const cloud::Identity who = cloud.add_identity("kafka-id");
    CloudVaults vaults{cloud.directory.path()};
};

TEST_F(CloudVaultsTest, WrapsAndUnwrapsAsAnIdentity) {
    cloud.grant(who, {"get", "wrapKey", "unwrapKey"});
    const auto vault = open();
    const KeyBundle key = must(vault->get_key("KEK1", ""));
    EXPECT_TRUE(key.id.full());
    EXPECT_EQ(key.bits, 2048);
    EXPECT_EQ(key.recovery_level, "Recoverable");
    const auto wrapped = must(vault->wrap("kek1", "", as_bytes("secret")));
    EXPECT_EQ(wrapped.kid, key.id);
    EXPECT_EQ(as_text(must(vault->unwrap("kek1", wrapped.kid.version(), wrapped.value)).reveal()),
              "secret");
}

TEST_F(CloudVaultsTest, UnwrapsWhatWasWrappedOutside) {
    cloud.grant(who, {"get", "unwrapKey"});
    const auto vault = open();
    const KeyBundle key = must(vault->get_key("kek1", ""));
    const auto local = must(crypto::Rsa::from_public(key.n, key.e));
    const auto wrapped = must(local.oaep_256_encrypt(as_bytes("secret")));
    EXPECT_THAT(vault->unwrap("kek1", key.id.version(), wrapped), Succeeds());
    EXPECT_THAT(vault->wrap("kek1", "", as_bytes("secret")), FailsWith(Errc::key_revoked));
}

TEST_F(CloudVaultsTest, H12_NamesEachMissingPermission) {
    const PermissionSet needed{{"get", "wrapKey", "unwrapKey"}, {"get", "set", "delete"}};
    const auto vault = open();
    auto missing = must(vault->missing_permissions(needed));
    EXPECT_THAT(missing.keys, ElementsAre("get", "wrapKey", "unwrapKey"));
    EXPECT_THAT(missing.secrets, ElementsAre("get", "set", "delete"));
    for (const char* lacking : {"get", "wrapKey", "unwrapKey"}) {
        std::vector<std::string> others = needed.keys;
        std::erase(others, lacking);
        must(cloud::VaultRegistry(cloud.cloud)
                 .set_policy("contoso-kv", who.object_id, others, needed.secrets));
        missing = must(vault->missing_permissions(needed));
        EXPECT_THAT(missing.keys, ElementsAre(lacking));
        EXPECT_THAT(missing.secrets, IsEmpty());
    }
    for (const char* lacking : {"get", "set", "delete"}) {
        std::vector<std::string> others = needed.secrets;
        std::erase(others, lacking);
        must(cloud::VaultRegistry(cloud.cloud)
                 .set_policy("contoso-kv", who.object_id, needed.keys, others));
        missing = must(vault->missing_permissions(needed));
        EXPECT_THAT(missing.keys, IsEmpty());
        EXPECT_THAT(missing.secrets, ElementsAre(lacking));
    }
}

TEST_F(CloudVaultsTest, H11_K2_ShowsWhatAVaultLacks) {
    const auto strong = must(open()->properties());
    EXPECT_TRUE(strong.soft_delete);
    EXPECT_TRUE(strong.purge_protection);
    cloud::VaultRegistry::New weak;
    weak.name = "weak-kv";
    weak.soft_delete = false;
    must(cloud::VaultRegistry(cloud.cloud).create(weak));
    const auto properties = must(open("weak-kv.vault.azure.net")->properties());
    EXPECT_FALSE(properties.soft_delete);
    EXPECT_FALSE(properties.purge_protection);
}

TEST_F(CloudVaultsTest, KeepsSecretsAsAnIdentity) {
    const auto on_secrets = [&](std::vector<std::string> permissions) {
        must(cloud::VaultRegistry(cloud.cloud)
                 .set_policy("contoso-kv", who.object_id, {}, std::move(permissions)));
    };
    const auto vault = open();
    on_secrets({"set"});
    const std::string first = must(vault->set_secret("db", as_bytes("one"), "text/plain"));
    const std::string second = must(vault->set_secret("DB", as_bytes("two"), ""));
    EXPECT_NE(first, second);
    const auto refused = vault->get_secret("db", "");
    ASSERT_THAT(refused, FailsWith(Errc::key_revoked));
    EXPECT_EQ(refused.error().vault_code, "Forbidden/ForbiddenByPolicy");

    on_secrets({"get", "delete"});
    const auto newest = must(vault->get_secret("db", ""));
    ASSERT_TRUE(newest);
    EXPECT_EQ(newest->version, second);
    EXPECT_EQ(as_text(newest->value.reveal()), "two");
    EXPECT_EQ(as_text(must(vault->get_secret("db", first))->value.reveal()), "one");
    EXPECT_FALSE(must(vault->get_secret("db", "v3")));
    EXPECT_FALSE(must(vault->get_secret("other", "")));
    EXPECT_THAT(vault->set_secret("db", as_bytes("three"), ""), FailsWith(Errc::key_revoked));
    EXPECT_THAT(vault->delete_secret("db"), Succeeds());
    const auto gone = vault->get_secret("db", "");
    ASSERT_THAT(gone, FailsWith(Errc::key_revoked));
    EXPECT_EQ(gone.error().vault_code, "SecretNotFound");
    EXPECT_THAT(gone.error().line(), HasSubstr("twofold secret recover"));
    EXPECT_THAT(vault->delete_secret("db"), FailsWith(Errc::key_revoked));

    CloudVaults nowhere(cloud.directory.path("nowhere"));
    const auto away = must(nowhere.open("contoso-kv.vault.azure.net", who.object_id));
    EXPECT_THAT(away->get_secret("db", ""), FailsWith(Errc::vault_unreachable));
    EXPECT_THAT(away->set_secret("db", as_bytes("x"), ""), FailsWith(Errc::vault_unreachable));
}

TEST_F(CloudVaultsTest, AMissingVaultIsRevokedAndAMissingCloudUnreachable) {
    const auto nobody = open("nobody-kv.vault.azure.net")->get_key("k", "");
    ASSERT_THAT(nobody, FailsWith(Errc::key_revoked));
    EXPECT_EQ(nobody.error().vault_code, "VaultNotFound");
    CloudVaults nowhere(cloud.directory.path("nowhere"));
    EXPECT_THAT(must(nowhere.open("contoso-kv.vault.azure.net", who.object_id))->get_key("k", ""),
                FailsWith(Errc::vault_unreachable));
}

TEST_F(CloudVaultsTest, TroubleOfTheDiskIsAnOutage) {
    cloud.grant(who, {"get", "unwrapKey"});
    must(must(cloud.cloud.open_vault("contoso-kv"))
             ->replace("master-secret", std::string_view("short")));
    EXPECT_THAT(open()->unwrap("kek1", "", std::vector<std::byte>(256)),
                FailsWith(Errc::vault_unreachable));
}

TEST_F(CloudVaultsTest, KnowsNoOtherKindOfVault) {
    EXPECT_THAT(vaults.open("localhost:8443", who.object_id), FailsWith(Errc::unsupported));
    EXPECT_THAT(vaults.open("evil.example", who.object_id), FailsWith(Errc::unsupported));
}

TEST_F(CloudVaultsTest, FindsAnIdentityOrSaysUnauthorized) {
    EXPECT_EQ(must(vaults.identity("kafka-id")).object_id, who.object_id);
    EXPECT_EQ(must(vaults.identity(who.resource_id())).object_id, who.object_id);
    const auto nobody = vaults.identity("nobody");
    ASSERT_THAT(nobody, FailsWith(Errc::key_revoked));
    EXPECT_EQ(nobody.error().vault_code, "Unauthorized");
}

TEST_F(CloudVaultsTest, ThePlatformsKeyIsMadeOnceAndForThePlatformAlone) {
    const auto platform = must(vaults.platform_key());
    EXPECT_TRUE(platform.reference.versionless());
    const auto again = must(vaults.platform_key());
    EXPECT_EQ(again.identity.object_id, platform.identity.object_id);
    const auto vault = must(vaults.open(platform.reference.host(), platform.identity.object_id));
    EXPECT_EQ(must(vault->wrap(platform.reference.name(), "", as_bytes("x"))).kid.name(),
              platform.reference.name());
    EXPECT_EQ(must(cloud::KeyVault(cloud.cloud, "platform")
                       .list_versions(cloud::Caller::creator(), platform.reference.name()))
                  .size(),
              1u);
    EXPECT_THAT(must(vaults.open(platform.reference.host(), who.object_id))
                    ->wrap(platform.reference.name(), "", as_bytes("x")),
                FailsWith(Errc::key_revoked));
    EXPECT_TRUE(must(vault->properties()).purge_protection);
}

}  // namespace
}  // namespace twofold::keyring

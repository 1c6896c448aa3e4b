#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "keyring/cloud/shown.h"
#include "tests/keyring/cloud/test_cloud.h"

namespace twofold::cloud {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Level {
    bool soft_delete;
    int days;
    bool protection;
    const char* level;
    int recoverable_days;
};

class RecoveryLevel : public testing::TestWithParam<Level> {};

TEST_P(RecoveryLevel, IsDerivedFromTheVault) {
    VaultSettings vault;
    vault.soft_delete = GetParam().soft_delete;
    vault.retention_days = GetParam().days;
    vault.purge_protection = GetParam().protection;
    EXPECT_EQ(vault.recovery_level(), GetParam().level);
    EXPECT_EQ(vault.recoverable_days(), GetParam().recoverable_days);
}

INSTANTIATE_TEST_SUITE_P(Table, RecoveryLevel,
                         testing::Values(Level{false, 90, false, "Purgeable", 0},
                                         Level{true, 90, false, "Recoverable+Purgeable", 90},
                                         Level{true, 90, true, "Recoverable", 90},
                                         Level{true, 7, false, "CustomizedRecoverable+Purgeable",
                                               7},
                                         Level{true, 89, true, "CustomizedRecoverable", 89}));

TEST(VaultRegistry, RefusesBadNamesAndSettings) {
    TestCloud cloud;
    VaultRegistry registry(cloud.cloud);
    for (const char* name : {"ab", "a--b", "a_b", "../escape", "a/b", "platform", "Platform", "",
                             "a-very-long-name-for-a-vault"}) {
        VaultRegistry::New vault;
        vault.name = name;
        EXPECT_THAT(registry.create(vault), FailsWith(Errc::invalid)) << name;
    }
    VaultRegistry::New vault;
    vault.name = "Contoso-KV";  // of another case, and taken
    EXPECT_THAT(registry.create(vault), FailsWith(Errc::exists));
    vault.name = "other-kv";
    vault.retention_days = 91;
    EXPECT_THAT(registry.create(vault), FailsWith(Errc::invalid));
    vault.retention_days = 90;
    vault.soft_delete = false;
    vault.purge_protection = true;
    EXPECT_THAT(registry.create(vault), FailsWith(Errc::invalid));
    EXPECT_THAT(must(registry.list()), SizeIs(1));
}

TEST(VaultRegistry, SweepsWhatACutLeftBehindAndNothingElse) {
    TestCloud cloud;
    const std::string left = must(unfinished_name());
    auto& root = cloud.directory.directory();
    auto vaults = must(root.open_directory("vaults"));
    for (auto* parent : {&root, vaults.get()})
        for (const std::string& name :
             {left, std::string(".ssh"), "." + left.substr(left.size() - 32)})
            must(parent->make_directory(name));
    cloud.add_vault("other-kv");
    must(VaultRegistry(cloud.cloud).ensure_platform());
    for (auto* parent : {&root, vaults.get()}) {
        EXPECT_FALSE(must(parent->exists(left)));
        EXPECT_TRUE(must(parent->exists(".ssh")));
        EXPECT_TRUE(must(parent->exists("." + left.substr(left.size() - 32))));
    }
}

TEST(VaultRegistry, SetsOneKindOfPermissionAndLeavesTheOther) {
    TestCloud cloud;
    VaultRegistry registry(cloud.cloud);
    const Identity who = cloud.add_identity("who");
    must(registry.set_policy("contoso-kv", who.object_id,
                             std::vector<std::string>{"UNWRAPKEY", "wrapkey", "get", "get"},
                             std::vector<std::string>{"set"}));
    must(registry.set_policy("contoso-kv", who.object_id, {}, std::vector<std::string>{"get"}));
    const auto vault = must(registry.show("contoso-kv"));
    ASSERT_THAT(vault.policies, SizeIs(1));
    EXPECT_THAT(vault.policies[0].keys, ElementsAre("get", "wrapKey", "unwrapKey"));
    EXPECT_THAT(vault.policies[0].secrets, ElementsAre("get"));
    EXPECT_THAT(
        registry.set_policy("contoso-kv", who.object_id, std::vector<std::string>{"wrapkeys"}, {}),
        FailsWith(Errc::usage));
    must(registry.delete_policy("contoso-kv", who.object_id));
    EXPECT_THAT(must(registry.show("contoso-kv")).policies, IsEmpty());
    EXPECT_THAT(registry.delete_policy("contoso-kv", who.object_id), FailsWith(Errc::not_found));
}

TEST(VaultRegistry, OnePolicyTooManyIsRefusedAndTheVaultStaysReadable) {
    TestCloud cloud;
    VaultRegistry registry(cloud.cloud);
    VaultSettings vault = must(registry.show("contoso-kv"));
    for (int i = 0; i < 1024; ++i) vault.policies.push_back({fmt::format("oid-{}", i), {}, {}});
    must(must(cloud.cloud.open_vault("contoso-kv"))->replace("vault.json", vault.to_text()));
    const std::vector<std::string> get = {"get"};
    EXPECT_THAT(registry.set_policy("contoso-kv", "one-more", get, {}), FailsWith(Errc::invalid));
    EXPECT_THAT(registry.set_policy("contoso-kv", "oid-1", get, {}), Succeeds());
    EXPECT_THAT(must(registry.show("contoso-kv")).policies, SizeIs(1024));
}

TEST(VaultRegistry, ADamagedVaultIsItsOwnTroubleAlone) {
    TestCloud cloud;
    cloud.add_vault("other-kv");
    must(must(cloud.cloud.open_vault("contoso-kv"))->replace("vault.json", std::string_view("{")));
    EXPECT_THAT(VaultRegistry(cloud.cloud).show("contoso-kv"), FailsWith(Errc::vault_unreachable));
    EXPECT_THAT(must(VaultRegistry(cloud.cloud).list()), SizeIs(1));
}

TEST(VaultRegistry, KeepsMembersItDoesNotKnow) {
    TestCloud cloud;
    auto directory = must(cloud.cloud.open_vault("contoso-kv"));
    std::string text = must(directory->read_text("vault.json", 1 << 20));
    text.insert(text.find('{') + 1, "\"etag\": \"x\",");
    must(directory->replace("vault.json", text));
    cloud.grant(cloud.add_identity("who"), {"get"});
    EXPECT_THAT(must(directory->read_text("vault.json", 1 << 20)), HasSubstr("\"etag\""));
}

TEST(VaultRegistry, TheFirewallKnowsRangesOfAddresses) {
    VaultSettings vault;
    EXPECT_TRUE(vault.admits("10.1.2.3"));
    vault.deny_by_default = true;
    EXPECT_FALSE(vault.admits("10.1.2.3"));
    vault.ip_rules = {"10.1.2.0/24", "192.0.2.7", "nonsense", "1.2.3.4/33"};
    EXPECT_TRUE(vault.admits("10.1.2.3"));
    EXPECT_FALSE(vault.admits("10.1.3.3"));
    EXPECT_TRUE(vault.admits("192.0.2.7"));
    EXPECT_FALSE(vault.admits("192.0.2.8"));
    EXPECT_FALSE(vault.admits("1.2.3.4"));
    EXPECT_FALSE(vault.admits("::1"));
    EXPECT_FALSE(vault.admits(""));
}

TEST(VaultRegistry, H9_LetsInWhatARuleNames) {
    TestCloud cloud;
    VaultRegistry registry(cloud.cloud);
    VaultRegistry::New denying;
    denying.name = "deny-kv";
    denying.deny_by_default = true;
    must(registry.create(denying));
    cloud.add_key("k", "deny-kv");
    const Identity who = cloud.add_identity("who");
    cloud.grant(who, {"get"}, "deny-kv");
    KeyVault vault(cloud.cloud, "deny-kv");
    const auto denied = vault.get(Caller::identity(who.object_id), "k", "");
    ASSERT_THAT(denied, FailsWith(Errc::key_blocked));
    EXPECT_THAT(denied.error().advice,
                HasSubstr("twofold vault network-rule add deny-kv --ip-address 127.0.0.1"));
    must(registry.add_ip_rule("deny-kv", "127.0.0.0/8"));
    must(registry.add_ip_rule("deny-kv", "127.0.0.0/8"));
    EXPECT_THAT(vault.get(Caller::identity(who.object_id), "k", ""), Succeeds());
    must(registry.remove_ip_rule("deny-kv", "127.0.0.0/8"));
    EXPECT_THAT(vault.get(Caller::identity(who.object_id), "k", ""), FailsWith(Errc::key_blocked));
    EXPECT_THAT(registry.remove_ip_rule("deny-kv", "127.0.0.0/8"), FailsWith(Errc::not_found));
    for (const char* bad : {"", "1.2.3", "1.2.3.4/33", "::1", "1.2.3.4/x", "a.b.c.d"})
        EXPECT_THAT(registry.add_ip_rule("deny-kv", bad), FailsWith(Errc::invalid)) << bad;
}

Identities::New named(const std::string& name) {
    Identities::New out;
    out.name = name;
    return out;
}

TEST(Identities, AreFoundByNameAndById) {
    TestCloud cloud;
    Identities identities(cloud.cloud);
    const Identity made = cloud.add_identity("Cluster-Identity");
    for (const std::string& by :
         {std::string("cluster-identity"), made.object_id, made.client_id, made.resource_id()})
        EXPECT_EQ(must(identities.find(by)).object_id, made.object_id) << by;
    EXPECT_THAT(identities.find("nobody"), FailsWith(Errc::not_found));
    EXPECT_THAT(identities.create(named("cluster-identity")), FailsWith(Errc::exists));
    for (const char* bad : {"", "ab", "a/b", "../x", "a b"})
        EXPECT_THAT(identities.create(named(bad)), FailsWith(Errc::invalid)) << bad;
    must(identities.remove("cluster-identity"));
    EXPECT_THAT(identities.find(made.object_id), FailsWith(Errc::not_found));
}

TEST(Identities, AFileThatIsNoneHarmsNobodyElse) {
    TestCloud cloud;
    const Identity made = cloud.add_identity("cluster-identity");
    const std::string directory = cloud.directory.path("identities");
    ASSERT_EQ(::mkfifo((directory + "/a-fifo.json").c_str(), 0600), 0);
    ASSERT_EQ(::symlink("/dev/zero", (directory + "/a-link.json").c_str()), 0);
    must(must(io::open_posix_directory(directory))
             ->replace("long.json", std::string_view(std::string(1 << 20, ' '))));
    EXPECT_EQ(must(Identities(cloud.cloud).find("cluster-identity")).object_id, made.object_id);
    EXPECT_THAT(must(Identities(cloud.cloud).list()), SizeIs(1));
}

TEST(CloudClock, StaysAsItWasMovedWhileTheCloudIsAway) {
    TestCloud cloud;
    cloud.freeze_clock(2'000'000'000);
    EXPECT_EQ(cloud.cloud.clock().now(), 2'000'000'000);
    const std::string away = cloud.directory.path() + "-away";
    ASSERT_EQ(std::rename(cloud.directory.path().c_str(), away.c_str()), 0);
    const UnixSeconds during = cloud.cloud.clock().now();
    ASSERT_EQ(std::rename(away.c_str(), cloud.directory.path().c_str()), 0);
    EXPECT_EQ(during, 2'000'000'000);
}

TEST(Shown, AKeyLooksAsTheServiceShowsIt) {
    KeyBundle key;
    key.version.name = "kek1";
    key.version.version = "0123456789abcdef0123456789abcdef";
    key.version.n = {std::byte{0xc0}, std::byte{1}};
    key.version.e = {std::byte{1}, std::byte{0}, std::byte{1}};
    key.version.key_ops = {"wrapKey", "unwrapKey"};
    key.version.exp = 4;
    key.version.created = 2;
    key.version.updated = 3;
    key.version.tags = {{"a", "b"}};
    key.host = "contoso-kv.vault.azure.net";
    key.recovery_level = "Recoverable";
    key.recoverable_days = 90;
    EXPECT_EQ(shown(key), R"({
  "key": {
    "kid": "https://contoso-kv.vault.azure.net/keys/kek1/0123456789abcdef0123456789abcdef",
    "kty": "RSA",
    "key_ops": [
      "wrapKey",
      "unwrapKey"
    ],
    "n": "wAE",
    "e": "AQAB"
  },
  "attributes": {
    "enabled": true,
    "exp": 4,
    "created": 2,
    "updated": 3,
    "recoveryLevel": "Recoverable",
    "recoverableDays": 90
  },
  "tags": {
    "a": "b"
  }
})");
    key.deleted = 5;
    key.scheduled_purge = 6;
    EXPECT_THAT(
        shown(key),
        HasSubstr("\"recoveryId\": \"https://contoso-kv.vault.azure.net/deletedkeys/kek1\""));
}

}  // namespace
}  // namespace twofold::cloud

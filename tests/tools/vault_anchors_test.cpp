#include "tools/twofold/vault_anchors.h"

#include <set>

#include "keyring/cloud/secret_vault.h"
#include "keyring/vault/cloud_vaults.h"
#include "tests/keyring/cloud/test_cloud.h"

namespace twofold::cli {
namespace {

using testing::HasSubstr;

const Uuid kDeployment{{std::byte{0xd1}, std::byte{0xd2}}};

std::vector<std::byte> bytes_of(std::string_view text) {
    const Bytes bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

class VaultAnchors : public testing::Test {
protected:
    VaultAnchors() { allow({"get", "set"}); }
    void allow(std::vector<std::string> on_secrets) {
        must(cloud::VaultRegistry(cloud.cloud)
                 .set_policy("contoso-kv", who.object_id, {}, std::move(on_secrets)));
    }
    VaultAnchorStore store(const std::string& node = "node0", const std::string& disk = "data0") {
        return {must(vaults.open("contoso-kv.vault.azure.net", who.object_id)), kDeployment, node,
                disk};
    }
    std::string name() { return VaultAnchorStore::secret_name(kDeployment, "node0", "data0"); }
    cloud::TestCloud cloud;
    const cloud::Identity who = cloud.add_identity("kafka-id");
    keyring::CloudVaults vaults{cloud.directory.path()};
    cloud::SecretVault secrets{cloud.cloud, "contoso-kv"};
};

TEST_F(VaultAnchors, AreSavedLoadedAndForgotten) {
    auto anchor = store();
    EXPECT_FALSE(must(anchor.load()));
    EXPECT_THAT(anchor.forget(), Succeeds());
    EXPECT_FALSE(must(anchor.load()));
    const std::vector<std::byte> record(fs::AnchorStore::kRecordSizeMax, std::byte{0xfb});
    must(anchor.save(bytes_of("first")));
    must(anchor.save(record));
    EXPECT_EQ(must(store().load()), record);
    must(anchor.forget());
    EXPECT_FALSE(must(anchor.load()));
    must(anchor.save(bytes_of("again")));
    EXPECT_EQ(must(anchor.load()), bytes_of("again"));
}

TEST_F(VaultAnchors, OfDifferentDisksAreDifferentSecrets) {
    const std::string longest(64, 'x');
    std::set<std::string> names;
    int cases = 0;
    for (const Uuid& deployment : {kDeployment, Uuid{{std::byte{1}}}})
        for (const auto& [node, disk] : {std::pair<std::string, std::string>{"node0", "data0"},
                                         {"node0", "data1"},
                                         {"node1", "data0"},
                                         {"a-b", "c"},
                                         {"a", "b-c"},
                                         {"ab", "c"},
                                         {"a", "bc"},
                                         {longest, longest}}) {
            const std::string name = VaultAnchorStore::secret_name(deployment, node, disk);
            EXPECT_LE(name.size(), 127u);
            EXPECT_EQ(name.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz-"),
                      std::string::npos);
            names.insert(name);
            ++cases;
        }
    EXPECT_EQ(cases, 16);
    EXPECT_EQ(names.size(), 16u);
    must(store("node0", "data0").save(bytes_of("zero")));
    must(store("node0", "data1").save(bytes_of("one")));
    EXPECT_EQ(must(store("node0", "data0").load()), bytes_of("zero"));
}

TEST_F(VaultAnchors, SayInTheVaultWhatTheyAreOf) {
    must(store().save(bytes_of("x")));
    const auto all = must(secrets.list(cloud::Caller::creator()));
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].version.name, name());
    EXPECT_EQ(all[0].version.content_type, "twofold anchor of node0/data0");
}

TEST_F(VaultAnchors, NeedGetAndSetAndNothingElse) {
    auto anchor = store();
    must(anchor.save(bytes_of("x")));
    allow({"set", "list", "delete"});
    const auto unread = anchor.load();
    ASSERT_THAT(unread, FailsWith(Errc::key_revoked));
    EXPECT_EQ(unread.error().vault_code, "Forbidden/ForbiddenByPolicy");
    allow({"get", "list", "delete"});
    EXPECT_EQ(must(anchor.load()), bytes_of("x"));
    EXPECT_THAT(anchor.save(bytes_of("y")), FailsWith(Errc::key_revoked));
    EXPECT_THAT(anchor.forget(), FailsWith(Errc::key_revoked));
}

TEST_F(VaultAnchors, ThatWereDeletedOrDisabledAreNotTakenForNeverSaved) {
    auto anchor = store();
    must(anchor.save(bytes_of("x")));
    must(secrets.remove(cloud::Caller::creator(), name()));
    const auto deleted = anchor.load();
    ASSERT_THAT(deleted, FailsWith(Errc::key_revoked));
    EXPECT_EQ(deleted.error().vault_code, "SecretNotFound");
    EXPECT_THAT(deleted.error().advice, HasSubstr("twofold secret recover"));
    EXPECT_THAT(anchor.save(bytes_of("y")), FailsWith(Errc::exists));
    must(secrets.recover(cloud::Caller::creator(), name()));
    cloud::SecretChange change;
    change.enabled = false;
    must(secrets.update(cloud::Caller::creator(), name(), "", change));
    EXPECT_THAT(anchor.load(), FailsWith(Errc::key_revoked));
    must(anchor.save(bytes_of("y")));
    EXPECT_EQ(must(anchor.load()), bytes_of("y"));
}

TEST_F(VaultAnchors, HandOnWhatIsNoRecord) {
    cloud::NewSecret secret;
    secret.name = name();
    must(secrets.set(cloud::Caller::creator(), secret, as_bytes("not base64url!")));
    EXPECT_EQ(must(store().load()), bytes_of("not base64url!"));
}

TEST_F(VaultAnchors, OfACloudThatIsAwayAreUnreachable) {
    keyring::CloudVaults nowhere(cloud.directory.path("nowhere"));
    VaultAnchorStore anchor(must(nowhere.open("contoso-kv.vault.azure.net", who.object_id)),
                            kDeployment, "node0", "data0");
    EXPECT_THAT(anchor.load(), FailsWith(Errc::vault_unreachable));
    EXPECT_THAT(anchor.save(bytes_of("x")), FailsWith(Errc::vault_unreachable));
    EXPECT_THAT(anchor.forget(), FailsWith(Errc::vault_unreachable));
}

// What a deployment that runs for years costs: each save is one more file in the secret's
// directory.
TEST_F(VaultAnchors, AreFoundAmongManyVersions) {
    auto anchor = store();
    for (int i = 0; i < 300; ++i) must(anchor.save(bytes_of(std::to_string(i))));
    EXPECT_EQ(must(anchor.load()), bytes_of("299"));
    EXPECT_EQ(must(secrets.list_versions(cloud::Caller::creator(), name())).size(), 300u);
}

}  // namespace
}  // namespace twofold::cli

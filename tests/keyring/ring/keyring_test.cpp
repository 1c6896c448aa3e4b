#include "keyring/ring/keyring.h"

#include "tests/keyring/ring/test_ring.h"

namespace twofold::keyring {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

using KeyringTest = RingTest;

TEST_F(KeyringTest, OpensWhatItCreated) {
    create(key("kek1"));
    const auto made = must(ring->current(Layer::two));
    reopen();
    ASSERT_THAT(ring->unlock(), Succeeds());
    const auto opened = must(ring->unwrap(Layer::two, made.envelope));
    EXPECT_TRUE(equal(opened.reveal(), made.dek.reveal()));
    EXPECT_EQ(ring->status(Layer::two).state, KeyState::unlocked);
    EXPECT_THAT(ring->findings(), IsEmpty());
}

TEST_F(KeyringTest, HasOneKeyALayer) {
    create(key("kek1"));
    const auto one = must(ring->current(Layer::one));
    const auto two = must(ring->current(Layer::two));
    EXPECT_FALSE(equal(one.dek.reveal(), two.dek.reveal()));
    EXPECT_NE(one.envelope.dek.id, two.envelope.dek.id);
    EXPECT_EQ(ring->status(Layer::one).in_use->host(), "platform.vault.azure.net");
}

TEST_F(KeyringTest, AsksTheVaultOnceALayerForAnyNumberOfDisks) {
    create(key("kek1"));
    const auto two = envelope();
    reopen();
    const long before = cloud.requests();
    const long platform_before = cloud.requests("platform");
    ASSERT_THAT(ring->unlock(), Succeeds());
    for (int disk = 0; disk < 3; ++disk) EXPECT_THAT(ring->unwrap(Layer::two, two), Succeeds());
    EXPECT_EQ(cloud.requests(), before + 1);
    EXPECT_EQ(cloud.requests("platform"), platform_before + 1);
}

TEST_F(KeyringTest, AsksALostKeyOnceForAnyNumberOfDisks) {
    create(key("kek1"));
    const auto two = envelope();
    reopen();
    must(cloud.keys.remove(cloud::Caller::creator(), "kek1"));
    const long before = cloud.requests();
    ASSERT_THAT(ring->unlock(), Succeeds());
    for (int disk = 0; disk < 3; ++disk)
        EXPECT_THAT(ring->unwrap(Layer::two, two), FailsWith(Errc::key_revoked));
    EXPECT_EQ(cloud.requests(), before + 1);
}

TEST_F(KeyringTest, ForgetsTheKeysAndAsksAgain) {
    create(key("kek1"));
    const auto two = envelope();
    ring->forget();
    const long before = cloud.requests();
    EXPECT_THAT(ring->unwrap(Layer::two, two), Succeeds());
    EXPECT_EQ(cloud.requests(), before + 1);
}

TEST_F(KeyringTest, H19_ADeletedKeyIsRecoveredAndAccessReturnsWithoutARestart) {
    create(key("kek1"));
    ASSERT_THAT(ring->check(Layer::two), Succeeds());
    must(cloud.keys.remove(cloud::Caller::creator(), "kek1"));

    const auto lost = ring->check(Layer::two);
    ASSERT_THAT(lost, FailsWith(Errc::key_revoked));
    EXPECT_EQ(exit_code(lost.error().code), 3);
    EXPECT_EQ(lost.error().vault_code, "KeyNotFound");
    EXPECT_THAT(lost.error().advice,
                HasSubstr("twofold key recover --vault-name contoso-kv --name kek1"));
    EXPECT_EQ(ring->status(Layer::two).state, KeyState::degraded);
    EXPECT_TRUE(ring->status(Layer::two).failing_since);

    must(cloud.keys.recover(cloud::Caller::creator(), "kek1"));
    EXPECT_THAT(ring->check(Layer::two), Succeeds());
    EXPECT_EQ(ring->status(Layer::two).state, KeyState::unlocked);
    EXPECT_FALSE(ring->status(Layer::two).failing_since);
    EXPECT_FALSE(ring->status(Layer::two).cause);
}

TEST_F(KeyringTest, CountsFromTheFirstFailedProof) {
    create(key("kek1"));
    cloud.freeze_clock(1'800'000'000);
    must(ring->check(Layer::two));
    cloud.enable("kek1", "", false);
    cloud.freeze_clock(1'800'000'060);
    EXPECT_THAT(ring->check(Layer::two), FailsWith(Errc::key_revoked));
    cloud.freeze_clock(1'800'000'120);
    EXPECT_THAT(ring->check(Layer::two), FailsWith(Errc::key_revoked));
    EXPECT_EQ(ring->status(Layer::two).failing_since, 1'800'000'060);
    EXPECT_EQ(ring->status(Layer::two).proved, 1'800'000'000);
}

TEST_F(KeyringTest, AnExpiredKeyStillOpensWhatItWrapped) {
    create(key("kek1"));
    cloud.expire("kek1", "");
    reopen();
    ASSERT_THAT(ring->unlock(), Succeeds());
    EXPECT_THAT(ring->check(Layer::two), Succeeds());
}

TEST_F(KeyringTest, AMissingCloudIsAnOutageAndNotALostKey) {
    create(key("kek1"));
    CloudVaults nowhere(store.path("no-such-cloud"));
    auto elsewhere =
        must(Keyring::open(keyring_directory(), {deployment, nowhere, random, nowhere.clock(), {}},
                           Keyring::LayerExpectation{platform_config(), note1},
                           Keyring::LayerExpectation{*config, note2}));
    EXPECT_THAT(elsewhere->check(Layer::two), FailsWith(Errc::vault_unreachable));
}

TEST_F(KeyringTest, LeavesNothingBehindWhereCreationFails) {
    const auto made = try_create(key("no-such-key"));
    ASSERT_THAT(made, FailsWith(Errc::key_revoked));
    EXPECT_THAT(must(keyring_directory()->list()), IsEmpty());
    EXPECT_LE(cloud.requests() + cloud.requests("platform"), 6 + 4);  // and those of the fixture
}

TEST_F(KeyringTest, RefusesARecordOfAnotherDataKey) {
    create(key("kek1"));
    auto directory = keyring_directory();
    must(directory->unlink("layer1"));
    must(directory->unlink("layer2"));
    auto other = must(try_create(key("kek1")));  // a data key of somebody's own, under the same KEK
    EXPECT_THAT(try_open(), FailsWith(Errc::substituted));
}

TEST_F(KeyringTest, ARecordExchangedUnderARunningKeyringIsAFailedProof) {
    create(key("kek1"));
    ASSERT_THAT(ring->check(Layer::two), Succeeds());
    auto directory = keyring_directory();
    must(directory->unlink("layer1"));
    must(directory->unlink("layer2"));
    must(try_create(key("kek1")));
    EXPECT_THAT(ring->check(Layer::two), FailsWith(Errc::substituted));
    EXPECT_EQ(ring->status(Layer::two).state, KeyState::degraded);
    EXPECT_TRUE(ring->status(Layer::two).failing_since);
}

TEST_F(KeyringTest, GivesANewDiskNoEnvelopeThatWasNotProved) {
    create(key("kek1"));
    const auto old_record = must(keyring_directory()->read("layer2", 1 << 16));
    const std::string old_version = ring->status(Layer::two).in_use->version();
    cloud.add_key("kek1");
    must(ring->rewrap(Layer::two, key("kek1"), {}));
    const auto disks = envelope();
    // The store is put back, and its key version is gone; the disks' still opens.
    must(keyring_directory()->replace("layer2", old_record));
    cloud.enable("kek1", old_version, false);
    reopen();
    ASSERT_THAT(ring->unwrap(Layer::two, disks), Succeeds());
    EXPECT_THAT(ring->current(Layer::two), FailsWith(Errc::key_revoked));
}

TEST_F(KeyringTest, RefusesAVaultThatWasNotNoted) {
    create(key("kek1"));
    note2.vaults = {"other-kv.vault.azure.net"};
    EXPECT_THAT(try_open(), FailsWith(Errc::substituted));
}

TEST_F(KeyringTest, RefusesAnEnvelopeOfAVaultThatWasNotNoted) {
    create(key("kek1"));
    crypto::Envelope two = envelope();
    std::string text(as_text(two.record));
    const std::string host = "contoso-kv.vault";
    for (auto at = text.find(host); at != std::string::npos; at = text.find(host))
        text.replace(at, host.size(), "evilcom-kv.vault");
    two.record.assign(as_bytes(text).begin(), as_bytes(text).end());
    must(keyring_directory()->unlink("layer2"));
    reopen();
    EXPECT_THAT(ring->unwrap(Layer::two, two), FailsWith(Errc::substituted));
}

TEST_F(KeyringTest, OpensByADisksEnvelopeWhereTheStoresRecordIsDamaged) {
    create(key("kek1"));
    const auto made = must(ring->current(Layer::two));
    must(keyring_directory()->replace("layer2", std::string(8192, 'x')));
    reopen();
    EXPECT_EQ(ring->findings().size(), 1u);
    ASSERT_THAT(ring->unlock(), Succeeds());
    const auto dek = ring->unwrap(Layer::two, made.envelope);
    ASSERT_THAT(dek, Succeeds());
    EXPECT_TRUE(equal(dek->reveal(), made.dek.reveal()));
}

TEST_F(KeyringTest, NeedsTheConfigurationToNameTheKeyInUse) {
    create(key("kek1"));
    cloud.add_key("kek2");
    config->reference = key("kek2");
    reopen();
    const auto refused = ring->unlock();
    ASSERT_THAT(refused, FailsWith(Errc::refused));
    EXPECT_THAT(refused.error().advice,
                HasSubstr("twofold rotate STORE --encryption-vault-uri "
                          "https://contoso-kv.vault.azure.net --encryption-key-name kek2"));
    config->next_reference = key("kek1");  // a rotation was cut off
    reopen();
    EXPECT_THAT(ring->unlock(), Succeeds());
}

TEST_F(KeyringTest, K1_UnderstandsTheShortFormAndStoresTheFullOne) {
    cloud.add_key("KEK1");
    create(must(KeyId::parse("contoso-kv.azure.com/KEK1/v2")));
    const LayerStatus status = ring->status(Layer::two);
    EXPECT_TRUE(status.reference.full());
    EXPECT_EQ(status.reference, *status.in_use);
    EXPECT_EQ(status.in_use->version(), newest("kek1"));
}

TEST_F(KeyringTest, AMissingIdentityIsALostKey) {
    create(key("kek1"));
    must(cloud::Identities(cloud.cloud).remove("kafka-id"));
    const auto lost = ring->check(Layer::two);
    ASSERT_THAT(lost, FailsWith(Errc::key_revoked));
    EXPECT_EQ(lost.error().vault_code, "Unauthorized");
    cloud.add_identity("kafka-id");  // another one, of the same name
    EXPECT_THAT(ring->check(Layer::two), FailsWith(Errc::key_revoked));
}

TEST_F(KeyringTest, WritesNoKeyBytesToTheStore) {
    create(key("kek1"));
    const auto two = must(ring->current(Layer::two));
    EXPECT_THAT(store_bytes(), testing::Not(HasSubstr(std::string(as_text(two.dek.reveal())))));
}

}  // namespace
}  // namespace twofold::keyring

#include "keyring/envelope/record_file.h"
#include "keyring/envelope/wrapped_key.h"
#include "tests/keyring/ring/test_ring.h"

namespace twofold::keyring {
namespace {

using testing::HasSubstr;

using RotationTest = RingTest;

TEST_F(RotationTest, MovesTheStoreAndEveryDiskToTheNewVersion) {
    create(key("kek1"));
    auto& one = add_holder("node0/data1");
    auto& two = add_holder("node0/temp1");
    const auto dek = must(ring->current(Layer::two));
    const std::string old_version = ring->status(Layer::two).in_use->version();
    cloud.add_key("kek1");

    const auto report = must(ring->rewrap(Layer::two, key("kek1"), holders()), "rewrap");
    EXPECT_TRUE(report.changed);
    EXPECT_TRUE(report.old_version_free);
    EXPECT_EQ(report.from.version(), old_version);
    EXPECT_EQ(report.to.version(), newest("kek1"));
    EXPECT_EQ(report.holders.size(), 2u);
    EXPECT_EQ(one.key(), report.to);
    EXPECT_EQ(two.key(), report.to);

    cloud.enable("kek1", old_version, false);
    reopen();
    ASSERT_THAT(ring->unlock(), Succeeds());
    const auto again = must(ring->current(Layer::two));
    EXPECT_TRUE(equal(again.dek.reveal(), dek.dek.reveal()));
}

TEST_F(RotationTest, LeavesNothingForTheOldKeyToOpen) {
    create(key("kek1"));
    const std::string old_kid = ring->status(Layer::two).in_use->uri();
    ASSERT_THAT(store_bytes(), HasSubstr(old_kid));
    cloud.add_key("kek1");
    must(ring->rewrap(Layer::two, key("kek1"), {}));
    EXPECT_THAT(store_bytes(), testing::Not(HasSubstr(old_kid)));
}

TEST_F(RotationTest, H14_AVersionlessReferenceFindsTheNewVersion) {
    create(key("kek1"));
    EXPECT_EQ(must(ring->newer_version(Layer::two)), std::nullopt);
    cloud.add_key("kek1");
    const auto newer = must(ring->newer_version(Layer::two));
    ASSERT_TRUE(newer);
    EXPECT_EQ(newer->version(), newest("kek1"));
    must(ring->rewrap(Layer::two, *newer, {}));
    EXPECT_EQ(must(ring->newer_version(Layer::two)), std::nullopt);
}

TEST_F(RotationTest, H14_AVersionedReferenceStaysUntilItIsRotatedByHand) {
    create(key("kek1", newest("kek1")));
    cloud.add_key("kek1");
    EXPECT_EQ(must(ring->newer_version(Layer::two)), std::nullopt);
}

TEST_F(RotationTest, H14_AnUnusableNewestVersionIsNotFollowed) {
    create(key("kek1"));
    const auto used = *ring->status(Layer::two).in_use;
    cloud.add_key("kek1");
    cloud.enable("kek1", "", false);
    EXPECT_THAT(ring->newer_version(Layer::two), FailsWith(Errc::key_revoked));
    EXPECT_TRUE(ring->status(Layer::two).rotation_error);
    cloud.enable("kek1", "", true);
    cloud.expire("kek1", "");
    EXPECT_THAT(ring->newer_version(Layer::two), FailsWith(Errc::key_expired));
    EXPECT_EQ(*ring->status(Layer::two).in_use, used);
}

// Each way in which the current or the new key can be out of reach.
struct Obstacle {
    const char* name;
    std::function<void(cloud::TestCloud&, const cloud::Identity&, const std::string& old_version)>
        arrange;
    Errc error;
};

class H15 : public RotationTest, public testing::WithParamInterface<Obstacle> {};

TEST_P(H15, RotationNeedsBothKeysAndElseNothingHasChanged) {
    create(key("kek1"));
    auto& disk = add_holder("node0/data1");
    const std::string old_version = ring->status(Layer::two).in_use->version();
    cloud.add_key("kek1");
    GetParam().arrange(cloud, identity, old_version);
    const std::string before = store_bytes();
    const long requests = cloud.requests();

    const auto report = ring->rewrap(Layer::two, key("kek1"), holders());
    ASSERT_THAT(report, FailsWith(GetParam().error));
    EXPECT_EQ(exit_code(report.error().code), 3);
    EXPECT_EQ(store_bytes(), before);
    EXPECT_EQ(disk.rewraps, 0);
    EXPECT_EQ(disk.key().version(), old_version);
    EXPECT_LE(cloud.requests() - requests, 6);
    EXPECT_TRUE(ring->status(Layer::two).rotation_error);
}

INSTANTIATE_TEST_SUITE_P(
    Obstacles, H15,
    testing::Values(
        Obstacle{"CurrentDisabled",
                 [](auto& cloud, auto&, auto& old) { cloud.enable("kek1", old, false); },
                 Errc::key_revoked},
        Obstacle{"NewDisabled", [](auto& cloud, auto&, auto&) { cloud.enable("kek1", "", false); },
                 Errc::key_revoked},
        Obstacle{"NewExpired", [](auto& cloud, auto&, auto&) { cloud.expire("kek1", ""); },
                 Errc::key_expired},
        Obstacle{"NewNotYetValid", [](auto& cloud, auto&, auto&) { cloud.not_yet("kek1", ""); },
                 Errc::key_expired},
        Obstacle{"KeyDeleted",
                 [](auto& cloud, auto&, auto&) {
                     must(cloud.keys.remove(cloud::Caller::creator(), "kek1"));
                 },
                 Errc::key_revoked},
        Obstacle{"MayNotGet",
                 [](auto& cloud, auto& who, auto&) {
                     cloud.grant(who, {"wrapKey", "unwrapKey"});
                 },
                 Errc::key_revoked},
        Obstacle{"MayNotWrap",
                 [](auto& cloud, auto& who, auto&) {
                     cloud.grant(who, {"get", "unwrapKey"});
                 },
                 Errc::key_revoked},
        Obstacle{"MayNotUnwrap",
                 [](auto& cloud, auto& who, auto&) {
                     cloud.grant(who, {"get", "wrapKey"});
                 },
                 Errc::key_revoked},
        Obstacle{"IdentityGone",
                 [](auto& cloud, auto& who, auto&) {
                     must(cloud::Identities(cloud.cloud).remove(who.name));
                 },
                 Errc::key_revoked}),
    [](const auto& test) { return test.param.name; });

TEST_F(RotationTest, ChangesToAnotherKeyAndVaultWhenTheVaultIsAllowed) {
    create(key("kek1"));
    cloud.add_vault("fabrikam-kv");
    cloud.grant(identity, {"get", "wrapKey", "unwrapKey"}, "fabrikam-kv");
    cloud.add_key("kek9", "fabrikam-kv");
    const KeyId target = key("kek9", "", "fabrikam-kv");
    EXPECT_THAT(ring->rewrap(Layer::two, target, {}), FailsWith(Errc::substituted));
    ring->allow_vault(Layer::two, target.host());
    const auto report = must(ring->rewrap(Layer::two, target, {}));
    EXPECT_TRUE(report.to.same_key(target));

    note2 = must(ring->note(Layer::two));
    config->next_reference = target;
    reopen();
    EXPECT_THAT(ring->unlock(), Succeeds());
}

TEST_F(RotationTest, IsRepeatedAfterADiskFailed) {
    create(key("kek1"));
    auto& first = add_holder("node0/data1");
    auto& second = add_holder("node0/data2");
    const KeyId old = *ring->status(Layer::two).in_use;
    cloud.add_key("kek1");
    second.fails = true;
    ASSERT_THAT(ring->rewrap(Layer::two, key("kek1"), holders()), FailsWith(Errc::io));
    EXPECT_EQ(*ring->status(Layer::two).in_use, old);
    EXPECT_EQ(second.key(), old);
    reopen();
    EXPECT_THAT(ring->unlock(), Succeeds());

    second.fails = false;
    const auto report = must(ring->rewrap(Layer::two, key("kek1"), holders()));
    EXPECT_TRUE(report.old_version_free);
    EXPECT_EQ(first.key(), report.to);
    EXPECT_EQ(second.key(), report.to);
    EXPECT_FALSE(ring->status(Layer::two).rotation_error);
}

TEST_F(RotationTest, ToTheKeyInUseChangesNothing) {
    create(key("kek1"));
    add_holder("node0/data1");
    const std::string before = store_bytes();
    const auto report = must(ring->rewrap(Layer::two, key("kek1"), holders()));
    EXPECT_FALSE(report.changed);
    EXPECT_EQ(report.from, report.to);
    EXPECT_EQ(store_bytes(), before);
}

TEST_F(RotationTest, TakesAlongADiskThatStayedBehind) {
    create(key("kek1"));
    auto& disk = add_holder("node0/data1");
    cloud.add_key("kek1");
    must(
        ring->rewrap(Layer::two, key("kek1"), {}));  // as if its header were restored from a backup
    const auto report = must(ring->rewrap(Layer::two, key("kek1"), holders()));
    EXPECT_EQ(disk.key(), report.to);
}

TEST_F(RotationTest, WritesNoRecordThatCouldNotBeReadAgain) {
    create(key("kek1"));
    auto& disk = add_holder("node0/data1");
    auto record = must(WrappedKey::parse(envelope().record));
    record.generation = std::uint64_t{1} << 62;  // the largest
    auto directory = keyring_directory();
    must(directory->unlink("layer2"));
    must(RecordFile::create(
        must(directory->open_file("layer2", io::Access::read_write, io::Create::must_not_exist,
                                  io::Lock::exclusive)),
        as_bytes(record.to_json())));
    reopen();
    cloud.add_key("kek1");
    EXPECT_THAT(ring->rewrap(Layer::two, key("kek1"), holders()), FailsWith(Errc::damaged));
    EXPECT_EQ(disk.rewraps, 0);
    reopen();
    EXPECT_THAT(ring->check(Layer::two), Succeeds());
}

// The kernel's, until it is told to fail.
class FailingRandom final : public crypto::RandomSource {
public:
    Result<void> fill(MutableBytes out) override {
        if (fails) return fail(Errc::failed, "no randomness");
        return kernel_.fill(out);
    }
    bool fails = false;

private:
    crypto::KernelRandom kernel_;
};

TEST_F(RotationTest, WhatFailedInItsLastStepIsKnownToBeInForce) {
    create(key("kek1"));
    FailingRandom failing;
    auto other =
        must(Keyring::open(keyring_directory(), {deployment, vaults, failing, vaults.clock(), {}},
                           {}, Keyring::LayerExpectation{*config, note2}));
    cloud.add_key("kek1");
    failing.fails = true;  // needed to overwrite the retired record, after the new one counts
    EXPECT_THAT(other->rewrap(Layer::two, key("kek1"), {}), FailsWith(Errc::failed));
    EXPECT_EQ(other->status(Layer::two).in_use->version(), newest("kek1"));
}

TEST_F(RotationTest, ThatWasCutIsNotUndoneByFollowingTheOldKey) {
    create(key("kek1"));
    cloud.add_key("kek2");
    must(ring->rewrap(Layer::two, key("kek2"), {}));
    config->next_reference = key("kek2");
    reopen();
    EXPECT_EQ(must(ring->newer_version(Layer::two)), std::nullopt);
}

TEST_F(RotationTest, MendsADamagedStoreRecordByADisksEnvelope) {
    create(key("kek1"));
    add_holder("node0/data1");
    must(keyring_directory()->replace("layer2", std::string(8192, 'x')));
    reopen();
    const auto report = must(ring->rewrap(Layer::two, key("kek1"), holders()));
    EXPECT_TRUE(report.changed);
    reopen();
    EXPECT_TRUE(ring->findings().empty());
    EXPECT_THAT(ring->unlock(), Succeeds());
}

TEST_F(RotationTest, OfTheSameStoreByTwoIsBusyForOneOfThem) {
    create(key("kek1"));
    cloud.add_key("kek1");
    auto directory = keyring_directory();
    const auto other = must(directory->open_file("layer2", io::Access::read_write, io::Create::no,
                                                 io::Lock::exclusive));
    EXPECT_THAT(ring->rewrap(Layer::two, key("kek1"), {}), FailsWith(Errc::busy));
}

TEST_F(RotationTest, AnotherProcessesRotationIsNoticed) {
    create(key("kek1"));
    auto second = must(try_open());
    cloud.add_key("kek1");
    must(second->rewrap(Layer::two, key("kek1"), {}));
    EXPECT_THAT(ring->check(Layer::two), Succeeds());
    EXPECT_EQ(ring->status(Layer::two).in_use->version(), newest("kek1"));
    EXPECT_EQ(must(ring->newer_version(Layer::two)), std::nullopt);
}

TEST_F(RotationTest, OfThePlatformsLayerWorksTheSame) {
    create(key("kek1"));
    must(cloud::KeyVault(cloud.cloud, "platform").rotate(cloud::Caller::creator(), "pmk"));
    const auto newer = must(ring->newer_version(Layer::one));
    ASSERT_TRUE(newer);
    EXPECT_TRUE(must(ring->rewrap(Layer::one, *newer, {})).changed);
}

TEST_F(RotationTest, RefusesASizeThatTheProfileDoesNotAllow) {
    create(key("kek1"));
    cloud::NewKey larger;
    larger.name = "kek3";
    larger.bits = 3072;
    must(cloud.keys.create(cloud::Caller::creator(), larger));
    auto narrow = must(Keyring::open(keyring_directory(),
                                     {deployment, vaults, random, vaults.clock(), {{2048}}}, {},
                                     Keyring::LayerExpectation{*config, note2}));
    EXPECT_THAT(narrow->resolve(Layer::two, key("kek3")), FailsWith(Errc::refused));
    EXPECT_THAT(ring->resolve(Layer::two, key("kek3")), Succeeds());
}

}  // namespace
}  // namespace twofold::keyring

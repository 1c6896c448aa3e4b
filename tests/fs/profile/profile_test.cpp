#include "fs/profile/profile.h"

#include "tests/support/matchers.h"

namespace twofold::fs {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr KeyChoice kVersioned{.versioned = true, .identity = true};
constexpr KeyChoice kVersionless{.versioned = false, .identity = true};
constexpr KeyChoice kNoKey{};

Choices hdinsight(std::string cluster, bool encryption_at_host = false, bool customer_key = false) {
    return {"hdinsight", std::move(cluster), "", encryption_at_host, customer_key};
}
Choices kafka_byok(bool encryption_at_host = false) {
    return {"kafka-byok", "kafka", "", encryption_at_host, true};
}
const Profile& profile(std::string_view name) { return *must(find_profile(name)); }

constexpr Layers kPlatform{true, false}, kCustomer{false, true}, kBoth{true, true};

TEST(Profile, H1_TheRoleDecidesWhichLayersExist) {
    const Choices choices = hdinsight("kafka", true, true);
    EXPECT_EQ(must(layers_of(choices, Role::os)), kPlatform);
    EXPECT_EQ(must(layers_of(choices, Role::data)), kBoth);
    EXPECT_EQ(must(layers_of(choices, Role::temp)), kBoth);
}

TEST(Profile, H2_OsAndDataDisksHaveThePlatformLayerUnasked) {
    const Choices choices = hdinsight("kafka");
    EXPECT_EQ(must(layers_of(choices, Role::os)), kPlatform);
    EXPECT_EQ(must(layers_of(choices, Role::data)), kPlatform);
}

TEST(Profile, H3_TempDisksHaveThePlatformLayerOnlyIfEncryptionAtHostWasAskedFor) {
    EXPECT_EQ(must(layers_of(hdinsight("kafka", true), Role::temp)), kPlatform);
    EXPECT_EQ(must(layers_of(hdinsight("kafka", false, true), Role::temp)), kCustomer);
    const auto none = layers_of(hdinsight("kafka"), Role::temp);
    ASSERT_THAT(none, FailsWith(Errc::refused));
    EXPECT_THAT(none.error().line(), HasSubstr("--encryption-at-host"));
}

TEST(Profile, H4_ACustomerKeyNeedsAnIdentity) {
    EXPECT_THAT(check_choices(hdinsight("kafka", false, true), kVersionless), Succeeds());
    const auto without = check_choices(hdinsight("kafka", false, true), {.versioned = true});
    ASSERT_THAT(without, FailsWith(Errc::refused));
    EXPECT_THAT(without.error().line(), HasSubstr("--assign-identity"));
    EXPECT_THAT(check_choices(hdinsight("kafka"), kNoKey), Succeeds()) << "off by default";
}

TEST(Profile, H5_OnlyKafkaAndHbaseWithAcceleratedWritesHaveDataDisks) {
    for (const char* cluster : {"kafka", "hbase-accelerated-writes"})
        EXPECT_THAT(layers_of(hdinsight(cluster), Role::data), Succeeds()) << cluster;
    for (const char* cluster : {"spark", "interactive", "hadoop", "hbase"}) {
        const auto data = layers_of(hdinsight(cluster, true, true), Role::data);
        ASSERT_THAT(data, FailsWith(Errc::refused)) << cluster;
        EXPECT_THAT(data.error().line(), HasSubstr(cluster));
        EXPECT_THAT(layers_of(hdinsight(cluster, true, true), Role::temp), Succeeds()) << cluster;
        EXPECT_THAT(layers_of(hdinsight(cluster, true, true), Role::os), Succeeds()) << cluster;
    }
}

TEST(Profile, H6_AnOsDiskNeverGetsTheCustomersLayerAndIsWarnedOf) {
    EXPECT_FALSE(must(layers_of(hdinsight("kafka", true, true), Role::os)).customer);
    EXPECT_THAT(disk_warning(hdinsight("kafka", true, true), Role::os).value_or(""),
                HasSubstr("sensitive"));
    EXPECT_EQ(disk_warning(hdinsight("kafka", true, true), Role::data), std::nullopt);
    const Choices plain{"plain", "", "", false, true};
    EXPECT_EQ(disk_warning(plain, Role::os), std::nullopt) << "two layers there";
}

TEST(Profile, H11_AVaultWithoutSoftDeleteIsRefused) {
    EXPECT_THAT(check_vault(profile("hdinsight"), {"kv", true, false}), Succeeds());
    const auto refused = check_vault(profile("hdinsight"), {"kv", false, false});
    ASSERT_THAT(refused, FailsWith(Errc::refused));
    EXPECT_THAT(refused.error().line(), HasSubstr("soft delete"));
    EXPECT_THAT(refused.error().line(), Not(HasSubstr("purge")));
}

TEST(Profile, H12_EveryMissingPermissionIsNamed) {
    using testing::ElementsAre;
    EXPECT_THAT(needed_key_permissions(profile("hdinsight")),
                ElementsAre("get", "wrapKey", "unwrapKey"));
    EXPECT_THAT(needed_secret_permissions(profile("hdinsight")),
                ElementsAre("get", "set", "delete"));
    EXPECT_THAT(needed_secret_permissions(profile("kafka-byok")), ElementsAre());
    EXPECT_THAT(check_permissions("msi", {}, {}), Succeeds());
    const std::vector<std::string> keys{"wrapKey", "unwrapKey"}, secrets{"set", "delete"};
    const auto lacking = check_permissions("msi", keys, secrets);
    ASSERT_THAT(lacking, FailsWith(Errc::key_revoked));
    EXPECT_EQ(lacking.error().what,
              "identity msi: key permissions missing: wrapKey, unwrapKey; secret permissions "
              "missing: set, delete");
    EXPECT_EQ(check_permissions("msi", {}, secrets).error().what,
              "identity msi: secret permissions missing: set, delete");
}

TEST(Profile, H13_OnlyRsaKeysOfThreeSizes) {
    for (const int bits : {2048, 3072, 4096})
        EXPECT_THAT(check_key({"kek", "RSA", bits}), Succeeds());
    EXPECT_THAT(check_key({"kek", "RSA", 1024}), FailsWith(Errc::refused));
    EXPECT_THAT(check_key({"kek", "EC", 256}), FailsWith(Errc::refused));
}

TEST(Profile, H22_NoCustomerKeyForSpark21And22) {
    for (const char* version : {"2.1", "2.2"}) {
        Choices choices = hdinsight("spark", true, true);
        choices.cluster_version = version;
        EXPECT_THAT(check_choices(choices, kVersioned), FailsWith(Errc::refused)) << version;
        choices.customer_key = false;
        EXPECT_THAT(check_choices(choices, kNoKey), Succeeds()) << version;
    }
    Choices choices = hdinsight("spark", true, true);
    choices.cluster_version = "2.4";
    EXPECT_THAT(check_choices(choices, kVersioned), Succeeds());
    choices.cluster_version = "two";
    EXPECT_THAT(check_choices(choices, kVersioned), FailsWith(Errc::usage));
}

TEST(Profile, K2_KafkaNeedsSoftDeleteAndPurgeProtectionAndSaysWhichIsMissing) {
    const Profile& byok = profile("kafka-byok");
    EXPECT_THAT(check_vault(byok, {"kv", true, true}), Succeeds());
    const auto purge = check_vault(byok, {"kv", true, false});
    ASSERT_THAT(purge, FailsWith(Errc::refused));
    EXPECT_THAT(purge.error().line(), HasSubstr("purge protection"));
    EXPECT_THAT(purge.error().line(), Not(HasSubstr("soft delete")));
    const auto both = check_vault(byok, {"kv", false, false});
    ASSERT_THAT(both, FailsWith(Errc::refused));
    EXPECT_THAT(both.error().line(), HasSubstr("soft delete, purge protection"));
}

TEST(Profile, K8_InTheKafkaProfileOsAndTempDisksHaveNoSecondLayer) {
    EXPECT_EQ(must(layers_of(kafka_byok(true), Role::os)), kPlatform);
    EXPECT_EQ(must(layers_of(kafka_byok(true), Role::temp)), kPlatform);
    EXPECT_EQ(must(layers_of(kafka_byok(true), Role::data)), kBoth);
    EXPECT_THAT(layers_of(kafka_byok(false), Role::temp), FailsWith(Errc::refused));
}

TEST(Profile, KafkaTakesTheFullKeyIdentifierOnly) {
    EXPECT_THAT(check_choices(kafka_byok(), kVersioned), Succeeds());
    EXPECT_THAT(check_choices(kafka_byok(), kVersionless), FailsWith(Errc::refused));
    Choices old = kafka_byok();
    old.cluster_version = "1.0";
    EXPECT_THAT(check_choices(old, kVersioned), FailsWith(Errc::refused));
    Choices without = kafka_byok();
    without.customer_key = false;
    EXPECT_THAT(check_choices(without, kNoKey), FailsWith(Errc::refused));
}

TEST(Profile, PlainHasTwoLayersEverywhereAndNoRulesForVaults) {
    const Choices plain{"plain", "", "", false, true};
    for (const Role role : {Role::os, Role::data, Role::temp})
        EXPECT_EQ(must(layers_of(plain, role)), kBoth);
    EXPECT_THAT(check_vault(profile("plain"), {"kv", false, false}), Succeeds());
    EXPECT_EQ(creation_warnings(plain, {"kv", true, false}).size(), 1u);
    EXPECT_EQ(creation_warnings(plain, {"kv", true, true}).size(), 0u);
}

TEST(Profile, AVirtualMachineTakesNoCustomerKeyWithoutADiskEncryptionSet) {
    Choices vm{"azure-vm", "", "", true, false};
    EXPECT_THAT(check_choices(vm, kNoKey), Succeeds());
    EXPECT_EQ(must(layers_of(vm, Role::temp)), kPlatform);
    vm.customer_key = true;
    const auto refused = check_choices(vm, kVersioned);
    ASSERT_THAT(refused, FailsWith(Errc::refused));
    EXPECT_THAT(refused.error().line(), HasSubstr("disk encryption set"));
}

TEST(Profile, WhatThisVersionLacksIsRefusedByName) {
    for (const char* name : {"hpc-cache", "strict"}) {
        const auto refused = check_choices({name, "", "", true, true}, kVersioned);
        ASSERT_THAT(refused, FailsWith(Errc::refused)) << name;
        EXPECT_THAT(refused.error().line(), HasSubstr("not in this version"));
    }
}

TEST(Profile, UnknownNamesAreRefusedWithTheChoices) {
    const auto unknown = find_profile("hdi");
    ASSERT_THAT(unknown, FailsWith(Errc::not_found));
    EXPECT_THAT(unknown.error().line(), HasSubstr("hdinsight, kafka-byok"));
    EXPECT_THAT(check_choices(hdinsight("storm"), kNoKey), FailsWith(Errc::usage));
    EXPECT_THAT(check_choices(hdinsight(""), kNoKey), FailsWith(Errc::usage));
    EXPECT_THAT(check_choices({"plain", "kafka", "", false, true}, kVersioned),
                FailsWith(Errc::usage));
    EXPECT_THAT(parse_role("swap"), FailsWith(Errc::usage));
    for (const Role role : {Role::os, Role::data, Role::temp})
        EXPECT_EQ(must(parse_role(name_of(role))), role);
}

}  // namespace
}  // namespace twofold::fs

#include "keyring/cloud/secret_vault.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "keyring/cloud/answer.h"
#include "keyring/cloud/shown.h"
#include "keyring/crypto/encoding.h"
#include "tests/keyring/cloud/test_cloud.h"

namespace twofold::cloud {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const Caller kCreator = Caller::creator();
constexpr UnixSeconds kNow = 2'000'000'000;

template <class T>
std::optional<Error> error_of(const Result<T>& result) {
    return result ? std::nullopt : std::optional(result.error());
}

class SecretVaultTest : public testing::Test {
protected:
    Result<SecretBundle> set(std::string_view value, const std::string& name = "db",
                             const Caller& caller = kCreator) {
        NewSecret secret;
        secret.name = name;
        return secrets.set(caller, secret, as_bytes(value));
    }
    // The value, or the vault's code.
    std::string get(const std::string& name = "db", const std::string& version = "",
                    const Caller& caller = kCreator) {
        const auto secret = secrets.get(caller, name, version);
        return secret ? std::string(as_text(secret->value.reveal())) : secret.error().vault_code;
    }
    void grant(const Identity& who, std::vector<std::string> on_secrets) {
        must(VaultRegistry(cloud.cloud)
                 .set_policy("contoso-kv", who.object_id, {}, std::move(on_secrets)));
    }
    void enable(const std::string& version, bool enabled) {
        SecretChange change;
        change.enabled = enabled;
        must(secrets.update(kCreator, "db", version, change));
    }
    std::unique_ptr<io::Directory> directory_of(const std::string& name) {
        auto vault = must(cloud.cloud.open_vault("contoso-kv"));
        return must(must(vault->open_directory("secrets"))->open_directory(name));
    }
    TestCloud cloud;
    SecretVault secrets{cloud.cloud, "contoso-kv"};
};

TEST_F(SecretVaultTest, EachSetIsAVersionAndTheNewestIsShown) {
    const auto first = must(set("one"));
    const auto second = must(set("two", "DB"));
    EXPECT_EQ(first.version.sequence, 1u);
    EXPECT_EQ(second.version.sequence, 2u);
    EXPECT_EQ(second.version.name, "db");  // as first written
    EXPECT_EQ(second.id(),
              "https://contoso-kv.vault.azure.net/secrets/db/" + second.version.version);
    EXPECT_EQ(get(), "two");
    EXPECT_EQ(get("Db", first.version.version), "one");
    EXPECT_EQ(get("db", "v2"), "two");
    EXPECT_EQ(get("db", "v3"), "SecretNotFound");
    EXPECT_THAT(must(secrets.list_versions(kCreator, "db")), SizeIs(2));
    EXPECT_THAT(must(secrets.list(kCreator)), SizeIs(1));
}

TEST_F(SecretVaultTest, AnUnknownOrDeletedSecretIsNotFound) {
    const auto unknown = secrets.get(kCreator, "nosuch", "");
    ASSERT_THAT(unknown, FailsWith(Errc::key_revoked));
    EXPECT_EQ(http_status(unknown.error()), 404);
    EXPECT_EQ(unknown.error().vault_code, "SecretNotFound");
    must(set("one"));
    must(secrets.remove(kCreator, "db"));
    EXPECT_EQ(get(), "SecretNotFound");
    EXPECT_THAT(secrets.remove(kCreator, "db"), FailsWith(Errc::key_revoked));
    const auto again = set("two");
    ASSERT_THAT(again, FailsWith(Errc::exists));
    EXPECT_EQ(again.error().vault_code, "Conflict/ObjectIsDeletedButRecoverable");
    EXPECT_THAT(again.error().advice, HasSubstr("twofold secret recover --vault-name contoso-kv"));
}

TEST_F(SecretVaultTest, ADisabledVersionIsNotShownAndTheOthersAre) {
    const auto first = must(set("one"));
    must(set("two"));
    enable("", false);
    const auto refused = secrets.get(kCreator, "db", "");
    ASSERT_THAT(refused, FailsWith(Errc::key_revoked));
    EXPECT_EQ(http_status(refused.error()), 403);
    EXPECT_EQ(refused.error().vault_code, "Forbidden/SecretDisabled");
    EXPECT_THAT(refused.error().advice, HasSubstr("twofold secret set-attributes"));
    EXPECT_EQ(get("db", first.version.version), "one");
    must(set("three"));  // a new version is enabled
    EXPECT_EQ(get(), "three");
    enable("v2", true);
    EXPECT_EQ(get("db", "v2"), "two");
}

TEST_F(SecretVaultTest, DatesAreShownAndBlockNothing) {
    cloud.freeze_clock(kNow);
    NewSecret secret;
    secret.name = "db";
    secret.exp = kNow;
    must(secrets.set(kCreator, secret, as_bytes("expired")));
    EXPECT_EQ(get(), "expired");
    secret.exp.reset();
    secret.nbf = kNow + 1000;
    const auto made = must(secrets.set(kCreator, secret, as_bytes("early")));
    EXPECT_EQ(made.version.nbf, kNow + 1000);
    EXPECT_EQ(made.version.created, kNow);
    EXPECT_EQ(get(), "early");
}

TEST_F(SecretVaultTest, AnUpdateChangesWhatItNamesAndNeverTheValue) {
    NewSecret secret;
    secret.name = "db";
    secret.content_type = "text/plain";
    secret.tags = {{"a", "b"}};
    must(secrets.set(kCreator, secret, as_bytes("one")));
    SecretChange change;
    change.tags = Tags{{"c", "d"}};
    change.exp = std::optional<UnixSeconds>(kNow);
    const auto updated = must(secrets.update(kCreator, "db", "", change)).version;
    EXPECT_EQ(updated.content_type, "text/plain");
    EXPECT_EQ(updated.tags, (Tags{{"c", "d"}}));
    EXPECT_EQ(updated.exp, kNow);
    EXPECT_EQ(updated.sequence, 1u);
    change = {};
    change.exp = std::optional<UnixSeconds>();
    EXPECT_FALSE(must(secrets.update(kCreator, "db", "", change)).version.exp);
    EXPECT_EQ(get(), "one");
}

// ---- permissions, and the order of checks ----

TEST_F(SecretVaultTest, EachOperationNeedsItsOwnPermissionOnSecrets) {
    const Identity who = cloud.add_identity("who");
    const Caller caller = Caller::identity(who.object_id);
    cloud.grant(who, {"all", "purge"});  // on keys, which says nothing of secrets
    must(set("one"));
    must(set("one", "other"));
    const std::vector<std::pair<std::string, std::function<std::optional<Error>()>>> operations = {
        {"get", [&] { return error_of(secrets.get(caller, "db", "")); }},
        {"list", [&] { return error_of(secrets.list(caller)); }},
        {"list", [&] { return error_of(secrets.list_versions(caller, "db")); }},
        {"list", [&] { return error_of(secrets.list_deleted(caller)); }},
        {"set", [&] { return error_of(set("two", "db", caller)); }},
        {"set", [&] { return error_of(secrets.update(caller, "db", "", {})); }},
        {"delete", [&] { return error_of(secrets.remove(caller, "other")); }},
        {"get", [&] { return error_of(secrets.get_deleted(caller, "other")); }},
        {"recover", [&] { return error_of(secrets.recover(caller, "other")); }},
    };
    for (const auto& [permission, operation] : operations) {
        SCOPED_TRACE(permission);
        std::vector<std::string> others = {"get", "list", "set", "delete", "recover", "purge"};
        std::erase(others, permission);
        grant(who, others);
        const auto refused = operation();
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->vault_code, "Forbidden/ForbiddenByPolicy");
        EXPECT_THAT(refused->what, HasSubstr("lacks the secret permission " + permission));
        EXPECT_THAT(refused->advice, HasSubstr("--secret-permissions"));
        grant(who, {permission});
        const auto done = operation();
        EXPECT_FALSE(done) << done->line();
    }
    must(secrets.remove(kCreator, "db"));
    grant(who, {"all"});
    EXPECT_EQ(secrets.purge(caller, "db").error().vault_code, "Forbidden/ForbiddenByPolicy");
    grant(who, {"purge"});
    EXPECT_THAT(secrets.purge(caller, "db"), FailsWith(Errc::refused));  // purge protection
}

TEST_F(SecretVaultTest, OfAnyTwoFaultsTheEarlierOneAnswers) {
    struct Asked {
        Caller caller;
        std::string vault = "contoso-kv", name = "db";
        std::string_view version = {};
    };
    const Identity who = cloud.add_identity("who");
    must(set("one"));
    const std::vector<std::pair<const char*, std::function<void(Asked&)>>> faults = {
        {"Unauthorized", [](Asked& a) { a.caller = Caller::identity("nobody"); }},
        {"VaultNotFound", [](Asked& a) { a.vault = "nobody-kv"; }},
        {"Forbidden/ForbiddenByPolicy", [&](Asked&) { grant(who, {"list"}); }},
        {"BadParameter", [](Asked& a) { a.version = "newest"; }},
        {"SecretNotFound", [](Asked& a) { a.name = "nosuch"; }},
        {"Forbidden/SecretDisabled", [&](Asked&) { enable("", false); }},
    };
    int pairs = 0;
    for (std::size_t first = 0; first < faults.size(); ++first)
        for (std::size_t second = first; second < faults.size(); ++second, ++pairs) {
            SCOPED_TRACE(fmt::format("{} before {}", faults[first].first, faults[second].first));
            grant(who, {"get"});
            enable("", true);
            Asked asked{Caller::identity(who.object_id)};
            faults[second].second(asked);
            faults[first].second(asked);
            const auto answer = SecretVault(cloud.cloud, asked.vault)
                                    .get(asked.caller, asked.name, std::string(asked.version));
            ASSERT_FALSE(answer);
            EXPECT_EQ(answer.error().vault_code, faults[first].first);
        }
    EXPECT_EQ(pairs, 21);
}

TEST_F(SecretVaultTest, BadParametersAre400AndNothingIsMade) {
    EXPECT_THAT(set(std::string(25 * 1024, 'x'), "largest"), Succeeds());
    EXPECT_EQ(get("largest").size(), 25u * 1024);
    const auto refuse = [&](std::string_view value, const std::function<void(NewSecret&)>& spoil) {
        NewSecret secret;
        secret.name = "bad";
        spoil(secret);
        const auto made = secrets.set(kCreator, secret, as_bytes(value));
        ASSERT_THAT(made, FailsWith(Errc::invalid));
        EXPECT_EQ(made.error().vault_code, "BadParameter");
        EXPECT_THAT(made.error().line(), Not(HasSubstr("hunter")));
    };
    const auto nothing = [](NewSecret&) {};
    refuse(std::string(25 * 1024 + 1, 'x'), nothing);
    refuse("", nothing);
    refuse("hunter\xff", nothing);
    refuse("hunter\xed\xa0\x80", nothing);  // a surrogate
    refuse("hunter", [](NewSecret& s) { s.name = "../db"; });
    refuse("hunter", [](NewSecret& s) { s.name = "db_1"; });
    refuse("hunter", [](NewSecret& s) { s.name = std::string(128, 'n'); });
    refuse("hunter", [](NewSecret& s) { s.content_type = std::string(256, 't'); });
    refuse("hunter", [](NewSecret& s) { s.content_type = "\xc0\x80"; });
    refuse("hunter", [](NewSecret& s) { s.exp = -1; });
    refuse("hunter", [](NewSecret& s) { s.nbf = s.exp = 10; });
    refuse("hunter", [](NewSecret& s) {
        for (int i = 0; i < 16; ++i) s.tags[std::to_string(i)] = "x";
    });
    EXPECT_THAT(must(secrets.list(kCreator)), SizeIs(1));
}

// ---- deletion ----

TEST_F(SecretVaultTest, RecoveryBringsBackEveryVersionAndPurgeProtectionHolds) {
    must(set("one"));
    must(set("two"));
    enable("v1", false);
    cloud.freeze_clock(kNow);
    const auto gone = must(secrets.remove(kCreator, "db"));
    EXPECT_EQ(gone.scheduled_purge, kNow + 90 * 86400);
    EXPECT_EQ(gone.recovery_id(), "https://contoso-kv.vault.azure.net/deletedsecrets/db");
    EXPECT_THAT(must(secrets.list_deleted(kCreator)), SizeIs(1));
    const auto refused = secrets.purge(kCreator, "db");
    ASSERT_THAT(refused, FailsWith(Errc::refused));
    EXPECT_EQ(refused.error().vault_code, "Forbidden");
    must(secrets.recover(kCreator, "db"));
    EXPECT_EQ(get("db", "v2"), "two");
    EXPECT_EQ(get("db", "v1"), "Forbidden/SecretDisabled");
    EXPECT_THAT(secrets.recover(kCreator, "db"), FailsWith(Errc::key_revoked));
}

TEST_F(SecretVaultTest, ADeletedSecretIsGoneWhenItsRetentionEnds) {
    cloud.freeze_clock(kNow);
    must(set("one"));
    must(secrets.remove(kCreator, "db"));
    cloud.freeze_clock(kNow + 90 * 86400 - 1);
    EXPECT_THAT(secrets.get_deleted(kCreator, "db"), Succeeds());
    cloud.freeze_clock(kNow + 90 * 86400);
    EXPECT_THAT(secrets.recover(kCreator, "db"), FailsWith(Errc::key_revoked));
    EXPECT_EQ(must(set("anew")).version.sequence, 1u);
    EXPECT_THAT(secrets.get_deleted(kCreator, "db"), FailsWith(Errc::key_revoked));
}

TEST_F(SecretVaultTest, WithoutSoftDeleteASecretIsGoneAtOnce) {
    VaultRegistry::New weak;
    weak.name = "weak-kv";
    weak.soft_delete = false;
    must(VaultRegistry(cloud.cloud).create(weak));
    SecretVault vault(cloud.cloud, "weak-kv");
    NewSecret secret;
    secret.name = "db";
    must(vault.set(kCreator, secret, as_bytes("one")));
    EXPECT_FALSE(must(vault.remove(kCreator, "db")).scheduled_purge);
    EXPECT_THAT(must(vault.list_deleted(kCreator)), IsEmpty());
    EXPECT_THAT(vault.set(kCreator, secret, as_bytes("two")), Succeeds());
}

TEST_F(SecretVaultTest, AKeyAndASecretOfOneNameAreTwoThings) {
    must(set("one", "kek1"));
    cloud.add_key("kek1");
    must(cloud.keys.remove(kCreator, "kek1"));
    EXPECT_EQ(get("kek1"), "one");
    EXPECT_THAT(must(secrets.list_deleted(kCreator)), IsEmpty());
}

// ---- what lies on the disk, and what is said ----

TEST_F(SecretVaultTest, ValuesLieSealedAndAreInNoLog) {
    const std::string value = "correct-horse-battery-staple";
    must(set(value));
    EXPECT_EQ(get(), value);
    EXPECT_EQ(get("db", "nonsense"), "BadParameter");
    const std::string encoded = crypto::to_base64url(as_bytes(value)).substr(0, 36);
    for (const std::string& text : {value, encoded})
        EXPECT_NE(
            std::system(fmt::format("grep -rqaF {} {}", text, cloud.directory.path()).c_str()), 0)
            << text;
    const std::string log = cloud.audit_log();
    for (const char* operation : {"\"SecretSet\"", "\"SecretGet\""})
        EXPECT_THAT(log, HasSubstr(operation));
    EXPECT_THAT(log, HasSubstr("https://contoso-kv.vault.azure.net/secrets/db"));
    EXPECT_THAT(log, HasSubstr("\"status\":400"));
}

TEST_F(SecretVaultTest, AFileMovedToAnotherSecretDoesNotOpen) {
    must(set("one", "db"));
    must(set("two", "other"));
    auto from = directory_of("other");
    auto to = directory_of("db");
    const std::string file = must(from->list()).front().name;
    std::string text = must(from->read_text(file, 1 << 20));
    text.replace(text.find("\"other\""), 7, "\"db\"");
    must(to->unlink(must(to->list()).front().name));
    must(to->replace(file, text));
    const auto refused = secrets.get(kCreator, "db", "");
    ASSERT_THAT(refused, FailsWith(Errc::vault_unreachable));
    EXPECT_EQ(refused.error().vault_code, "InternalServerError");
    EXPECT_EQ(get("other"), "two");
}

TEST_F(SecretVaultTest, ADamagedFileIsThatSecretsTroubleAlone) {
    must(set("one", "db"));
    must(set("two", "other"));
    auto directory = directory_of("db");
    const std::string file = must(directory->list()).front().name;
    const std::string good = must(directory->read_text(file, 1 << 20));
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        const auto at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return text.replace(at, from.size(), to);
    };
    for (const std::string& bad :
         {std::string(), std::string("null"), with("\"contentType\"", "\"contenttype\""),
          with("\"sealed\"", "\"seald\""), with("\"nonce\"", "\"once\""),
          with("\"sequence\": 1", "\"sequence\": 2"), with("\"name\": \"db\"", "\"name\": \"xy\""),
          with("\"enabled\": true", "\"enabled\": \"true\"")}) {
        must(directory->replace(file, bad));
        EXPECT_EQ(get("db"), "InternalServerError") << bad;
        EXPECT_EQ(get("other"), "two");
        EXPECT_THAT(must(secrets.list(kCreator)), SizeIs(1));
    }
    must(directory->replace(file, good));
    EXPECT_EQ(get("db"), "one");
}

TEST_F(SecretVaultTest, MembersItDoesNotKnowAreKept) {
    must(set("one"));
    auto directory = directory_of("db");
    const std::string file = must(directory->list()).front().name;
    std::string text = must(directory->read_text(file, 1 << 20));
    must(directory->replace(file, text.insert(text.find('{') + 1, "\"future\": [1],")));
    enable("", false);
    EXPECT_THAT(must(directory->read_text(file, 1 << 20)), HasSubstr("\"future\""));
}

TEST_F(SecretVaultTest, ManyWritersAtOnceMakeASeriesOfVersions) {
    std::vector<std::thread> writers;
    for (int i = 0; i < 4; ++i)
        writers.emplace_back([this, i] {
            const Cloud own(cloud.directory.path());
            NewSecret secret;
            secret.name = "db";
            for (int turn = 0; turn < 10; ++turn)
                EXPECT_THAT(SecretVault(own, "contoso-kv")
                                .set(kCreator, secret, as_bytes(std::to_string(i))),
                            Succeeds());
        });
    for (auto& writer : writers) writer.join();
    const auto versions = must(secrets.list_versions(kCreator, "db"));
    ASSERT_EQ(versions.size(), 40u);
    for (std::size_t i = 0; i < versions.size(); ++i)
        EXPECT_EQ(versions[i].version.sequence, i + 1);
}

TEST_F(SecretVaultTest, IsShownAsJsonWithItsValueInASecret) {
    for (const std::string value :
         {"plain", "\"", "\\\"\\n", "a\nb\tc\x01\x1f d", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91"}) {
        must(set(value));
        const auto text = must(shown(must(secrets.get(kCreator, "db", ""))));
        const auto object = nlohmann::json::parse(as_text(text.reveal()), nullptr, false);
        ASSERT_TRUE(object.is_object()) << as_text(text.reveal());
        EXPECT_EQ(object["value"].get<std::string>(), value);
        EXPECT_EQ(object["contentType"], "");
        EXPECT_EQ(object["attributes"]["enabled"], true);
        EXPECT_EQ(object["attributes"]["recoveryLevel"], "Recoverable");
    }
    for (const std::string& text :
         {shown(must(secrets.list(kCreator)), Listed::names),
          shown(must(secrets.list_versions(kCreator, "db")), Listed::versions),
          shown(must(set("again")))})
        EXPECT_THAT(text, Not(HasSubstr("\"value\"")));
}

}  // namespace
}  // namespace twofold::cloud

#include "keyring/cloud/key_vault.h"

#include <array>
#include <cstdlib>
#include <set>
#include <thread>

#include "base/hex.h"
#include "keyring/cloud/answer.h"
#include "keyring/crypto/encoding.h"
#include "keyring/crypto/rsa.h"
#include "tests/keyring/cloud/test_cloud.h"

namespace twofold::cloud {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

const Caller kCreator = Caller::creator();

// Keys of 2048 bits take a moment to make, so tests with one key share the way to it.
class KeyVaultTest : public testing::Test {
protected:
    KeyVaultTest() { cloud.add_key("kek1"); }
    Result<KeyVault::Wrapped> wrap(const std::string& version = "",
                                   const Caller& caller = kCreator) {
        return cloud.keys.wrap(caller, "kek1", version,
                               as_bytes("a data key of 32 bytes, or so it is"));
    }
    std::string file_of(const std::string& name) {
        const std::string path = cloud.directory.path() + "/vaults/contoso-kv/keys/" + name;
        auto directory = must(io::open_posix_directory(path));
        return path + "/" + must(directory->list()).front().name;
    }
    std::string read(const std::string& path) {
        const auto slash = path.rfind('/');
        return must(must(io::open_posix_directory(path.substr(0, slash)))
                        ->read_text(path.substr(slash + 1), 1 << 20));
    }
    void write(const std::string& path, std::string_view text) {
        const auto slash = path.rfind('/');
        must(must(io::open_posix_directory(path.substr(0, slash)))
                 ->replace(path.substr(slash + 1), text));
    }
    TestCloud cloud;
};

// ---- what state allows what ----

enum class State { inside, before_nbf, at_exp, disabled, deleted, unknown };

struct Cell {
    const char* name;
    State state;
    int get, update, wrap, unwrap;  // HTTP status
    const char* wrap_code = "";
    const char* unwrap_code = "";
};

class KeyState : public KeyVaultTest, public testing::WithParamInterface<Cell> {
protected:
    std::string arrange() {
        switch (GetParam().state) {
            case State::inside:
                break;
            case State::before_nbf:
                cloud.not_yet("kek1", "");
                break;
            case State::at_exp:
                cloud.freeze_clock(2'000'000'000);
                cloud.expire("kek1", "");
                break;
            case State::disabled:
                cloud.enable("kek1", "", false);
                break;
            case State::deleted:
                must(cloud.keys.remove(kCreator, "kek1"));
                break;
            case State::unknown:
                return "nokey";
        }
        return "kek1";
    }
    template <class T>
    static int status(const Result<T>& result) {
        return result ? 200 : http_status(result.error());
    }
    template <class T>
    static std::string code(const Result<T>& result) {
        return result ? "" : result.error().vault_code;
    }
};

TEST_P(KeyState, DecidesWhatEachOperationAnswers) {
    const auto wrapped = must(wrap());
    const std::string version = wrapped.version;
    const std::string name = arrange();
    for (const std::string& v : {std::string(), version, std::string("v1")}) {
        SCOPED_TRACE("version '" + v + "'");
        EXPECT_EQ(status(cloud.keys.get(kCreator, name, v)), GetParam().get);
        const auto wrapping = cloud.keys.wrap(kCreator, name, v, as_bytes("x"));
        EXPECT_EQ(status(wrapping), GetParam().wrap);
        EXPECT_EQ(code(wrapping), GetParam().wrap_code);
        const auto unwrapping = cloud.keys.unwrap(kCreator, name, v, wrapped.value);
        EXPECT_EQ(status(unwrapping), GetParam().unwrap);
        EXPECT_EQ(code(unwrapping), GetParam().unwrap_code);
        KeyChange change;
        change.tags = Tags{{"a", "b"}};
        EXPECT_EQ(status(cloud.keys.update(kCreator, name, v, change)), GetParam().update);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Table, KeyState,
    testing::Values(
        Cell{"Inside", State::inside, 200, 200, 200, 200},
        Cell{"BeforeNbf", State::before_nbf, 200, 200, 403, 200, "Forbidden/KeyNotYetValid"},
        Cell{"AtExp", State::at_exp, 200, 200, 403, 200, "Forbidden/KeyExpired"},
        Cell{"Disabled", State::disabled, 200, 200, 403, 403, "Forbidden/KeyDisabled",
             "Forbidden/KeyDisabled"},
        Cell{"Deleted", State::deleted, 404, 404, 404, 404, "KeyNotFound", "KeyNotFound"},
        Cell{"Unknown", State::unknown, 404, 404, 404, 404, "KeyNotFound", "KeyNotFound"}),
    [](const auto& test) { return test.param.name; });

TEST_F(KeyVaultTest, ExpiryIsExclusiveAndStartInclusive) {
    constexpr UnixSeconds kAt = 2'000'000'000;
    KeyChange change;
    change.nbf = kAt;
    change.exp = kAt + 100;
    cloud.change("kek1", "", change);
    const auto at = [&](UnixSeconds time) {
        cloud.freeze_clock(time);
        const auto result = wrap();
        return result ? "ok" : inner_code_of(result.error());
    };
    EXPECT_EQ(at(kAt - 1), "KeyNotYetValid");
    EXPECT_EQ(at(kAt), "ok");
    EXPECT_EQ(at(kAt + 99), "ok");
    EXPECT_EQ(at(kAt + 100), "KeyExpired");
    EXPECT_EQ(at(kAt + 101), "KeyExpired");
}

// ---- the order of checks: each fault alone, and each pair gives the earlier one ----

// A way to spoil a request that would succeed.
struct SpoiltRequest;
struct Fault {
    const char* code;
    std::function<void(SpoiltRequest&)> spoil;
};

struct SpoiltRequest {
    TestCloud cloud;
    Identity who;
    Caller caller;
    std::string vault = "contoso-kv", name = "kek1", plain = "x";

    // `original` has the identity and the key; making them anew for each pair would take long.
    explicit SpoiltRequest(const TestCloud& original, const Identity& identity)
        : who(identity), caller(Caller::identity(identity.object_id)) {
        const std::string copy =
            fmt::format("cp -a {}/. {}", original.directory.path(), cloud.directory.path());
        TF_CHECK(std::system(copy.c_str()) == 0);
    }
    Result<KeyVault::Wrapped> send() {
        return KeyVault(cloud.cloud, vault).wrap(caller, name, "", as_bytes(plain));
    }
};

const std::vector<Fault>& faults_in_order() {
    static const std::vector<Fault> faults = {
        {"Unauthorized", [](auto& r) { r.caller = Caller::identity("no-such-object-id"); }},
        {"VaultNotFound", [](auto& r) { r.vault = "nobody-kv"; }},
        {"Forbidden/ForbiddenByFirewall",
         [](auto& r) {
             auto settings = must(VaultRegistry(r.cloud.cloud).show("contoso-kv"));
             settings.deny_by_default = true;
             must(must(r.cloud.cloud.open_vault("contoso-kv"))
                      ->replace("vault.json", settings.to_text()));
         }},
        {"Forbidden/ForbiddenByPolicy", [](auto& r) { r.cloud.grant(r.who, {"get"}); }},
        {"BadParameter", [](auto& r) { r.plain.clear(); }},
        {"KeyNotFound", [](auto& r) { r.name = "nokey"; }},
        {"Forbidden/KeyDisabled", [](auto& r) { r.cloud.enable("kek1", "", false); }},
        {"Forbidden/KeyOperationForbidden",
         [](auto& r) {
             KeyChange change;
             change.key_ops = std::vector<std::string>{"sign"};
             r.cloud.change("kek1", "", change);
         }},
        {"Forbidden/KeyExpired", [](auto& r) { r.cloud.expire("kek1", ""); }},
        {"BadParameter", [](auto& r) { r.plain.append(191, 'x'); }},
    };
    return faults;
}

TEST(OrderOfChecks, OfAnyTwoFaultsTheEarlierOneAnswers) {
    TestCloud original;
    original.freeze_clock(2'000'000'000);
    const Identity who = original.add_identity("who");
    original.grant(who, {"wrapKey"});
    original.add_key("kek1");
    ASSERT_THAT(SpoiltRequest(original, who).send(), Succeeds());

    const auto& faults = faults_in_order();
    for (std::size_t first = 0; first < faults.size(); ++first)
        for (std::size_t second = first; second < faults.size(); ++second) {
            if (first == 4 && second == 9) continue;  // an input can't be too short and too long
            SCOPED_TRACE(fmt::format("{} before {}", faults[first].code, faults[second].code));
            SpoiltRequest request(original, who);
            faults[second].spoil(request);
            faults[first].spoil(request);
            const auto answer = request.send();
            ASSERT_FALSE(answer);
            EXPECT_EQ(answer.error().vault_code, faults[first].code) << answer.error().line();
        }
}

// ---- permissions ----

TEST_F(KeyVaultTest, EachOperationNeedsItsOwnPermission) {
    const Identity who = cloud.add_identity("who");
    const Caller caller = Caller::identity(who.object_id);
    const auto wrapped = must(wrap());
    NewKey other;
    other.name = "other";
    const std::vector<std::pair<std::string, std::function<Result<void>()>>> operations = {
        {"get",
         [&]() -> Result<void> {
             TF_TRY(cloud.keys.get(caller, "kek1", ""));
             return {};
         }},
        {"list",
         [&]() -> Result<void> {
             TF_TRY(cloud.keys.list(caller));
             return {};
         }},
        {"update",
         [&]() -> Result<void> {
             TF_TRY(cloud.keys.update(caller, "kek1", "", {}));
             return {};
         }},
        {"wrapKey",
         [&]() -> Result<void> {
             TF_TRY(wrap("", caller));
             return {};
         }},
        {"unwrapKey",
         [&]() -> Result<void> {
             TF_TRY(cloud.keys.unwrap(caller, "kek1", "", wrapped.value));
             return {};
         }},
        {"rotate",
         [&]() -> Result<void> {
             TF_TRY(cloud.keys.rotate(caller, "kek1"));
             return {};
         }},
        {"create",
         [&]() -> Result<void> {
             TF_TRY(cloud.keys.create(caller, other));
             return {};
         }},
        {"delete",
         [&]() -> Result<void> {
             TF_TRY(cloud.keys.remove(caller, "other"));
             return {};
         }},
        {"recover",
         [&]() -> Result<void> {
             TF_TRY(cloud.keys.recover(caller, "other"));
             return {};
         }},
    };
    for (const auto& [permission, operation] : operations) {
        SCOPED_TRACE(permission);
        std::vector<std::string> all_others;
        for (const auto& [name, unused] : operations)
            if (name != permission) all_others.push_back(name);
        cloud.grant(who, all_others);
        const auto refused = operation();
        ASSERT_THAT(refused, FailsWith(Errc::key_revoked));
        EXPECT_EQ(refused.error().vault_code, "Forbidden/ForbiddenByPolicy");
        EXPECT_THAT(refused.error().what, HasSubstr(permission));
        EXPECT_THAT(refused.error().advice, HasSubstr("twofold vault set-policy contoso-kv"));
        cloud.grant(who, {permission});
        EXPECT_THAT(operation(), Succeeds());
    }
}

TEST_F(KeyVaultTest, AllStandsForEverythingButPurge) {
    const Identity who = cloud.add_identity("who");
    cloud.grant(who, {"all"});
    const Caller caller = Caller::identity(who.object_id);
    EXPECT_THAT(cloud.keys.remove(caller, "kek1"), Succeeds());
    const auto refused = cloud.keys.purge(caller, "kek1");
    ASSERT_THAT(refused, FailsWith(Errc::key_revoked));
    cloud.grant(who, {"all", "purge"});
    EXPECT_THAT(cloud.keys.purge(caller, "kek1"), FailsWith(Errc::refused));  // purge protection
}

// ---- versions, deletion ----

TEST_F(KeyVaultTest, AVersionOnceMadeStaysAsItIs) {
    const auto wrapped = must(wrap());
    const auto second = must(cloud.keys.rotate(kCreator, "KEK1"));
    EXPECT_EQ(second.version.name, "kek1");
    EXPECT_EQ(second.version.sequence, 2u);
    EXPECT_NE(second.version.n, must(cloud.keys.get(kCreator, "kek1", "v1")).version.n);
    EXPECT_EQ(must(wrap()).version, second.version.version);
    EXPECT_THAT(cloud.keys.unwrap(kCreator, "kek1", "", wrapped.value), FailsWith(Errc::wrong_key));
    const auto plain = cloud.keys.unwrap(kCreator, "kek1", wrapped.version, wrapped.value);
    ASSERT_THAT(plain, Succeeds());
    EXPECT_EQ(as_text(plain->reveal()), "a data key of 32 bytes, or so it is");
}

TEST_F(KeyVaultTest, RotatingADisabledOrExpiredKeyIsTheWayOut) {
    cloud.expire("kek1", "");
    cloud.enable("kek1", "", false);
    const auto next = must(cloud.keys.rotate(kCreator, "kek1"));
    EXPECT_TRUE(next.version.enabled);
    EXPECT_FALSE(next.version.exp);
    EXPECT_THAT(wrap(), Succeeds());
}

TEST_F(KeyVaultTest, RecoveryBringsBackEveryVersionAndAttribute) {
    const auto wrapped = must(wrap());
    cloud.enable("kek1", "", false);
    must(cloud.keys.rotate(kCreator, "kek1"));
    const auto before = must(cloud.keys.list_versions(kCreator, "kek1"));
    const auto deleted = must(cloud.keys.remove(kCreator, "kek1"));
    EXPECT_EQ(*deleted.scheduled_purge, *deleted.deleted + 90 * 86400);
    EXPECT_THAT(cloud.keys.remove(kCreator, "kek1"), FailsWith(Errc::key_revoked));
    NewKey again;
    again.name = "kek1";
    const auto conflict = cloud.keys.create(kCreator, again);
    ASSERT_THAT(conflict, FailsWith(Errc::exists));
    EXPECT_EQ(conflict.error().vault_code, "Conflict/ObjectIsDeletedButRecoverable");

    must(cloud.keys.recover(kCreator, "kek1"));
    const auto after = must(cloud.keys.list_versions(kCreator, "kek1"));
    ASSERT_EQ(after.size(), before.size());
    for (std::size_t i = 0; i < after.size(); ++i) {
        EXPECT_EQ(after[i].version.version, before[i].version.version);
        EXPECT_EQ(after[i].version.enabled, before[i].version.enabled);
    }
    cloud.enable("kek1", "v1", true);
    EXPECT_THAT(cloud.keys.unwrap(kCreator, "kek1", "v1", wrapped.value), Succeeds());
    EXPECT_THAT(cloud.keys.recover(kCreator, "kek1"), FailsWith(Errc::key_revoked));
}

TEST_F(KeyVaultTest, ADeletedKeyIsGoneWhenItsRetentionEnds) {
    cloud.freeze_clock(2'000'000'000);
    must(cloud.keys.remove(kCreator, "kek1"));
    cloud.freeze_clock(2'000'000'000 + 90 * 86400 - 1);
    EXPECT_THAT(cloud.keys.get_deleted(kCreator, "kek1"), Succeeds());
    cloud.freeze_clock(2'000'000'000 + 90 * 86400);
    EXPECT_THAT(cloud.keys.get_deleted(kCreator, "kek1"), FailsWith(Errc::key_revoked));
    EXPECT_THAT(cloud.keys.recover(kCreator, "kek1"), FailsWith(Errc::key_revoked));
    cloud.add_key("kek1");  // the name is free
    EXPECT_THAT(cloud.keys.get_deleted(kCreator, "kek1"), FailsWith(Errc::key_revoked));
}

TEST_F(KeyVaultTest, WithoutPurgeProtectionADeletedKeyCanBePurged) {
    cloud.add_vault("weak-kv");
    cloud.add_key("k", "weak-kv");
    KeyVault weak(cloud.cloud, "weak-kv");
    must(weak.remove(kCreator, "k"));
    EXPECT_THAT(weak.purge(kCreator, "k"), Succeeds());
    EXPECT_THAT(weak.recover(kCreator, "k"), FailsWith(Errc::key_revoked));
}

TEST_F(KeyVaultTest, ADeletedKeyIsNotLostByADamagedDateOfItsDeletion) {
    must(cloud.keys.remove(kCreator, "kek1"));
    const std::string path =
        cloud.directory.path() + "/vaults/contoso-kv/deletedkeys/kek1/deletion.json";
    const std::string text = read(path);
    for (const char* bad : {"", "{}", "{\"deletedDate\": 1, \"scheduledPurgeDate\": \"soon\"}"}) {
        write(path, bad);
        NewKey again;
        again.name = "kek1";
        EXPECT_THAT(cloud.keys.create(kCreator, again), FailsWith(Errc::vault_unreachable));
        EXPECT_THAT(cloud.keys.purge(kCreator, "kek1"), FailsWith(Errc::vault_unreachable));
    }
    write(path, text);
    EXPECT_THAT(cloud.keys.recover(kCreator, "kek1"), Succeeds());
    EXPECT_THAT(wrap(), Succeeds());
}

TEST_F(KeyVaultTest, AVaultWithoutItsMasterSecretIsDamagedAndNotWithoutTheKey) {
    const auto wrapped = must(wrap());
    must(must(cloud.cloud.open_vault("contoso-kv"))->unlink("master-secret"));
    const auto plain = cloud.keys.unwrap(kCreator, "kek1", "", wrapped.value);
    ASSERT_THAT(plain, FailsWith(Errc::vault_unreachable));
    EXPECT_EQ(plain.error().vault_code, "InternalServerError");
}

TEST_F(KeyVaultTest, DeletingDoesNotReplaceADeletedKeyThatMayBeRecovered) {
    must(cloud.keys.remove(kCreator, "kek1"));
    cloud.add_key("kek2");
    auto vault = must(cloud.cloud.open_vault("contoso-kv"));
    auto keys = must(vault->open_directory("keys"));
    must(keys->rename("kek2", *keys, "kek1"));  // no request does that
    std::string text = read(file_of("kek1"));
    write(file_of("kek1"), text.replace(text.find("kek2"), 4, "kek1"));
    EXPECT_THAT(cloud.keys.remove(kCreator, "kek1"), FailsWith(Errc::exists));
    EXPECT_THAT(cloud.keys.get_deleted(kCreator, "kek1"), Succeeds());
}

// ---- the directory ----

TEST_F(KeyVaultTest, ADamagedFileIsThatKeysTroubleAlone) {
    cloud.add_key("kek2");
    for (const char* text : {"", "{", "[]", "{\"name\":\"kek1\"}", "\xff\xfe", "null"}) {
        SCOPED_TRACE(text);
        write(file_of("kek1"), text);
        const auto broken = cloud.keys.get(kCreator, "kek1", "");
        ASSERT_THAT(broken, FailsWith(Errc::vault_unreachable));
        EXPECT_EQ(http_status(broken.error()), 500);
        EXPECT_THAT(cloud.keys.get(kCreator, "kek2", ""), Succeeds());
        EXPECT_THAT(must(cloud.keys.list(kCreator)), SizeIs(1));
    }
}

TEST_F(KeyVaultTest, AFileOfAnotherKeyOrVersionIsDamage) {
    cloud.add_key("kek2");
    write(file_of("kek1"), read(file_of("kek2")));
    EXPECT_THAT(cloud.keys.get(kCreator, "kek1", ""), FailsWith(Errc::vault_unreachable));
}

TEST_F(KeyVaultTest, AChangedPublicHalfDoesNotOpenThePrivateOne) {
    const auto wrapped = must(wrap());
    const auto other = cloud.add_key("kek2");
    const auto mine = must(cloud.keys.get(kCreator, "kek1", ""));
    std::string text = read(file_of("kek1"));
    const std::string n = crypto::to_base64url(mine.version.n);
    text.replace(text.find(n), n.size(), crypto::to_base64url(other.version.n));
    write(file_of("kek1"), text);
    const auto refused = cloud.keys.unwrap(kCreator, "kek1", "", wrapped.value);
    ASSERT_THAT(refused, FailsWith(Errc::vault_unreachable));
    EXPECT_EQ(refused.error().vault_code, "InternalServerError");
}

TEST_F(KeyVaultTest, MembersItDoesNotKnowAreKept) {
    std::string text = read(file_of("kek1"));
    text.insert(text.find('{') + 1, "\"future\": {\"a\": [1, 2]},");
    text.insert(text.find("\"attributes\": {") + 15, "\"later\": true,");
    write(file_of("kek1"), text);
    cloud.enable("kek1", "", false);
    EXPECT_THAT(read(file_of("kek1")), HasSubstr("\"future\""));
    EXPECT_THAT(read(file_of("kek1")), HasSubstr("\"later\""));
    EXPECT_THAT(wrap(), FailsWith(Errc::key_revoked));
}

TEST_F(KeyVaultTest, ABrokenClockIsA500AndNotAReprieve) {
    must(cloud.directory.directory().replace("clock", std::string_view("{\"offset\": 5}")));
    const auto refused = wrap();
    ASSERT_THAT(refused, FailsWith(Errc::vault_unreachable));
    EXPECT_EQ(refused.error().vault_code, "InternalServerError");
}

TEST_F(KeyVaultTest, ManyWritersAtOnceMakeASeriesOfVersions) {
    std::vector<std::thread> writers;
    for (int i = 0; i < 4; ++i)
        writers.emplace_back([this] {
            const Cloud own(cloud.directory.path());
            for (int turn = 0; turn < 2; ++turn)
                EXPECT_THAT(KeyVault(own, "contoso-kv").rotate(kCreator, "kek1"), Succeeds());
        });
    for (auto& writer : writers) writer.join();
    const auto versions = must(cloud.keys.list_versions(kCreator, "kek1"));
    ASSERT_EQ(versions.size(), 9u);
    std::set<std::string> distinct;
    for (std::size_t i = 0; i < versions.size(); ++i) {
        EXPECT_EQ(versions[i].version.sequence, i + 1);
        distinct.insert(versions[i].version.version);
    }
    EXPECT_EQ(distinct.size(), 9u);
}

TEST_F(KeyVaultTest, ReadersNeverMeetHalfAChange) {
    std::atomic<bool> stop = false;
    std::thread writer([&] {
        while (!stop) {
            must(cloud.keys.remove(kCreator, "kek1"));
            must(cloud.keys.recover(kCreator, "kek1"));
            cloud.enable("kek1", "", true);
        }
    });
    const Cloud own(cloud.directory.path());
    for (int i = 0; i < 300; ++i) {
        const auto key = KeyVault(own, "contoso-kv").get(kCreator, "kek1", "");
        EXPECT_TRUE(key || key.error().vault_code == "KeyNotFound") << key.error().line();
    }
    stop = true;
    writer.join();
}

// ---- parameters, the audit log, other implementations ----

TEST_F(KeyVaultTest, BadParametersAre400) {
    const auto refuse = [&](const std::function<void(NewKey&)>& spoil) {
        NewKey key;
        key.name = "k";
        spoil(key);
        const auto made = cloud.keys.create(kCreator, key);
        ASSERT_THAT(made, FailsWith(Errc::invalid));
        EXPECT_EQ(made.error().vault_code, "BadParameter");
    };
    refuse([](NewKey& key) { key.bits = 1024; });
    refuse([](NewKey& key) { key.bits = -1; });
    refuse([](NewKey& key) { key.kty = "EC"; });
    refuse([](NewKey& key) { key.name = "../k"; });
    refuse([](NewKey& key) { key.name = std::string(128, 'k'); });
    refuse([](NewKey& key) { key.exp = -1; });
    refuse([](NewKey& key) { key.nbf = 10, key.exp = 10; });
    refuse([](NewKey& key) { key.key_ops = std::vector<std::string>{"wrap"}; });
    refuse([](NewKey& key) {
        for (int i = 0; i < 16; ++i) key.tags[std::to_string(i)] = "x";
    });
    refuse([](NewKey& key) { key.tags[std::string(257, 'x')] = "x"; });
    EXPECT_THAT(cloud.keys.get(kCreator, "kek1", "latest"), FailsWith(Errc::invalid));
    EXPECT_THAT(cloud.keys.get(kCreator, "..", ""), FailsWith(Errc::invalid));
}

TEST_F(KeyVaultTest, WhateverIsWrongWithWrappedBytesTheAnswerIsTheSame) {
    auto wrapped = must(wrap()).value;
    std::set<std::string> answers;
    const auto ask = [&](Bytes bytes) {
        const auto refused = cloud.keys.unwrap(kCreator, "kek1", "", bytes);
        ASSERT_THAT(refused, FailsWith(Errc::wrong_key));
        answers.insert(refused.error().line());
    };
    ask(Bytes(wrapped).first(255));
    ask(Bytes(wrapped).first(1));
    ask(std::vector<std::byte>(256));
    ask(std::vector<std::byte>(256, std::byte{0xff}));
    wrapped[100] ^= std::byte{1};
    ask(wrapped);
    EXPECT_EQ(answers.size(), 1u);
}

TEST_F(KeyVaultTest, EveryRequestIsInTheAuditLogAndNoSecretIs) {
    const auto who = cloud.add_identity("who");
    const long before = cloud.requests();
    const auto wrapped = must(wrap());
    EXPECT_THAT(wrap("", Caller::identity(who.object_id)), FailsWith(Errc::key_revoked));
    EXPECT_THAT(cloud.keys.get(kCreator, "nokey", ""), FailsWith(Errc::key_revoked));
    EXPECT_EQ(cloud.requests(), before + 3);
    const std::string log = cloud.audit_log();
    EXPECT_THAT(log, HasSubstr("\"KeyWrap\""));
    EXPECT_THAT(log, HasSubstr("\"Forbidden/ForbiddenByPolicy\""));
    EXPECT_THAT(log, HasSubstr(who.object_id));
    EXPECT_THAT(log, HasSubstr("\"status\":404"));
    EXPECT_THAT(log, Not(HasSubstr(crypto::to_base64url(wrapped.value).substr(0, 40))));
}

// The key as OpenSSL's own program would be given it, from the modulus and exponent that the vault
// shows.
TEST_F(KeyVaultTest, OpensWhatTheOpensslProgramWrapped) {
    const auto key = must(cloud.keys.get(kCreator, "kek1", "")).version;
    const std::string at = cloud.directory.path();
    write(at + "/spki.cnf",
          fmt::format("asn1=SEQUENCE:spki\n[spki]\nalgorithm=SEQUENCE:alg\n"
                      "key=BITWRAP,SEQUENCE:rsa\n[alg]\noid=OID:rsaEncryption\nnull=NULL\n[rsa]\n"
                      "n=INTEGER:0x{}\ne=INTEGER:0x{}\n",
                      to_hex(key.n), to_hex(key.e)));
    for (const std::size_t size : {1, 32, 190}) {
        const std::string plain(size, 'p');
        write(at + "/plain", plain);
        const std::string command = fmt::format(
            "cd {} && openssl asn1parse -genconf spki.cnf -noout -out spki.der >/dev/null && "
            "openssl "
            "pkeyutl -encrypt -pubin -keyform DER -inkey spki.der -in plain -out wrapped -pkeyopt "
            "rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256",
            at);
        ASSERT_EQ(std::system(command.c_str()), 0);
        const std::string wrapped = read(at + "/wrapped");
        const auto opened = cloud.keys.unwrap(kCreator, "kek1", "", as_bytes(wrapped));
        ASSERT_THAT(opened, Succeeds());
        EXPECT_EQ(as_text(opened->reveal()), plain);
    }
}

TEST_F(KeyVaultTest, TakesTheLongestInputOfItsSizeAndNotMore) {
    EXPECT_THAT(cloud.keys.wrap(kCreator, "kek1", "", std::vector<std::byte>(190)), Succeeds());
    EXPECT_THAT(cloud.keys.wrap(kCreator, "kek1", "", std::vector<std::byte>(191)),
                FailsWith(Errc::invalid));
}

}  // namespace
}  // namespace twofold::cloud

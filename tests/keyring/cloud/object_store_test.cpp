#include "keyring/cloud/object_store.h"

#include "tests/keyring/cloud/cut_directory.h"
#include "tests/support/matchers.h"
#include "tests/support/test_directory.h"

namespace twofold::cloud {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

KeyVersion version(std::uint32_t sequence) {
    KeyVersion key;
    key.name = "Kek1";
    key.sequence = sequence;
    key.version = fmt::format("{:032x}", sequence);
    key.n.assign(256, std::byte{0xc1});
    key.e = {std::byte{1}, std::byte{0}, std::byte{1}};
    key.key_ops = {"wrapKey"};
    key.sealed.ciphertext = {std::byte{1}};
    return key;
}

using Shelf = KeyStore::Shelf;

// A vault directory with the key kek1 of one version, seen through a fuse or as it is.
struct Vault {
    TestDirectory directory;
    Fuse fuse;

    Vault() {
        for (const char* shelf : {"keys", "deletedkeys"})
            must(directory.directory().make_directory(shelf));
        must(whole().create(version(1)));
    }
    KeyStore whole() { return KeyStore(must(io::open_posix_directory(directory.path()))); }
    KeyStore fused() {
        return KeyStore(
            std::make_unique<CutDirectory>(must(io::open_posix_directory(directory.path())), fuse));
    }
    // "2 enabled": how many versions there are and what the newest says; where the key is.
    std::string state() {
        KeyStore store = whole();
        std::string out;
        for (const Shelf shelf : {Shelf::live, Shelf::deleted}) {
            const auto names = must(store.names(shelf));
            if (names.empty()) continue;
            EXPECT_THAT(names, ElementsAre("kek1"));
            const auto files = must(store.versions(shelf, "kek1"));
            const auto newest = must(store.load(shelf, "kek1", files.back()));
            out += fmt::format("{}{} {}", shelf == Shelf::live ? "" : "deleted ", files.size(),
                               newest.enabled ? "enabled" : "disabled");
            if (shelf == Shelf::deleted) must(store.deletion("kek1"));
        }
        return out.empty() ? "none" : out;
    }
};

struct Change {
    const char* name;
    std::function<void(KeyStore&)> before;
    std::function<Result<void>(KeyStore&)> change;
    const char* from;
    const char* to;
};

class CutChange : public testing::TestWithParam<Change> {};

// The process dies before each of its steps in turn: the key is as before or as after, and the same
// change, or its repetition, then succeeds.
TEST_P(CutChange, IsOldOrNewAndCanBeRepeated) {
    const Change& change = GetParam();
    int steps = 0;
    {
        Vault vault;
        KeyStore store = vault.whole();
        change.before(store);
        ASSERT_EQ(vault.state(), change.from);
        KeyStore fused = vault.fused();
        must(change.change(fused));
        ASSERT_EQ(vault.state(), change.to);
        steps = vault.fuse.burnt;
    }
    ASSERT_GT(steps, 0);
    for (int cut = 0; cut < steps; ++cut) {
        SCOPED_TRACE(fmt::format("cut before step {} of {}", cut + 1, steps));
        Vault vault;
        KeyStore store = vault.whole();
        change.before(store);
        vault.fuse.left = cut;
        KeyStore fused = vault.fused();
        (void)change.change(fused);
        const std::string left = vault.state();
        EXPECT_TRUE(left == change.from || left == change.to) << left;
        if (left == change.from) {
            KeyStore again = vault.whole();
            EXPECT_THAT(change.change(again), Succeeds());
        }
        EXPECT_EQ(vault.state(), change.to);
    }
}

const auto kNothing = [](KeyStore&) {};
const auto kShelve = [](KeyStore& store) { must(store.shelve("kek1", {10, 20})); };

INSTANTIATE_TEST_SUITE_P(
    Changes, CutChange,
    testing::Values(
        Change{"Create", [](KeyStore& store) { must(store.remove(Shelf::live, "kek1")); },
               [](KeyStore& store) { return store.create(version(1)); }, "none", "1 enabled"},
        Change{"AddVersion", kNothing, [](KeyStore& store) { return store.put(version(2)); },
               "1 enabled", "2 enabled"},
        Change{"Disable", kNothing,
               [](KeyStore& store) {
                   KeyVersion key = version(1);
                   key.enabled = false;
                   return store.put(key);
               },
               "1 enabled", "1 disabled"},
        Change{"Delete", kNothing,
               [](KeyStore& store) {
                   return store.shelve("kek1", {10, 20});
               },
               "1 enabled", "deleted 1 enabled"},
        Change{"Recover", kShelve, [](KeyStore& store) { return store.recover("kek1"); },
               "deleted 1 enabled", "1 enabled"},
        Change{"Purge", kShelve,
               [](KeyStore& store) { return store.remove(Shelf::deleted, "kek1"); },
               "deleted 1 enabled", "none"}),
    [](const auto& test) { return test.param.name; });

TEST(KeyStore, SweepsWhatACutLeftBehind) {
    Vault vault;
    must(vault.whole().remove(Shelf::live, "kek1"));
    vault.fuse.left = 2;  // the hidden directory and its file, but not their place
    KeyStore fused = vault.fused();
    EXPECT_THAT(fused.create(version(1)), FailsWith(Errc::io));
    auto keys = must(vault.directory.directory().open_directory("keys"));
    EXPECT_EQ(must(keys->list()).size(), 1u);
    EXPECT_THAT(must(vault.whole().names(Shelf::live)), IsEmpty());
    must(vault.whole().create(version(1)));
    EXPECT_EQ(must(keys->list()).size(), 1u);
}

TEST(KeyVersion, RefusesFilesThatAreNot) {
    const std::string good = version(1).to_text();
    ASSERT_THAT(KeyVersion::parse(good, "good"), Succeeds());
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        const auto at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return text.replace(at, from.size(), to);
    };
    for (const std::string& bad :
         {with("\"sequence\": 1", "\"sequence\": 0"),
          with("\"sequence\": 1", "\"sequence\": 4294967296"),
          with("\"enabled\": true", "\"enabled\": 1"), with("\"kty\": \"RSA\"", "\"kty\": null"),
          with("\"e\": \"AQAB\"", "\"e\": \"\""), with("\"e\": \"AQAB\"", "\"e\": \"AQAB=\""),
          with("\"created\": 0", "\"exp\": -1, \"created\": 0"),
          with("\"created\": 0", "\"nbf\": \"x\", \"created\": 0"),
          with("\"created\": 0", "\"created\": 0.5"), with("\"tags\": {}", "\"tags\": []"),
          with("\"tags\": {}", "\"tags\": {\"a\": 1}"), with("\"wrapKey\"", "7"),
          with("\"sealed\"", "\"seald\""), good.substr(0, good.size() / 2), std::string()})
        EXPECT_THAT(KeyVersion::parse(bad, "bad"), FailsWith(Errc::damaged)) << bad;
}

}  // namespace
}  // namespace twofold::cloud

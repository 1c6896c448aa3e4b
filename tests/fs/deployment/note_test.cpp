#include "fs/deployment/note.h"

#include <nlohmann/json.hpp>

#include "tests/fs/deployment/samples.h"
#include "tests/support/matchers.h"
#include "tests/support/test_directory.h"

namespace twofold::fs {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(TrustNote, IsReadBackAsItWasWritten) {
    const TrustNote note = sample_note();
    EXPECT_EQ(must(TrustNote::parse(note.to_json(), "n")), note);
}

TEST(TrustNote, SaysWhichVaultKeepsTheAnchorsOrThatNoneDoes) {
    TrustNote note = sample_note();
    EXPECT_FALSE(must(TrustNote::parse(note.to_json(), "n")).anchors);
    note.anchors = AnchorVault{"contoso-kv.vault.azure.net", "an object id"};
    EXPECT_EQ(must(TrustNote::parse(note.to_json(), "n")), note);
    const json whole = json::parse(note.to_json(), nullptr, false);
    int refused = 0;
    const auto refuses = [&](const std::function<void(json&)>& spoil) {
        json bad = whole;
        spoil(bad["anchors"]);
        EXPECT_THAT(TrustNote::parse(bad.dump(), "n"), FailsWith(Errc::damaged)) << bad["anchors"];
        ++refused;
    };
    refuses([](json& anchors) { anchors = "vault"; });
    refuses([](json& anchors) { anchors = nullptr; });
    refuses([](json& anchors) { anchors.erase("vault"); });
    refuses([](json& anchors) { anchors.erase("identity"); });
    refuses([](json& anchors) { anchors["vault"] = 7; });
    refuses([](json& anchors) { anchors["vault"] = std::string(513, 'v'); });
    refuses([](json& anchors) { anchors["more"] = "x"; });
    EXPECT_EQ(refused, 7);
}

TEST(TrustNote, RefusesEachMemberThatIsMissingOrUnknown) {
    const json whole = json::parse(sample_note().to_json(), nullptr, false);
    for (const auto& [name, value] : whole.items()) {
        if (name == "layer1" || name == "layer2") continue;  // may be missing
        json without = whole;
        without.erase(name);
        EXPECT_THAT(TrustNote::parse(without.dump(), "n"), FailsWith(Errc::damaged)) << name;
    }
    json more = whole;
    more["disks"][0]["trusted"] = true;
    EXPECT_THAT(TrustNote::parse(more.dump(), "n"), FailsWith(Errc::damaged));
    json vaults = whole;
    vaults["layer1"]["vaults"] = {1};
    EXPECT_THAT(TrustNote::parse(vaults.dump(), "n"), FailsWith(Errc::damaged));
}

TEST(TrustNote, AStoreThatSaysTheSamePasses) {
    EXPECT_THAT(sample_note().check(sample_deployment()), Succeeds());
}

TEST(TrustNote, AStoreThatDiffersIsSubstituted) {
    const auto check = [](auto change) {
        Deployment deployment = sample_deployment();
        change(deployment);
        return sample_note().check(deployment);
    };
    EXPECT_THAT(check([](Deployment& d) { d.id = sample_uuid(9); }), FailsWith(Errc::substituted));
    EXPECT_THAT(check([](Deployment& d) { d.cloud = "/elsewhere"; }), FailsWith(Errc::substituted));
    EXPECT_THAT(check([](Deployment& d) { d.choices.profile = "plain"; }),
                FailsWith(Errc::substituted));
    EXPECT_THAT(check([](Deployment& d) { d.choices.customer_key = false; }),
                FailsWith(Errc::substituted));
    EXPECT_THAT(check([](Deployment& d) { d.layer2.reset(); }), FailsWith(Errc::substituted));
    EXPECT_THAT(check([](Deployment& d) { d.layer1->identity_id = "oid-2"; }),
                FailsWith(Errc::substituted));
    EXPECT_THAT(check([](Deployment& d) { d.layer2->identity_id = "oid-1"; }),
                FailsWith(Errc::substituted));
    EXPECT_THAT(check([](Deployment& d) { d.disks[1].name = "data1"; }),
                FailsWith(Errc::substituted));
    EXPECT_THAT(check([](Deployment& d) { d.disks[1].role = Role::os; }),
                FailsWith(Errc::substituted));
    EXPECT_THAT(check([](Deployment& d) { d.disks[1].node = "node1"; }),
                FailsWith(Errc::substituted));
}

TEST(LocalState, KeepsANoteForEachDeployment) {
    TestDirectory directory;
    const LocalState state(directory.path("state"));
    const TrustNote note = sample_note();
    ASSERT_THAT(state.save(note), Succeeds());
    EXPECT_EQ(must(state.load(note.deployment, "store")), note);
    TrustNote other = note;
    other.deployment = sample_uuid(0xd1);
    for (TrustedDisk& disk : other.disks) disk.note.deployment = other.deployment;
    ASSERT_THAT(state.save(other), Succeeds());
    EXPECT_EQ(must(state.load(note.deployment, "store")), note);
    ASSERT_THAT(state.forget(note.deployment), Succeeds());
    ASSERT_THAT(state.forget(note.deployment), Succeeds()) << "again";
    EXPECT_THAT(state.load(note.deployment, "store"), FailsWith(Errc::substituted));
    EXPECT_EQ(must(state.load(other.deployment, "store")), other);
}

TEST(LocalState, AnUnknownDeploymentNamesTheCommandThatTrustsIt) {
    TestDirectory directory;
    const auto unknown = LocalState(directory.path("none")).load(sample_uuid(1), "/the/store");
    ASSERT_THAT(unknown, FailsWith(Errc::substituted));
    EXPECT_THAT(unknown.error().line(), HasSubstr("twofold adopt /the/store"));
}

TEST(LocalState, RefusesTheNoteOfAnotherDeploymentUnderThisName) {
    TestDirectory directory;
    const LocalState state(directory.path());
    ASSERT_THAT(
        directory.directory().replace(sample_uuid(7).hex() + ".json", sample_note().to_json()),
        Succeeds());
    EXPECT_THAT(state.load(sample_uuid(7), "store"), FailsWith(Errc::damaged));
}

}  // namespace
}  // namespace twofold::fs

#include "fs/deployment/store.h"

#include <atomic>
#include <latch>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/fs/deployment/samples.h"
#include "tests/support/matchers.h"
#include "tests/support/test_directory.h"

namespace twofold::fs {
namespace {

using testing::HasSubstr;

Store make_store(const std::string& path) {
    NewStore fresh = must(NewStore::begin(path));
    return must(fresh.finish(sample_deployment()));
}

TEST(Store, IsMadeAndOpened) {
    TestDirectory directory;
    const Store made = make_store(directory.path("store"));
    EXPECT_EQ(made.deployment(), sample_deployment());
    EXPECT_EQ(must(Store::open(directory.path("store"))).deployment(), sample_deployment());
}

TEST(Store, MayBeMadeInAnEmptyDirectoryButNotInAFullOne) {
    TestDirectory directory;
    ASSERT_THAT(directory.directory().make_directory("empty"), Succeeds());
    make_store(directory.path("empty"));
    EXPECT_THAT(NewStore::begin(directory.path("empty")), FailsWith(Errc::exists));
    ASSERT_THAT(directory.directory().replace("file", "x"), Succeeds());
    EXPECT_THAT(NewStore::begin(directory.path("file")), FailsWith(Errc::exists));
    EXPECT_THAT(NewStore::begin(directory.path("no/such/parent")), FailsWith(Errc::not_found));
}

TEST(Store, ThatIsNotFinishedLeavesNothing) {
    TestDirectory directory;
    {
        NewStore fresh = must(NewStore::begin(directory.path("store")));
        ASSERT_THAT(must(fresh.keyring())->replace("layer1", "x"), Succeeds());
    }
    EXPECT_FALSE(must(directory.directory().exists("store")));
    ASSERT_THAT(directory.directory().make_directory("empty"), Succeeds());
    { NewStore fresh = must(NewStore::begin(directory.path("empty"))); }
    EXPECT_TRUE(must(must(directory.directory().open_directory("empty"))->list()).empty());
}

TEST(Store, OfTwoThatAreMadeInOnePlaceAtOnceOneIsLeftWhole) {
    TestDirectory directory;
    for (int round = 0; round < 50; ++round) {
        const std::string name = fmt::format("store{}", round);
        if (round % 2 == 0) must(directory.directory().make_directory(name));
        std::latch both(2);
        std::atomic<int> made = 0;
        const auto make = [&] {
            both.arrive_and_wait();
            auto fresh = NewStore::begin(directory.path(name));
            if (!fresh) return;
            ASSERT_THAT(must(fresh->keyring())->replace("layer1", "x"), Succeeds());
            ASSERT_THAT(fresh->finish(sample_deployment()), Succeeds());
            ++made;
        };
        {
            std::jthread other(make);
            make();
        }
        ASSERT_EQ(made, 1);
        const Store store = must(Store::open(directory.path(name)));
        EXPECT_TRUE(must(must(store.keyring())->exists("layer1")));
    }
}

TEST(Store, WhatIsNoneIsSaid) {
    TestDirectory directory;
    const auto none = Store::open(directory.path());
    ASSERT_THAT(none, FailsWith(Errc::invalid));
    EXPECT_THAT(none.error().line(), HasSubstr("not a twofold store"));
    EXPECT_THAT(Store::open(directory.path("missing")), FailsWith(Errc::not_found));
    ASSERT_THAT(directory.directory().replace("file", "x"), Succeeds());
    EXPECT_THAT(Store::open(directory.path("file")), FailsWith(Errc::invalid));
    ASSERT_THAT(directory.directory().replace("deployment.json", "{"), Succeeds());
    EXPECT_THAT(Store::open(directory.path()), FailsWith(Errc::damaged));
}

TEST(Store, OneCommandAtATimeChangesIt) {
    TestDirectory directory;
    const Store store = make_store(directory.path("store"));
    const auto held = must(store.lock());
    EXPECT_THAT(must(Store::open(directory.path("store"))).try_lock(), FailsWith(Errc::busy));
}

TEST(Store, AnUpdateIsSeenAfterReload) {
    TestDirectory directory;
    Store one = make_store(directory.path("store"));
    Store other = must(Store::open(directory.path("store")));
    Deployment changed = one.deployment();
    changed.disks.pop_back();
    ASSERT_THAT(one.update(changed), Succeeds());
    ASSERT_THAT(other.reload(), Succeeds());
    EXPECT_EQ(other.deployment(), changed);
}

TEST(Store, EventsAreOneJsonObjectALineWithTheVaultsTime) {
    TestDirectory directory;
    const Store store = make_store(directory.path("store"));
    store.note(0, {"mounted", {{"node", "node0"}, {"mountpoint", "/mnt/a\nb"}}});
    store.note(1, {"block-error", {{"bytes", "\xff"}, {"block", std::uint64_t{7}}}});
    const std::string text =
        must(must(io::open_posix_directory(store.path()))->read_text("events.jsonl", 4096));
    const auto first = nlohmann::json::parse(text.substr(0, text.find('\n')), nullptr, false);
    EXPECT_EQ(first["time"], "1970-01-01T00:00:00Z");
    EXPECT_EQ(first["event"], "mounted");
    EXPECT_EQ(first["mountpoint"], "/mnt/a\nb");
    const auto second = nlohmann::json::parse(text.substr(text.find('\n')), nullptr, false);
    EXPECT_EQ(second["block"], 7);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

}  // namespace
}  // namespace twofold::fs

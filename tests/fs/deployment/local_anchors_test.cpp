// Anchors as files of the local state directory.
#include "fs/deployment/local_anchors.h"

#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "fs/deployment/note.h"
#include "tests/fs/deployment/samples.h"
#include "tests/support/matchers.h"
#include "tests/support/test_directory.h"

namespace twofold::fs {
namespace {

class LocalAnchors : public testing::Test {
protected:
    std::unique_ptr<AnchorStore> anchor(const std::string& node, const std::string& disk,
                                        std::uint8_t deployment = 1) {
        return LocalState(state).anchor(sample_uuid(deployment), node, disk);
    }
    std::string file() const { return state + "/" + sample_uuid(1).hex() + "/anchors/node0/data0"; }
    static std::vector<std::byte> record(std::uint8_t fill, std::size_t size = 592) {
        return std::vector<std::byte>(size, std::byte{fill});
    }

    TestDirectory directory;
    const std::string state = directory.path("state");
};

TEST_F(LocalAnchors, AreFoundByDeploymentNodeAndDiskAlone) {
    EXPECT_EQ(must(anchor("node0", "data0")->load()), std::nullopt);
    EXPECT_FALSE(must(directory.directory().exists("state"))) << "a look makes nothing";
    must(anchor("node0", "data0")->save(record(1)));
    must(anchor("node0", "data1")->save(record(2)));
    must(anchor("node1", "data0")->save(record(3)));
    must(anchor("node0", "data0", 2)->save(record(4)));
    EXPECT_EQ(must(anchor("node0", "data0")->load()), record(1));
    EXPECT_EQ(must(anchor("node0", "data1")->load()), record(2));
    EXPECT_EQ(must(anchor("node1", "data0")->load()), record(3));
    EXPECT_EQ(must(anchor("node0", "data0", 2)->load()), record(4));
    must(anchor("node0", "data0")->save(record(5)));
    EXPECT_EQ(must(anchor("node0", "data0")->load()), record(5));
    must(anchor("node0", "data0")->forget());
    must(anchor("node0", "data0")->forget());
    EXPECT_EQ(must(anchor("node0", "data0")->load()), std::nullopt);
    EXPECT_EQ(must(anchor("node0", "data1")->load()), record(2));
}

TEST_F(LocalAnchors, AreReadUpToTheirLargestSizeAndNoFurther) {
    must(anchor("node0", "data0")->save(record(1, AnchorStore::kRecordSizeMax)));
    EXPECT_EQ(must(anchor("node0", "data0")->load()), record(1, AnchorStore::kRecordSizeMax));
    ASSERT_EQ(::truncate(file().c_str(), off_t{1} << 40), 0);
    EXPECT_THAT(anchor("node0", "data0")->load(), FailsWith(Errc::damaged));
}

// Whatever stands there is not followed, not waited for, and not taken for "none".
TEST_F(LocalAnchors, ThatAreNoFilesOfOurOwnAreRefused) {
    must(anchor("node0", "data1")->save(record(2)));
    const std::string other = state + "/" + sample_uuid(1).hex() + "/anchors/node0/data1";
    const std::pair<const char*, std::function<int()>> cases[] = {
        {"a link", [&] { return ::symlink(other.c_str(), file().c_str()); }},
        {"a link to nothing", [&] { return ::symlink("nowhere", file().c_str()); }},
        {"a pipe", [&] { return ::mkfifo(file().c_str(), 0600); }},
        {"a directory", [&] { return ::mkdir(file().c_str(), 0700); }},
        {"writable by others",
         [&] {
             must(anchor("node0", "data0")->save(record(1)));
             return ::chmod(file().c_str(), 0666);
         }},
    };
    for (const auto& [what, put] : cases) {
        ASSERT_EQ(put(), 0) << what;
        const auto loaded = anchor("node0", "data0")->load();
        ASSERT_FALSE(loaded) << what;
        EXPECT_NE(loaded.error().code, Errc::not_found) << what;
        EXPECT_EQ(loaded.error().what.find("anchor: "), 0u) << loaded.error().line();
        if (::rmdir(file().c_str()) != 0) {
            ASSERT_EQ(::unlink(file().c_str()), 0);
        }
    }
    const std::string node = state + "/" + sample_uuid(1).hex() + "/anchors/node1";
    ASSERT_EQ(::symlink("node0", node.c_str()), 0);
    EXPECT_FALSE(anchor("node1", "data1")->load()) << "nor is a link on the way";
}

}  // namespace
}  // namespace twofold::fs

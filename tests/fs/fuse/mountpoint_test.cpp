#include <sys/stat.h>
#include <unistd.h>

#include "fs/fuse/mount.h"
#include "tests/support/matchers.h"
#include "tests/support/test_directory.h"

namespace twofold::fs {
namespace {

class Mountpoint : public testing::Test {
protected:
    void SetUp() override { ASSERT_EQ(::mkdir(directory_.path("empty").c_str(), 0700), 0); }
    TestDirectory directory_;
};

TEST_F(Mountpoint, EmptyDirectoryIsOneByItsAbsolutePath) {
    EXPECT_EQ(must(check_mountpoint(directory_.path("empty"))), directory_.path("empty"));
    EXPECT_EQ(must(check_mountpoint(directory_.path("empty/../empty/"))), directory_.path("empty"));
    ASSERT_EQ(::symlink("empty", directory_.path("link").c_str()), 0);
    EXPECT_EQ(must(check_mountpoint(directory_.path("link"))), directory_.path("empty"));
}

TEST_F(Mountpoint, NothingElseIs) {
    EXPECT_THAT(check_mountpoint(directory_.path("missing")), FailsWith(Errc::not_found));
    EXPECT_THAT(check_mountpoint(directory_.path()), FailsWith(Errc::invalid));
    must(directory_.directory().replace("file", as_bytes("x")));
    EXPECT_THAT(check_mountpoint(directory_.path("file")), FailsWith(Errc::invalid));
    EXPECT_THAT(check_mountpoint("/proc"), FailsWith(Errc::busy));
    EXPECT_THAT(check_mountpoint(""), FailsWith(Errc::not_found));
}

TEST_F(Mountpoint, ErrorSaysWhatToDo) {
    const auto missing = check_mountpoint(directory_.path("missing"));
    EXPECT_THAT(missing.error().line(), testing::HasSubstr("mkdir"));
    EXPECT_THAT(check_mountpoint("/proc").error().line(), testing::HasSubstr("fusermount3 -u"));
}

}  // namespace
}  // namespace twofold::fs

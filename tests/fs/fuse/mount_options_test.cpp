#include <initializer_list>

#include "fs/fuse/mount.h"
#include "tests/support/matchers.h"

namespace twofold::fs {
namespace {

TEST(MountOptions, ListIsAdded) {
    MountOptions options;
    ASSERT_THAT(add_mount_options("allow_other,no_writeback_cache,,noatime,max_threads=3,umask=027",
                                  options),
                Succeeds());
    EXPECT_TRUE(options.allow_other);
    EXPECT_FALSE(options.writeback_cache);
    EXPECT_EQ(options.threads, 3U);
    EXPECT_EQ(options.umask, 027U);
    EXPECT_EQ(options.mount_flags, (std::vector<std::string>{"noatime"}));
    ASSERT_THAT(add_mount_options("ro,uid=5,gid=7,fsname=x,clone_fd", options), Succeeds());
    EXPECT_TRUE(options.read_only);
    EXPECT_EQ(options.uid, 5);
    EXPECT_EQ(options.gid, 7);
    EXPECT_EQ(options.fsname, "x");
    EXPECT_TRUE(options.clone_fd);
}

TEST(MountOptions, LaterOneWins) {
    MountOptions options;
    ASSERT_THAT(add_mount_options("ro,rw,no_writeback_cache,writeback_cache", options), Succeeds());
    EXPECT_FALSE(options.read_only);
    EXPECT_TRUE(options.writeback_cache);
}

TEST(MountOptions, WhatIsNotKnownOrOutOfBoundsIsRefused) {
    for (const char* list :
         {"wonders", "suid", "dev", "max_threads", "max_threads=0", "max_threads=65",
          "max_threads=-1", "max_threads=8x", "uid=4294967295", "umask=1000", "umask=9",
          "fsname=", "fsname=a\\b", "allow_other=1", "noatime,x=", "max_write=4096"}) {
        MountOptions options;
        EXPECT_THAT(add_mount_options(list, options), FailsWith(Errc::usage)) << list;
    }
}

}  // namespace
}  // namespace twofold::fs

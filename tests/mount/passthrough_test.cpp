#include <unistd.h>

#include <cstdlib>

#include "tests/mount/mounted.h"

// The yardstick program as a process of its own: as a daemon, ended by signals, run by an ordinary
// user.
namespace twofold::fs {
namespace {

class Passthrough : public testing::Test {
protected:
    void SetUp() override {
        TWOFOLD_NEEDS_FUSE();
        // A copy, so that a user who may not look into the build directory can run it.
        const std::string set_up =
            "install -m 755 " TWOFOLD_PASSTHROUGH
            " $D/passthrough && mkdir $D/m && chmod 755 $D && truncate -s 8M $D/disk.raw";
        ::setenv("D", directory_.path().c_str(), 1);
        ASSERT_THAT(shell(set_up), Worked());
        watch_.emplace(directory_.path("m"));
    }
    TestDirectory directory_;
    std::optional<UnmountWatch> watch_;  // gone, and done, before the directory
};

TEST_F(Passthrough, ReturnsWhenTheDiskCanBeUsedAndUnmounts) {
    EXPECT_THAT(shell(R"sh(set -e
        $D/passthrough $D/disk.raw $D/m
        echo content | dd of=$D/m/disk.img conv=notrunc status=none
        test "$(head -c 7 $D/m/disk.img)" = content
        fusermount3 -u $D/m
        for i in $(seq 200); do flock -n $D/disk.raw true && break; sleep 0.05; done
        test "$(head -c 7 $D/disk.raw)" = content)sh"),
                Worked());
}

TEST_F(Passthrough, SignalUnmountsAndLosesNothing) {
    for (const char* const signal : {"TERM", "INT", "HUP"}) {
        ::setenv("SIGNAL", signal, 1);
        EXPECT_THAT(shell(R"sh(set -e
            $D/passthrough -f $D/disk.raw $D/m & daemon=$!
            for i in $(seq 200); do test -e $D/m/disk.img && break; sleep 0.05; done
            seq 1 100000 > $D/text
            dd if=$D/text of=$D/m/disk.img conv=notrunc status=none
            kill -$SIGNAL $daemon; kill -$SIGNAL $daemon || true
            wait $daemon
            not mountpoint -q $D/m
            cmp -n $(stat -c %s $D/text) $D/text $D/disk.raw)sh"),
                    Worked())
            << signal;
    }
}

TEST_F(Passthrough, SignalWhileAFileIsOpenKeepsWhatWasWritten) {
    EXPECT_THAT(shell(R"sh(set -e
        $D/passthrough -f $D/disk.raw $D/m & daemon=$!
        for i in $(seq 200); do test -e $D/m/disk.img && break; sleep 0.05; done
        exec 9<>$D/m/disk.img
        seq 1 100000 | dd of=/dev/fd/9 conv=notrunc status=none bs=64k iflag=fullblock
        kill -TERM $daemon
        wait $daemon
        not mountpoint -q $D/m
        seq 1 100000 > $D/text
        cmp -n $(stat -c %s $D/text) $D/text $D/disk.raw
        not head -c 10 <&9)sh"),
                Worked());
}

// A private mount namespace made meanwhile keeps the file system alive; the daemon ends all the
// same.
TEST_F(Passthrough, SignalEndsItThoughAnotherNamespaceHoldsTheMount) {
    if (::geteuid() != 0) GTEST_SKIP() << "a mount namespace takes root";
    EXPECT_THAT(shell(R"sh(set -e
        $D/passthrough -f $D/disk.raw $D/m & daemon=$!
        for i in $(seq 200); do test -e $D/m/disk.img && break; sleep 0.05; done
        unshare --mount sleep 60 > /dev/null 2>&1 & other=$!
        sleep 0.2
        echo content | dd of=$D/m/disk.img conv=notrunc status=none
        kill -TERM $daemon
        wait $daemon
        kill $other
        test "$(head -c 7 $D/disk.raw)" = content)sh"),
                Worked());
}

TEST_F(Passthrough, TellsWhatIsWrongWithItsArguments) {
    const auto fails = [](const std::string& arguments, int code, const std::string& text) {
        const Outcome outcome = shell("$D/passthrough " + arguments);
        EXPECT_EQ(outcome.code, code) << arguments << ": " << outcome.text;
        EXPECT_THAT(outcome.text, testing::HasSubstr(text)) << arguments;
    };
    fails("--help", 0, "Example");
    fails("", 2, "FILE");
    fails("-o wonders $D/disk.raw $D/m", 2, "mount option wonders");
    fails("$D/missing $D/m", 1, "missing");
    fails("$D/disk.raw $D/nowhere", 1, "does not exist");
    fails("$D/disk.raw $D/disk.raw", 1, "not a directory");
    fails("$D/disk.raw $D", 1, "not empty");
    ASSERT_THAT(shell("truncate -s 8M $D/other.raw; $D/passthrough $D/disk.raw $D/m"), Worked());
    fails("$D/disk.raw $D/m", 5, "");
    fails("$D/other.raw $D/m", 5, "in use");
    ASSERT_THAT(shell("fusermount3 -u $D/m"), Worked());
}

// The daemon died: the mount point says so, and the cure that the message names works.
TEST_F(Passthrough, DeadMountIsBusyAndCanBeCleared) {
    EXPECT_THAT(shell(R"sh(set -e
        $D/passthrough -f $D/disk.raw $D/m & daemon=$!
        for i in $(seq 200); do test -e $D/m/disk.img && break; sleep 0.05; done
        kill -KILL $daemon; wait $daemon || true
        code=0; $D/passthrough $D/disk.raw $D/m 2> $D/error || code=$?
        test $code = 5; grep -q 'fusermount3 -u' $D/error
        fusermount3 -u $D/m
        $D/passthrough $D/disk.raw $D/m
        fusermount3 -u $D/m)sh"),
                Worked());
}

// As "nobody" where the test itself is root: in a mount namespace of its own, with a /dev/fuse that
// everybody may open, as udev makes it on an ordinary machine.
class OrdinaryUser : public Passthrough {
protected:
    static Outcome as_user(const std::string& script) {
        if (::geteuid() != 0) return shell("set -e; U=\n" + script);
        ::setenv("SCRIPT", ("set -e; U='setpriv --reuid nobody --clear-groups'\n" + script).c_str(),
                 1);
        return shell(R"sh(set -e
            chown nobody $D/m $D/disk.raw
            mknod -m 666 $D/fuse c 10 229
            unshare --mount sh -c 'not() { ! "$@"; }; mount --bind $D/fuse /dev/fuse; eval "$SCRIPT"')sh");
    }
};

TEST_F(OrdinaryUser, MountsAndUnmounts) {
    EXPECT_THAT(as_user(R"sh(
        $U $D/passthrough $D/disk.raw $D/m
        echo content | $U dd of=$D/m/disk.img conv=notrunc status=none
        not $U dd if=/dev/zero of=$D/m/disk.img bs=1M seek=8 count=1 conv=notrunc,fsync
        test $($U stat -c %s $D/m/disk.img) = 8388608
        $U fusermount3 -u $D/m
        for i in $(seq 200); do flock -n $D/disk.raw true && break; sleep 0.05; done
        test "$(head -c 7 $D/disk.raw)" = content)sh"),
                Worked());
}

TEST_F(OrdinaryUser, DaemonStopsOnASignal) {
    EXPECT_THAT(as_user(R"sh(
        $U $D/passthrough -f $D/disk.raw $D/m & daemon=$!
        for i in $(seq 200); do grep -q " $D/m " /proc/self/mounts && break; sleep 0.05; done
        echo content | $U dd of=$D/m/disk.img conv=notrunc status=none
        kill -TERM $daemon
        wait $daemon
        not grep -q " $D/m " /proc/self/mounts
        test "$(head -c 7 $D/disk.raw)" = content)sh"),
                Worked());
}

}  // namespace
}  // namespace twofold::fs

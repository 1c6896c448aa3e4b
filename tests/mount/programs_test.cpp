#include <unistd.h>

#include <cstdlib>

#include "tests/mount/mounted.h"

// Unmodified programs on mounted disks.
namespace twofold::fs {
namespace {

struct DeviceCase {
    const char* name;
    std::unique_ptr<BlockDevice> (*make)(std::uint64_t size);
};

class Programs : public testing::TestWithParam<DeviceCase> {
protected:
    static constexpr std::uint64_t kSize = 64 << 20;

    void SetUp() override {
        TWOFOLD_NEEDS_FUSE();
        device_ = GetParam().make(kSize);
        plain_ = memory_device(kSize);
        mounted_ = std::make_unique<Mounted>(
            std::vector<ServedDisk>{{"data0", device_.get()}, {"plain0", plain_.get()}},
            MountOptions{});
        ::setenv("DISK", mounted_->file("data0").c_str(), 1);
        ::setenv("PLAIN", mounted_->file("plain0").c_str(), 1);
        ::setenv("SCRATCH", scratch_.path().c_str(), 1);
    }

    TestDirectory scratch_;
    std::unique_ptr<BlockDevice> device_, plain_;
    std::unique_ptr<Mounted> mounted_;
};
INSTANTIATE_TEST_SUITE_P(Mount, Programs,
                         testing::Values(DeviceCase{"Plain", &memory_device},
                                         DeviceCase{"OneLayer", &one_layer_device},
                                         DeviceCase{"TwoLayers", &two_layer_device}),
                         [](const auto& test) { return test.param.name; });

TEST_P(Programs, DdAndCmp) {
    EXPECT_THAT(shell(R"sh(set -e
        dd if=/dev/urandom of=$SCRATCH/data bs=1M count=64 status=none
        dd if=$SCRATCH/data of=$DISK bs=1M conv=notrunc,fsync status=none
        cmp $SCRATCH/data $DISK
        dd if=$DISK of=$SCRATCH/back bs=1M iflag=direct status=none
        cmp $SCRATCH/data $SCRATCH/back
        cp $DISK $SCRATCH/copy && cmp $SCRATCH/data $SCRATCH/copy)sh"),
                Worked());
}

TEST_P(Programs, DdPastTheEndFails) {
    const Outcome outcome =
        shell("dd if=/dev/zero of=$DISK bs=1M seek=63 count=3 conv=notrunc,fsync");
    EXPECT_NE(outcome.code, 0);
    EXPECT_THAT(outcome.text, testing::HasSubstr("File too large"));
    EXPECT_THAT(shell("test $(stat -c %s $DISK) = 67108864"), Worked());
}

// An application does the same on an encrypted and on a plain disk, and cannot tell them apart.
TEST_P(Programs, K7_SameProgramOnAnEncryptedAndAPlainDiskSideBySide) {
    EXPECT_THAT(shell(R"sh(set -e
        for disk in $DISK $PLAIN; do
            seq 1 200000 | dd of=$disk conv=notrunc,fsync iflag=fullblock bs=64K status=none
            fallocate -p -o 65536 -l 8192 $disk
            printf text | dd of=$disk bs=1 seek=5000 conv=notrunc status=none
        done
        cmp $DISK $PLAIN
        test "$(sha256sum < $DISK)" = "$(sha256sum < $PLAIN)")sh"),
                Worked());
}

TEST_P(Programs, Ext4OnALoopDevice) {
    if (::geteuid() != 0) GTEST_SKIP() << "a loop device takes root";
    EXPECT_THAT(shell(R"sh(set -e
        mkdir $SCRATCH/ext4 $SCRATCH/tree
        for i in $(seq 1 300); do seq $i $((i * 20)) > $SCRATCH/tree/$i; done
        mkfs.ext4 -q -F $DISK
        loop=$(losetup -f --show $DISK)
        trap 'umount $SCRATCH/ext4 2>/dev/null || true; losetup -d $loop' EXIT
        mount $loop $SCRATCH/ext4
        cp -r $SCRATCH/tree $SCRATCH/ext4/
        diff -r $SCRATCH/tree $SCRATCH/ext4/tree
        rm $SCRATCH/ext4/tree/1*
        fstrim $SCRATCH/ext4
        umount $SCRATCH/ext4
        e2fsck -fn $loop
        mount $loop $SCRATCH/ext4
        cmp $SCRATCH/tree/222 $SCRATCH/ext4/tree/222
        umount $SCRATCH/ext4)sh"),
                Worked());
    EXPECT_THAT(shell("e2fsck -fn $DISK"), Worked());
}

TEST_P(Programs, FioVerifiesWhatItWrote) {
    const std::string fio =
        "cd $SCRATCH && fio --verify_state_save=0 --name=verify --filename=$DISK --size=32m "
        "--verify=crc32c --verify_fatal=1 "
        "--ioengine=psync --thread --bsrange=4k-256k --rw=randrw --io_size=32m ";
    EXPECT_THAT(shell(fio + "--direct=0 --fsync=64"), Worked());
    EXPECT_THAT(shell(fio + "--direct=1"), Worked());
    EXPECT_THAT(shell("cd $SCRATCH && fio --verify_state_save=0 --name=async --filename=$DISK "
                      "--size=32m --verify=crc32c --rw=write "
                      "--verify_fatal=1 --ioengine=libaio --iodepth=8 --direct=1 --bs=64k"),
                Worked());
}

}  // namespace
}  // namespace twofold::fs

#include "fs/fuse/disk_files.h"

#include <fcntl.h>
#include <linux/falloc.h>

#include <vector>

#include "fs/block/file_device.h"
#include "tests/support/matchers.h"

namespace twofold::fs {
namespace {

constexpr std::uint64_t kSize = 1 << 20;
constexpr Inode kDisk{2};

class Files : public testing::Test {
protected:
    void open(MountOptions options = {}, io::Access access = io::Access::read_write) {
        device_ = must(FileDevice::open(io::make_memory_file(kSize), access));
        files_ = must(DiskFiles::create({{"data0", device_.get()}}, options));
    }
    Result<Written> write(std::uint64_t at, std::size_t length, AcrossEnd across) {
        return files_->write(kDisk, at, std::vector<std::byte>(length, std::byte{7}), across);
    }
    std::unique_ptr<FileDevice> device_;
    std::unique_ptr<DiskFiles> files_;
};

TEST_F(Files, AreFoundByNameAndByNothingElse) {
    open();
    EXPECT_EQ(must(files_->lookup("data0.img")), kDisk);
    for (const char* name : {"data0", "data0.img ", "DATA0.img", "", "."})
        EXPECT_THAT(files_->lookup(name), FailsWith(Errc::not_found)) << name;
    EXPECT_THAT(files_->attributes(Inode{3}), FailsWith(Errc::not_found));
    EXPECT_THAT(files_->attributes(Inode{0}), FailsWith(Errc::not_found));
}

TEST_F(Files, NamesAreUniqueAndSingleComponents) {
    open();
    BlockDevice* const device = device_.get();
    for (const std::string name : {"", ".", "..", "a/b", ".hidden", "a b", "a\nb"})
        EXPECT_THAT(DiskFiles::create({{name, device}}, {}), FailsWith(Errc::invalid)) << name;
    EXPECT_THAT(DiskFiles::create({{"a", device}, {"a", device}}, {}), FailsWith(Errc::invalid));
}

TEST_F(Files, HaveOwnerAndModeOfTheOptions) {
    MountOptions options;
    options.uid = 12;
    options.gid = 34;
    options.umask = 027;
    open(options);
    const auto st = must(files_->attributes(kDisk));
    EXPECT_EQ(st.st_uid, 12U);
    EXPECT_EQ(st.st_gid, 34U);
    EXPECT_EQ(st.st_mode, static_cast<mode_t>(S_IFREG | 0640));
    EXPECT_EQ(must(files_->attributes(kRootInode)).st_mode, static_cast<mode_t>(S_IFDIR | 0750));
}

TEST_F(Files, ReadOnlyDiskHasNoWriteBitsAndTakesNoWrites) {
    open({}, io::Access::read_only);
    EXPECT_EQ(must(files_->attributes(kDisk)).st_mode, static_cast<mode_t>(S_IFREG | 0400));
    EXPECT_THAT(files_->open(kDisk, O_RDWR), FailsWith(Errc::read_only));
    EXPECT_THAT(files_->open(kDisk, O_RDONLY), Succeeds());
    EXPECT_THAT(write(0, 1, AcrossEnd::shorten), FailsWith(Errc::read_only));
    EXPECT_THAT(files_->allocate(kDisk, 0, 0, 1), FailsWith(Errc::read_only));
}

TEST_F(Files, WriteAcrossTheEndIsShortenedOrRefusedWithTheInsideWritten) {
    for (const AcrossEnd across : {AcrossEnd::shorten, AcrossEnd::refuse}) {
        open();
        const auto written = write(kSize - 10, 30, across);
        if (across == AcrossEnd::shorten) {
            EXPECT_EQ(must(written).size, 10U);
        } else {
            EXPECT_THAT(written, FailsWith(Errc::too_big));
        }
        const auto got = must(files_->read(kDisk, kSize - 10, 30));
        EXPECT_TRUE(equal(got.used(), std::vector<std::byte>(10, std::byte{7})));
    }
}

TEST_F(Files, WritePastTheEndIsRefusedWhereverItBegins) {
    open();
    for (const std::uint64_t at : {kSize, kSize + 1, ~std::uint64_t{0}, std::uint64_t{1} << 63})
        for (const AcrossEnd across : {AcrossEnd::shorten, AcrossEnd::refuse})
            EXPECT_THAT(write(at, 30, across), FailsWith(Errc::too_big)) << at;
    EXPECT_EQ(files_->report().writes_past_end, 8U);
    EXPECT_EQ(files_->report().writes_failed, 0U);
}

TEST_F(Files, ReadPastTheEndIsEmpty) {
    open();
    for (const std::uint64_t at : {kSize, kSize + 1, ~std::uint64_t{0}})
        EXPECT_EQ(must(files_->read(kDisk, at, 100)).used().size(), 0U);
    EXPECT_THAT(files_->read(kDisk, 0, kRequestMax + 1), FailsWith(Errc::invalid));
}

TEST_F(Files, OnlyThePresentSizeCanBeSet) {
    open();
    EXPECT_THAT(files_->set_attributes(kDisk, {.size = kSize}), Succeeds());
    EXPECT_THAT(files_->set_attributes(kDisk, {.size = kSize - 1}), FailsWith(Errc::not_permitted));
    EXPECT_THAT(files_->set_attributes(kDisk, {.size = 0, .modified = 5}),
                FailsWith(Errc::not_permitted));
    EXPECT_NE(must(files_->attributes(kDisk)).st_mtim.tv_nsec, 5);
    EXPECT_EQ(must(files_->set_attributes(kDisk, {.modified = 5})).st_mtim.tv_nsec, 5);
}

TEST_F(Files, RangesOfFallocateDoNotOverflow) {
    open();
    const std::uint64_t huge = ~std::uint64_t{0};
    constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    EXPECT_THAT(files_->allocate(kDisk, kPunch, 4096, huge), Succeeds());
    EXPECT_THAT(files_->allocate(kDisk, kPunch, huge, huge), Succeeds());
    EXPECT_THAT(files_->allocate(kDisk, 0, 4096, huge), FailsWith(Errc::too_big));
    EXPECT_THAT(files_->allocate(kDisk, FALLOC_FL_ZERO_RANGE, huge, 1), FailsWith(Errc::too_big));
    EXPECT_THAT(files_->allocate(kDisk, 0x40, 0, 4096), FailsWith(Errc::unsupported));
}

TEST_F(Files, HolesAndDataAlternate) {
    open();
    ASSERT_THAT(write(128 << 10, 4096, AcrossEnd::shorten), Succeeds());
    EXPECT_EQ(must(files_->next_data(kDisk, 0)), 128U << 10);
    EXPECT_EQ(must(files_->next_data(kDisk, (128 << 10) + 5)), (128U << 10) + 5);
    EXPECT_EQ(must(files_->next_hole(kDisk, 0)), 0U);
    EXPECT_GE(*must(files_->next_hole(kDisk, 128 << 10)), (128U << 10) + 4096);
    EXPECT_EQ(must(files_->next_data(kDisk, kSize)), std::nullopt);
    EXPECT_EQ(must(files_->next_hole(kDisk, kSize)), std::nullopt);
}

TEST_F(Files, HoleAfterDataThatReachesTheEndIsTheEnd) {
    open();
    for (std::uint64_t at = 0; at < kSize; at += 65536)
        ASSERT_THAT(write(at, 65536, AcrossEnd::shorten), Succeeds());
    EXPECT_EQ(must(files_->next_hole(kDisk, 100)), kSize);
}

}  // namespace
}  // namespace twofold::fs

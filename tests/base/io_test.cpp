#include "base/io/io.h"

#include <sys/stat.h>
#include <unistd.h>

#include <numeric>

#include "tests/support/matchers.h"
#include "tests/support/test_directory.h"

namespace twofold::io {
namespace {

// Every File keeps the same contract.
struct FileCase {
    std::string name;
    std::function<std::unique_ptr<File>(TestDirectory&)> make;
};
std::string case_name(const testing::TestParamInfo<FileCase>& info) { return info.param.name; }

class FileContract : public testing::TestWithParam<FileCase> {
protected:
    TestDirectory directory_;
    std::unique_ptr<File> file_ = GetParam().make(directory_);
};

std::vector<std::byte> pattern(std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
    return bytes;
}

TEST_P(FileContract, ReadsBackManyPartsAcrossPages) {
    ASSERT_THAT(file_->resize(1 << 22), Succeeds());
    const auto data = pattern(700 * 4096);
    std::vector<Bytes> parts;
    for (std::size_t i = 0; i < 700; ++i) parts.push_back(Bytes(data).subspan(i * 4096, 4096));
    parts.insert(parts.begin() + 3, Bytes());  // empty parts are allowed
    ASSERT_THAT(file_->write(1000, parts), Succeeds());
    std::vector<std::byte> out(data.size());
    ASSERT_THAT(file_->read(1000, out), Succeeds());
    EXPECT_EQ(out, data);
}

TEST_P(FileContract, FailsToReadPastTheEndRatherThanInventZeros) {
    ASSERT_THAT(file_->resize(4096), Succeeds());
    std::vector<std::byte> out(4097);
    EXPECT_THAT(file_->read(0, out), FailsWith(Errc::damaged));
    EXPECT_THAT(file_->read(4096, MutableBytes(out).first(1)), FailsWith(Errc::damaged));
}

TEST_P(FileContract, PunchedAndAllocatedRangesReadAsZero) {
    ASSERT_THAT(file_->resize(3 * 4096), Succeeds());
    const auto data = pattern(3 * 4096);
    ASSERT_THAT(file_->write(0, data), Succeeds());
    ASSERT_THAT(file_->punch(4096, 4096), Succeeds());
    ASSERT_THAT(file_->allocate(3 * 4096, 4096), Succeeds());
    ASSERT_THAT(file_->sync(), Succeeds());
    ASSERT_THAT(file_->drop_cache(), Succeeds());
    EXPECT_EQ(must(file_->size()), 4 * 4096U);
    std::vector<std::byte> out(4 * 4096);
    ASSERT_THAT(file_->read(0, out), Succeeds());
    EXPECT_TRUE(equal(Bytes(out).first(4096), Bytes(data).first(4096)));
    EXPECT_TRUE(all_zero(Bytes(out).subspan(4096, 4096)));
    EXPECT_TRUE(equal(Bytes(out).subspan(8192, 4096), Bytes(data).subspan(8192, 4096)));
    EXPECT_TRUE(all_zero(Bytes(out).subspan(3 * 4096)));
}

TEST_P(FileContract, FindsDataBehindAHole) {
    ASSERT_THAT(file_->resize(1 << 22), Succeeds());
    EXPECT_EQ(must(file_->next_data(0)), std::nullopt);
    ASSERT_THAT(file_->write(1 << 20, pattern(4096)), Succeeds());
    const auto at = must(file_->next_data(0));
    ASSERT_TRUE(at.has_value());
    EXPECT_LE(*at, std::uint64_t{1} << 20);
    EXPECT_GT(*at, 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Files, FileContract,
    testing::Values(FileCase{"Memory", [](TestDirectory&) { return make_memory_file(0); }},
                    FileCase{"Posix",
                             [](TestDirectory& d) {
                                 return must(d.directory().open_file("f", Access::read_write,
                                                                     Create::must_not_exist,
                                                                     Lock::exclusive));
                             }}),
    case_name);

TEST(PosixDirectory, ReplacesWholeFilesAndLeavesNoTemporaries) {
    TestDirectory d;
    ASSERT_THAT(d.directory().replace("a", "one"), Succeeds());
    ASSERT_THAT(d.directory().replace("a", "two"), Succeeds());
    ASSERT_THAT(d.directory().append("a", as_bytes("!")), Succeeds());
    EXPECT_EQ(must(d.directory().read_text("a", 100)), "two!");
    EXPECT_EQ(must(d.directory().list()).size(), 1U);
    EXPECT_THAT(d.directory().read("a", 3), FailsWith(Errc::damaged));
    EXPECT_THAT(d.directory().read("b", 3), FailsWith(Errc::not_found));
}

TEST(PosixDirectory, FollowsNoLinksAndOpensOnlyRegularFiles) {
    TestDirectory d;
    ASSERT_THAT(d.directory().replace("target", "secret"), Succeeds());
    ASSERT_EQ(symlink("target", d.path("link").c_str()), 0);
    ASSERT_EQ(mkfifo(d.path("fifo").c_str(), 0600), 0);
    ASSERT_EQ(symlink(".", d.path("dirlink").c_str()), 0);
    EXPECT_THAT(d.directory().read("link", 100), FailsWith(Errc::invalid));
    EXPECT_THAT(d.directory().read("fifo", 100), FailsWith(Errc::invalid));
    EXPECT_THAT(d.directory().append("fifo", as_bytes("x")), FailsWith(Errc::invalid));
    EXPECT_THAT(d.directory().open_directory("dirlink"), FailsWith(Errc::invalid));
    for (const char* name : {"", ".", "..", "a/b", "/etc/passwd"})
        EXPECT_THAT(d.directory().read(name, 100), FailsWith(Errc::invalid)) << name;
    ASSERT_EQ(chmod(d.path("target").c_str(), 0666), 0);
    EXPECT_THAT(d.directory().read("target", 100), FailsWith(Errc::invalid));
}

TEST(PosixDirectory, RenamesADirectoryButNeverOverAnother) {
    TestDirectory d;
    auto from = must(d.directory().ensure_directory("keys"));
    auto to = must(d.directory().ensure_directory("deleted"));
    ASSERT_THAT(from->make_directory("k"), Succeeds());
    ASSERT_THAT(from->rename("k", *to, "k"), Succeeds());
    EXPECT_TRUE(must(to->exists("k")));
    ASSERT_THAT(from->make_directory("k"), Succeeds());
    EXPECT_THAT(from->rename("k", *to, "k"), FailsWith(Errc::exists));
    ASSERT_THAT(d.directory().remove_tree("deleted"), Succeeds());
    EXPECT_FALSE(must(d.directory().exists("deleted")));
}

TEST(PosixDirectory, LocksExcludeEachOtherAlsoThroughAHardLink) {
    TestDirectory d;
    auto held = must(d.directory().lock("lock", false));
    EXPECT_THAT(d.directory().lock("lock", false), FailsWith(Errc::busy));
    held.reset();
    EXPECT_THAT(d.directory().lock("lock", false), Succeeds());

    auto image = must(d.directory().open_file("img", Access::read_write, Create::if_missing,
                                              Lock::exclusive));
    ASSERT_EQ(link(d.path("img").c_str(), d.path("other").c_str()), 0);
    EXPECT_THAT(d.directory().open_file("other", Access::read_write, Create::no, Lock::exclusive),
                FailsWith(Errc::busy));
}

}  // namespace
}  // namespace twofold::io

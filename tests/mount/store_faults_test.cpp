// Errors of the store beneath a mounted disk, as its users see them (fault model, section 4): a
// failed write or sync stops that disk for good and no other, reads go on, one event tells why.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "tests/mount/mounted.h"
#include "tests/support/faulty_file.h"
#include "tests/support/test_disks.h"

namespace twofold::fs {
namespace {

using Call = FileCall::Kind;

class StoreFaults : public testing::Test {
protected:
    struct Store {
        TestDisk disk{{512, 300, 64, 8}};
        std::mutex mutex;
        FileFault fault;               // guarded by mutex
        std::atomic<int> stopped = 0;  // events

        Store() {
            disk.real_time = true;
            disk.options.background = true;
            // Of its own accord it writes nothing while a test lasts: a fault meets what it is for.
            disk.options.soft_commit_every = std::chrono::hours(1);
            disk.options.commit_every = std::chrono::hours(1);
            disk.options.on_event = [this](const DiskEvent& event) {
                if (event.kind == DiskEvent::Kind::stopped) ++stopped;
            };
            disk.wrap = [this](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
                return std::make_unique<FaultyFile>(std::move(file), [this](FileCall& call) {
                    FileFault now;
                    {
                        const std::scoped_lock hold(mutex);
                        now = fault;
                    }
                    return now ? now(call) : Result<void>();
                });
            };
            disk.open();
        }
        void set_fault(FileFault now) {
            const std::scoped_lock hold(mutex);
            fault = std::move(now);
        }
        // EIO for the next call of that kind alone, or ENOSPC.
        void fail_once(Call kind, int error = EIO) {
            set_fault([this, kind, error](FileCall& call) -> Result<void> {
                if (call.kind != kind) return {};
                set_fault({});
                return fail_errno(error, "injected");
            });
        }
    };

    void SetUp() override {
        TWOFOLD_NEEDS_FUSE();
        std::vector<ServedDisk> served;
        served.push_back({"good", good_.disk.disk.get()});
        served.push_back({"bad", bad_.disk.disk.get()});
        MountOptions options;
        options.writeback_cache = false;
        mounted_.emplace(std::move(served), std::move(options));
    }

    UniqueFd open(const std::string& disk) {
        return UniqueFd(::open(mounted_->file(disk).c_str(), O_RDWR | O_DIRECT));
    }
    // errno of writing one block and of fsync; 0: worked.
    int write(const std::string& disk, std::uint64_t offset = 0) {
        const UniqueFd fd = open(disk);
        return write_at(fd.get(), offset, pattern(4096, offset)) ? 0 : errno;
    }
    int sync(const std::string& disk) {
        const UniqueFd fd = open(disk);
        return ::fsync(fd.get()) == 0 ? 0 : errno;
    }
    bool reads_back(const std::string& disk, std::uint64_t offset = 0) {
        const UniqueFd fd = open(disk);
        Aligned got(4096);
        return read_at(fd.get(), offset, got) && got == pattern(4096, offset);
    }

    Store good_, bad_;
    std::optional<Mounted> mounted_;
};

TEST_F(StoreFaults, D3_AFailedSyncIsEioForGoodWhileReadsAndTheOtherDiskGoOn) {
    ASSERT_EQ(write("bad"), 0);
    ASSERT_EQ(sync("bad"), 0);
    ASSERT_EQ(write("bad", 8192), 0);
    bad_.fail_once(Call::sync);
    EXPECT_EQ(sync("bad"), EIO);
    EXPECT_EQ(sync("bad"), EIO) << "the store works again: no retry turns it into success";
    EXPECT_EQ(write("bad", 4096), EIO);
    EXPECT_TRUE(reads_back("bad"));
    EXPECT_TRUE(reads_back("bad", 8192));
    EXPECT_EQ(bad_.stopped, 1);
    EXPECT_EQ(write("good"), 0);
    EXPECT_EQ(sync("good"), 0);
    EXPECT_TRUE(reads_back("good"));
    EXPECT_EQ(good_.stopped, 0);
    EXPECT_THAT(mounted_->stop(), FailsWith(Errc::stopped)) << "the end of the mount says so, too";
    bad_.disk.open();
    Aligned got(4096);
    EXPECT_THAT(bad_.disk.disk->read(ByteOffset{0}, {got.data(), got.size()}), Succeeds());
    EXPECT_EQ(got, pattern(4096, 0)) << "what was synced is there";
}

TEST_F(StoreFaults, D3_AFailedWriteStopsTheDisk) {
    ASSERT_EQ(write("bad"), 0);
    ASSERT_EQ(sync("bad"), 0);
    bad_.fail_once(Call::write);
    EXPECT_EQ(write("bad", 4096), EIO);
    EXPECT_EQ(write("bad", 4096), EIO);
    EXPECT_EQ(sync("bad"), EIO);
    EXPECT_TRUE(reads_back("bad"));
    EXPECT_EQ(bad_.stopped, 1);
    EXPECT_THAT(mounted_->stop(), FailsWith(Errc::stopped));
}

TEST_F(StoreFaults, AFullStoreIsEnospcForThatWriteAlone) {
    ASSERT_EQ(write("bad"), 0);
    ASSERT_EQ(sync("bad"), 0);
    bad_.fail_once(Call::write, ENOSPC);
    EXPECT_EQ(write("bad", 4096), ENOSPC);
    EXPECT_EQ(write("bad", 4096), 0);
    EXPECT_EQ(sync("bad"), 0);
    EXPECT_TRUE(reads_back("bad", 4096));
    EXPECT_EQ(bad_.stopped, 0);
    EXPECT_THAT(mounted_->stop(), Succeeds());
}

TEST_F(StoreFaults, AFailedReadIsEioForThatReadAlone) {
    ASSERT_EQ(write("bad"), 0);
    ASSERT_EQ(write("bad", 4096), 0);
    ASSERT_EQ(sync("bad"), 0);
    bad_.fail_once(Call::read);
    EXPECT_FALSE(reads_back("bad"));
    EXPECT_TRUE(reads_back("bad"));
    EXPECT_TRUE(reads_back("bad", 4096));
    EXPECT_EQ(bad_.stopped, 0);
    EXPECT_THAT(mounted_->stop(), Succeeds());
}

TEST_F(StoreFaults, AStoreThatDoesNotAnswerHoldsUpNoOtherDisk) {
    ASSERT_EQ(write("bad"), 0);
    std::atomic<bool> stalled = false, released = false;
    bad_.set_fault([&](FileCall& call) -> Result<void> {
        if (call.kind != Call::sync) return {};
        stalled = true;
        stalled.notify_all();
        released.wait(false);
        return {};
    });
    std::thread waiting([&] { EXPECT_EQ(sync("bad"), 0); });
    stalled.wait(false);
    EXPECT_EQ(write("good"), 0);
    EXPECT_EQ(sync("good"), 0);
    EXPECT_TRUE(reads_back("good"));
    EXPECT_TRUE(reads_back("bad")) << "nor reads of its own";
    released = true;
    released.notify_all();
    waiting.join();
    bad_.set_fault({});
    EXPECT_THAT(mounted_->stop(), Succeeds());
}

}  // namespace
}  // namespace twofold::fs

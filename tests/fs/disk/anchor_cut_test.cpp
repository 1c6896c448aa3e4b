// An anchor is never ahead of its image, whatever a cut leaves of that.
#include <gtest/gtest.h>

#include "tests/support/recording_file.h"
#include "tests/support/test_disks.h"

namespace twofold {
namespace {

constexpr DiskShape kShape{16, 8, 8, 1};

class AnchorCut : public testing::Test {
protected:
    AnchorCut() : start(disk.image) {
        records.emplace_back(0, disk.anchors->record());
        disk.anchors->saved = [this](Bytes) {
            records.emplace_back(trace->operations().size(), disk.anchors->record());
        };
        disk.wrap = [this](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
            return std::make_unique<RecordingFile>(std::move(file), trace);
        };
        disk.use_anchor();
        disk.open();
    }
    void checkpoint() {
        disk.pass(std::chrono::seconds(1));
        must(disk.disk->tick());
        disk.pass(std::chrono::seconds(31));
        must(disk.disk->tick());
    }

    std::shared_ptr<Trace> trace = std::make_shared<Trace>();
    TestDisk disk{kShape};
    MemoryImage start;
    // Each anchor that was kept, and how many operations of the trace came before.
    std::vector<std::pair<std::size_t, MemoryAnchors::Record>> records;
};

// Cases 14c: at every operation, with everything written since the last sync on the device, and
// with nothing of it.
TEST_F(AnchorCut, IsNeverAheadOfTheImage) {
    must(disk.write(1, 0xa1));
    must(disk.sync());
    checkpoint();
    must(disk.write(1, 0xa2));
    disk.reopen();
    must(disk.write(2, 0xb1));
    must(disk.soft_commit());
    disk.kill();
    disk.open();
    must(disk.write(2, 0xb2));
    disk.close();

    int cuts = 0;
    PowerCut cut(start, trace->operations());
    TestDisk after(kShape);
    after.note = disk.note;
    after.use_anchor();
    for (std::size_t index = 0, next = 0; index <= cut.size() && !HasFailure(); ++index) {
        cut.advance(index);
        // An anchor that is being kept may be there, and may not.
        for (; next < records.size() && records[next].first <= index; ++next)
            ;
        const std::size_t oldest =
            next > 1 && records[next - 1].first == index ? next - 2 : next - 1;
        for (std::size_t record = oldest; record < next; ++record)
            for (const MemoryImage& image : {cut.everything(), cut.nothing_unsynced()}) {
                SCOPED_TRACE("before operation " + std::to_string(index) + ", anchor " +
                             std::to_string(record));
                after.kill();
                after.image = image;
                after.anchors->put(records[record].second);
                EXPECT_THAT(after.try_open(), Succeeds());
                ++cuts;
            }
    }
    std::cout << cuts << " states\n";
    EXPECT_GT(cuts, 100);
}

}  // namespace
}  // namespace twofold

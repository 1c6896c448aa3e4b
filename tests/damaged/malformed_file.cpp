// Files that are too short, too long, or no image.
#include <fmt/format.h>

#include "tests/damaged/bench.h"
#include "tests/support/matchers.h"

namespace twofold::damage {

std::vector<Malformed> malformed_files() {
    std::vector<Malformed> all;
    const auto resized = [&](std::string name, std::string what,
                             std::function<std::uint64_t(const fs::Layout&)> size) {
        all.push_back({"file-" + std::move(name), std::move(what),
                       [size](Bench& b) { must(b.file().resize(size(b.layout()))); }});
    };
    const std::pair<std::uint64_t, const char*> sizes[] = {
        {0, "empty"},
        {1, "one byte"},
        {4095, "ends in the static sector"},
        {4096, "ends after the static sector"},
        {65535, "ends in header copy A"},
        {65536, "header copy A and nothing else"},
        {69632, "ends after one superblock"},
        {102400, "ends before header copy B"},
        {524288 + 4096, "ends in header copy B"},
        {589824, "ends before the second replicas"},
        {593920, "ends between the second replicas"},
        {1048576, "ends before the log"},
        {1048576 + 4096, "ends in the log"},
    };
    for (const auto& [size, what] : sizes)
        resized(fmt::format("of-{}", size), what, [size](const fs::Layout&) { return size; });
    resized("ends-before-segment-table", "cut where the segment table starts",
            [](const fs::Layout& l) { return l.segment_table_offset(0); });
    resized("ends-in-segment-table", "cut between the copies of the segment table",
            [](const fs::Layout& l) { return l.segment_table_offset(1); });
    resized("ends-before-pool-table", "cut where the pool table starts",
            [](const fs::Layout& l) { return l.pool_table_offset(0); });
    resized("ends-before-data", "cut where the first segment starts",
            [](const fs::Layout& l) { return l.segment_offset(fs::Segment{0}); });
    resized("ends-in-leaves", "cut between the copies of the leaves",
            [](const fs::Layout& l) { return l.leaf_offset(fs::LeafIndex{0}, 1); });
    resized("ends-before-slots", "cut where the slots start",
            [](const fs::Layout& l) { return l.slot_offset(fs::Slot{0}); });
    resized("a-sector-short", "4 KiB short",
            [](const fs::Layout& l) { return l.file_size() - 4096; });
    resized("a-byte-short", "one byte short",
            [](const fs::Layout& l) { return l.file_size() - 1; });
    resized("a-byte-long", "one byte long: harmless",
            [](const fs::Layout& l) { return l.file_size() + 1; });
    resized("a-segment-long", "a segment long, as growth that was cut leaves it: harmless",
            [](const fs::Layout& l) { return l.file_size() + fs::kSegmentSize; });
    resized("16-tib", "extended to 16 TiB, sparse: harmless",
            [](const fs::Layout&) { return std::uint64_t{1} << 44; });
    all.push_back({"file-of-zeros", "as long as an image, all zeros", [](Bench& b) {
                       const std::uint64_t size = must(b.file().size());
                       must(b.file().resize(0));
                       must(b.file().resize(size));
                   }});
    return all;
}

}  // namespace twofold::damage

#include "tests/powercut/machine.h"

namespace twofold::powercut {
namespace {

fs::Limits limits() {
    fs::Limits limits = fs::Limits::tiny();
    limits.blocks_max = fs::Limits::production().blocks_max;
    return limits;
}

}  // namespace

Machine::Machine(const DiskShape& shape, const Layers& layers, std::uint64_t seed)
    : shape_(shape),
      layers_(layers),
      layout_(must(fs::Layout::create(shape.blocks, {shape.pool, shape.log, shape.segments_max},
                                      limits()))) {
    options_.limits = limits();
    options_.background = false;
    Recording recording;
    recording.view = &made_;
    Recorder file(recording);
    SeededRandom random(seed);
    const FixedClock clock;
    note_ = must(fs::create_disk(file, shape.spec(layers), keys_, random, clock, options_.limits),
                 "create");
}

Result<std::unique_ptr<Mount>> Machine::mount(Recording& recording, bool read_only,
                                              std::uint64_t random_seed) {
    auto mount = std::make_unique<Mount>(random_seed);
    options_.read_only = read_only;
    TF_ASSIGN(mount->disk, fs::EncryptedDisk::open(std::make_unique<Recorder>(recording), keys_,
                                                   note_, mount->random, mount->clock, options_));
    return mount;
}

// Header copies, superblocks, the map and its tables, and the log with the slots.
std::uint32_t Machine::group_of(std::uint64_t offset) const {
    constexpr std::uint32_t kHeaders = 1, kSuperblocks = 2, kMap = 3, kEpoch = 4;
    if (offset < fs::kMebibyte)
        return offset % (512 * 1024) < fs::kHeaderSize ? kHeaders : kSuperblocks;
    if (offset < layout_.segment_table_offset(0)) return kEpoch;
    if (offset < layout_.segment_offset(fs::Segment{0})) return kMap;
    const std::uint64_t within =
        (offset - layout_.segment_offset(fs::Segment{0})) % fs::kSegmentSize;
    return within < fs::kSegmentMetadataSize ? kMap : kEpoch;
}

}  // namespace twofold::powercut

#include "tests/powercut/machine.h"

#include "fs/disk/envelope_sector.h"
#include "fs/disk/static_sector.h"

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
    options_.anchor_every_flush = seed % 2 == 1;
    Recording recording;
    recording.view = &made_;
    Recorder file(recording);
    SeededRandom random(seed);
    const FixedClock clock;
    note_ = must(fs::create_disk(file, shape.spec(layers), keys_, random, clock, options_.limits,
                                 {recording.anchors, "node", "disk"}),
                 "create");
    first_anchor_ = recording.anchors->record().value();
}

Result<std::unique_ptr<Mount>> Machine::mount(Recording& recording, bool read_only,
                                              std::uint64_t random_seed) {
    auto mount = std::make_unique<Mount>(random_seed);
    options_.read_only = read_only;
    options_.anchor = {recording.anchors, "node", "disk"};
    TF_ASSIGN(mount->disk, fs::EncryptedDisk::open(std::make_unique<Recorder>(recording), keys_,
                                                   note_, mount->random, mount->clock, options_));
    return mount;
}

Result<void> Machine::check_envelopes(const Overlay& image) {
    if (!watch_envelopes_) return {};
    const auto sector = [&](std::uint64_t offset) {
        return std::span<const std::byte, fs::kSectorSize>(image.at(offset), fs::kSectorSize);
    };
    for (const fs::HeaderCopy copy : {fs::HeaderCopy::a, fs::HeaderCopy::b}) {
        const auto facts = fs::StaticSector::parse(sector(fs::header_offset(copy)));
        if (!facts) continue;
        for (const crypto::Layer layer : {crypto::Layer::one, crypto::Layer::two}) {
            if (!facts->active().has(layer)) continue;
            bool lives = false;
            for (const std::uint8_t slot : {std::uint8_t{0}, std::uint8_t{1}}) {
                const fs::EnvelopePlace place{layer, facts->active().layer(layer).bank, slot};
                const auto found = fs::EnvelopeSector::parse(sector(place.offset(copy)));
                lives = lives || (found && *found && keys_.unwrap(layer, (*found)->envelope));
            }
            if (!lives)
                return fail(Errc::failed, "header copy {}: no live envelope of layer {}",
                            copy == fs::HeaderCopy::a ? "A" : "B", static_cast<int>(layer));
        }
    }
    return {};
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

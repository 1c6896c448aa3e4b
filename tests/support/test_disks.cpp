#include "tests/support/test_disks.h"

#include <algorithm>

namespace twofold {

using fs::Suite;

Layers two_layers() { return {"TwoLayers", Suite::aes_256_xts, Suite::xchacha20_poly1305}; }
Layers one_layer() { return {"OneLayer", Suite::xaes_256_gcm, Suite::none}; }

std::vector<Layers> all_layers() {
    return {two_layers(),
            one_layer(),
            {"XChaChaAsLayer1", Suite::xchacha20_poly1305, Suite::none},
            {"XChaChaAsLayer2", Suite::none, Suite::xchacha20_poly1305},
            {"GcmAroundXChaCha", Suite::xaes_256_gcm, Suite::xchacha20_poly1305},
            {"XChaChaAroundGcm", Suite::xchacha20_poly1305, Suite::xaes_256_gcm},
            {"XtsAroundGcm", Suite::aes_256_xts, Suite::xaes_256_gcm}};
}

fs::DiskSpec DiskShape::spec(const Layers& layers) const {
    fs::DiskSpec spec;
    spec.deployment.bytes.fill(std::byte{0xde});
    spec.label = "test";
    spec.block_count = blocks;
    spec.layer1 = layers.layer1;
    spec.layer2 = layers.layer2;
    spec.pool_slots = pool;
    spec.log_pages = log;
    spec.segments_max = segments_max;
    return spec;
}

TestDisk::TestDisk(DiskShape shape, const Layers& layers, std::uint64_t seed)
    : wrap([](std::unique_ptr<io::File> file) { return file; }), random(seed) {
    options.limits = fs::Limits::tiny();
    options.limits.blocks_max = fs::Limits::production().blocks_max;
    options.background = false;
    options.on_event = [this](const fs::DiskEvent& event) { events.push_back(event); };
    const auto file = image.open();
    note = must(fs::create_disk(*file, shape.spec(layers), keys, random, clock, options.limits,
                                anchor_place()),
                "create");
}

Result<void> TestDisk::try_open() {
    disk.reset();
    const Clock& time = real_time ? static_cast<const Clock&>(system_clock) : clock;
    TF_ASSIGN(disk, fs::EncryptedDisk::open(wrap(image.open()), keys, note, random, time, options));
    return {};
}

Result<void> TestDisk::write(std::uint64_t block, std::uint8_t fill, std::uint64_t count) {
    const std::vector<std::byte> data(count * fs::kBlockSize, std::byte{fill});
    return disk->write(fs::ByteOffset{block * fs::kBlockSize}, data);
}

Result<void> TestDisk::zero(std::uint64_t block, std::uint64_t count) {
    return disk->zero(fs::ByteOffset{block * fs::kBlockSize}, count * fs::kBlockSize);
}

Result<std::uint8_t> TestDisk::read(std::uint64_t block) {
    std::array<std::byte, fs::kBlockSize> out;
    TF_TRY(disk->read(fs::ByteOffset{block * fs::kBlockSize}, out));
    if (!std::ranges::all_of(out, [&](std::byte b) { return b == out[0]; }))
        return fail(Errc::failed, "block {}: a mixture", block);
    return static_cast<std::uint8_t>(out[0]);
}

std::uint64_t TestDisk::slot_offset(std::uint64_t block) {
    return must(disk->look(fs::BlockIndex{block}), "look").file_offset;
}

bool TestDisk::has_event(fs::DiskEvent::Kind kind) const {
    return std::ranges::any_of(events, [&](const auto& event) { return event.kind == kind; });
}

}  // namespace twofold

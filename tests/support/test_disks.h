#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "fs/disk/encrypted_disk.h"
#include "tests/support/fixed_keys.h"
#include "tests/support/memory_anchors.h"
#include "tests/support/memory_image.h"

namespace twofold {

// The layers that a test disk has.
struct Layers {
    std::string name;
    fs::Suite layer1, layer2;
};
inline void PrintTo(const Layers& layers, std::ostream* out) { *out << layers.name; }
Layers two_layers();
Layers one_layer();
std::vector<Layers> all_layers();  // every shape that the format allows

struct DiskShape {
    std::uint64_t blocks = 256;
    std::uint32_t pool = 64, log = 16, segments_max = 8;
    fs::DiskSpec spec(const Layers& layers) const;
};

// A disk on an image in memory that outlives it, so that a test may cut, damage and reopen it. All
// time and randomness follow from the seed. Without threads of its own, unless the options ask for
// them.
class TestDisk {
public:
    explicit TestDisk(DiskShape shape = {}, const Layers& layers = two_layers(),
                      std::uint64_t seed = 1);  // made, not opened

    // Opens the image; a disk that is still open is dropped first, as by kill -9.
    Result<void> try_open();
    void open() { must(try_open(), "open"); }
    void close() {
        must(disk->close(), "close");
        disk.reset();
    }
    void reopen() {
        close();
        open();
    }
    void kill() { disk.reset(); }
    // From the next open() on the anchor is compared and kept; without, only the first one exists.
    void use_anchor() { options.anchor = anchor_place(); }
    fs::AnchorPlace anchor_place() const { return {anchors, "node0", "test"}; }

    // Whole blocks whose every byte is `fill`; blocks of zeros that were never written read as 0.
    Result<void> write(std::uint64_t block, std::uint8_t fill, std::uint64_t count = 1);
    Result<void> zero(std::uint64_t block, std::uint64_t count = 1);
    Result<std::uint8_t> read(std::uint64_t block);  // Errc::failed: not all the same byte
    Result<void> sync() { return disk->flush(fs::Durability::synced); }
    Result<void> soft_commit() { return disk->flush(fs::Durability::committed); }
    void pass(std::chrono::nanoseconds time) { clock.passed += time; }
    // The file offset of the slot that holds the block now.
    std::uint64_t slot_offset(std::uint64_t block);
    bool has_event(fs::DiskEvent::Kind kind) const;

    MemoryImage image;
    std::shared_ptr<MemoryAnchors> anchors = std::make_shared<MemoryAnchors>();
    // What the disk gets instead of the bare image: a recorder, a fault.
    std::function<std::unique_ptr<io::File>(std::unique_ptr<io::File>)> wrap;
    InsecureTestKeys keys;
    SeededRandom random;
    FixedClock clock;
    bool real_time = false;  // instead of `clock`, from the next open() on: for tests with threads
    SystemClock system_clock;
    fs::OpenOptions options;
    fs::DiskNote note;
    std::vector<fs::DiskEvent> events;
    std::unique_ptr<fs::EncryptedDisk> disk;
};

}  // namespace twofold

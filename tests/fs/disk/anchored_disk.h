#pragma once

#include <gtest/gtest.h>

#include "fs/disk/anchor.h"
#include "tests/support/test_disks.h"

namespace twofold {

// An image and the anchor that went with it.
struct Moment {
    MemoryImage image;
    MemoryAnchors::Record anchor;
};

// A small disk whose anchor is kept in memory, and a few words to exchange either of them. Tests
// write to one block and look at what it holds.
class AnchoredDiskTest : public testing::Test {
protected:
    static constexpr DiskShape kShape{32, 16, 16, 1};
    static constexpr std::uint64_t kBlock = 5;
    using Anchor = fs::Anchor;
    using Call = MemoryAnchors::Call;
    using Kind = fs::DiskEvent::Kind;

    AnchoredDiskTest() : disk(kShape) { disk.use_anchor(); }

    Moment now() const { return {disk.image, disk.anchors->record()}; }
    void put(const Moment& moment) {
        disk.kill();
        disk.image = moment.image;
        disk.anchors->put(moment.anchor);
    }
    Result<void> open_with(const MemoryImage& image, const MemoryAnchors::Record& anchor) {
        put({image, anchor});
        return disk.try_open();
    }
    Anchor anchor() const { return must(Anchor::parse(*disk.anchors->record())); }
    void put_text(std::uint8_t fill) {
        must(disk.write(kBlock, fill));
        must(disk.sync());
    }
    void checkpoint() {
        disk.pass(std::chrono::seconds(31));
        must(disk.disk->tick());
        disk.pass(std::chrono::seconds(31));
        must(disk.disk->tick());
    }
    // As `twofold adopt` does it.
    Result<void> adopt() {
        disk.kill();
        const auto options = disk.options;
        disk.options.read_only = disk.options.adopt = true;
        auto taken = disk.try_open();
        if (taken) taken = disk.disk->take_anchor();
        disk.kill();
        disk.options = options;
        return taken;
    }
    static std::vector<std::byte> sector(const MemoryImage& image, std::uint64_t offset) {
        std::vector<std::byte> bytes(fs::kSectorSize);
        image.read(offset, bytes);
        return bytes;
    }

    TestDisk disk;
};

}  // namespace twofold

#pragma once

#include <algorithm>
#include <functional>
#include <memory>

#include "fs/disk/encrypted_disk.h"
#include "fs/disk/header.h"
#include "tests/support/fixed_keys.h"
#include "tests/support/matchers.h"

namespace twofold::fs {

// One image in memory, shared by every File over it, so that it can be reopened after a cut.
class SharedFile final : public io::ForwardingFile {
public:
    explicit SharedFile(std::shared_ptr<io::File> image)
        : io::ForwardingFile(io::make_memory_file(0)), image_(std::move(image)) {}
    using io::File::read;
    using io::File::write;
    Result<std::uint64_t> size() override { return image_->size(); }
    Result<void> read(std::uint64_t offset, std::span<const MutableBytes> parts) override {
        return image_->read(offset, parts);
    }
    Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override {
        return image_->write(offset, parts);
    }
    Result<void> sync() override { return image_->sync(); }
    Result<void> resize(std::uint64_t size) override { return image_->resize(size); }

private:
    std::shared_ptr<io::File> image_;
};

// A small disk with two layers, and a few words to damage its header and open it again.
class HeaderTest : public testing::Test {
protected:
    void SetUp() override { create(DiskSpec{}); }

    static DiskSpec small(DiskSpec spec) {
        spec.deployment.bytes.fill(std::byte{0xde});
        spec.label = "data-0";
        spec.block_count = 70;
        spec.pool_slots = 4;
        spec.log_pages = 4;
        spec.segments_max = 16;
        return spec;
    }
    void create(const DiskSpec& spec) {
        file = io::make_memory_file(0);
        SeededRandom seeded(1);
        note = must(create_disk(*file, small(spec), keys, seeded, clock, Limits::tiny()));
    }
    Result<Header::Opened> open() {
        return Header::open(*file, keys, note, Limits::tiny(), Libraries::fastest);
    }
    // What is wrong with a header that opens all the same, as lines.
    std::vector<std::string> damage() {
        std::vector<std::string> out;
        const auto opened = must(open());
        for (const HeaderDamage& d : opened.header->damage()) out.push_back(d.text);
        return out;
    }

    PageBytes sector(HeaderCopy copy, std::size_t n) {
        PageBytes page;
        must(file->read(header_offset(copy) + n * kSectorSize, MutableBytes(page)));
        return page;
    }
    void set_sector(HeaderCopy copy, std::size_t n, const PageBytes& page) {
        must(file->write(header_offset(copy) + n * kSectorSize, Bytes(page)));
    }
    void set_both(std::size_t n, const PageBytes& page) {
        set_sector(HeaderCopy::a, n, page);
        set_sector(HeaderCopy::b, n, page);
    }
    void flip(HeaderCopy copy, std::size_t n, std::size_t byte, std::uint8_t mask = 1) {
        PageBytes page = sector(copy, n);
        page[byte] ^= std::byte{mask};
        set_sector(copy, n, page);
    }
    void flip_both(std::size_t n, std::size_t byte, std::uint8_t mask = 1) {
        flip(HeaderCopy::a, n, byte, mask);
        flip(HeaderCopy::b, n, byte, mask);
    }
    bool copies_equal() {
        for (std::size_t n = 0; n < kHeaderSectors; ++n)
            if (sector(HeaderCopy::a, n) != sector(HeaderCopy::b, n)) return false;
        return true;
    }
    static std::uint32_t place(crypto::Layer layer, std::uint8_t slot) {
        return EnvelopePlace{layer, 0, slot}.sector();
    }
    static std::vector<std::byte> bytes_of(std::string_view text) {
        const Bytes b = as_bytes(text);
        return {b.begin(), b.end()};
    }
    // A record that the test keys open, told apart by its end.
    std::vector<std::byte> record(crypto::Layer layer, std::string_view end) {
        std::vector<std::byte> out = keys.record_of(layer);
        const Bytes b = as_bytes(end);
        out.insert(out.end(), b.begin(), b.end());
        return out;
    }

    InsecureTestKeys keys;
    FixedClock clock;
    SeededRandom random{2};
    std::shared_ptr<io::File> file;
    DiskNote note;
};

}  // namespace twofold::fs

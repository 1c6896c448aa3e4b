// A whole small image with patches: opened for reading or writing, read, checked, written to. With
// the MACs made right again it is what a holder of all keys, or a bug, could have written: then any
// error will do, but no crash, and no block that nobody wrote.
#include "fs/disk/check.h"
#include "fs/disk/header.h"
#include "fs/disk/inspect.h"
#include "fs/disk/log_page.h"
#include "tests/fs/disk/contents.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"

namespace twofold::fuzz {

using fs::kSectorSize;
using fs::PageBytes;

namespace {

constexpr DiskShape kDisk{16, 6, 6, 1};
constexpr std::uint64_t kVersions = 40;  // of block contents, that the base image was given

// A disk with a tree, discarded blocks, synced epochs in its log and soft ones behind them.
class Base {
public:
    Base() : disk_(kDisk) {
        disk_.open();
        write(1, 12);
        must(disk_.zero(2, 3));
        must(disk_.sync());
        disk_.reopen();
        write(13, 26);
        must(disk_.sync());
        write(27, 33);
        must(disk_.soft_commit());
        write(34, kVersions);
        must(disk_.soft_commit());
        disk_.kill();
        image_ = disk_.image;
        auto opened = must(fs::Header::open(*image_.open(), disk_.keys, disk_.note,
                                            disk_.options.limits, fs::Libraries::fastest));
        shape_ = opened.header->facts().shape;
        disk_id_ = opened.header->facts().disk;
        keys_.emplace(std::move(opened.keys));
    }

    TestDisk& fresh() {
        disk_.kill();
        disk_.events.clear();
        disk_.image = image_;
        disk_.options.read_only = disk_.options.observe = false;
        return disk_;
    }
    fs::Layout layout() const {
        return must(fs::Layout::create(kDisk.blocks, shape_, fs::Limits::tiny()));
    }
    const fs::VolumeMacs& macs() const { return keys_->macs(); }
    const Uuid& disk_id() const { return disk_id_; }

private:
    void write(std::uint64_t from, std::uint64_t to) {
        for (std::uint64_t version = from; version <= to; ++version) {
            const std::uint64_t block = version * 7 % kDisk.blocks;
            must(disk_.disk->write(fs::offset_of(fs::BlockIndex{block}),
                                   contents_of(block, version)));
        }
    }
    TestDisk disk_;
    MemoryImage image_;
    fs::Shape shape_;
    Uuid disk_id_;
    std::optional<fs::DiskKeys> keys_;
};

// The sectors where something is: an offset of an input chooses among them.
std::vector<std::uint64_t> sectors_of(const fs::Layout& layout) {
    std::vector<std::uint64_t> all;
    const auto add = [&](std::uint64_t offset, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) all.push_back(offset + i * kSectorSize);
    };
    for (const auto copy : {fs::HeaderCopy::a, fs::HeaderCopy::b}) add(fs::header_offset(copy), 9);
    for (std::uint64_t parity = 0; parity < 2; ++parity)
        for (std::uint32_t replica = 0; replica < 2; ++replica)
            add(fs::superblock_offset(parity, replica), 1);
    add(fs::kLogOffset, layout.shape().log_pages);
    for (std::uint32_t copy = 0; copy < 2; ++copy) {
        add(layout.segment_table_offset(copy), 1);
        add(layout.pool_table_offset(copy), 1);
        add(layout.node_offset(fs::Segment{0}, copy), 1);
        add(layout.leaf_offset(fs::LeafIndex{0}, copy), 1);
    }
    add(layout.slot_offset(fs::Slot{0}), layout.slot_count());
    return all;
}

// Makes every MAC right, from the leaves up: what a writer of these bytes would have put there.
class Resealer {
public:
    Resealer(MemoryImage& image, const Base& base)
        : image_(image), base_(base), layout_(base.layout()) {}

    void run() {
        for (std::uint64_t page = 0; page < layout_.shape().log_pages; ++page) {
            const std::uint64_t at = fs::kLogOffset + page * kSectorSize;
            PageBytes bytes = read(at);
            if (all_zero(Bytes(bytes).first(8))) continue;
            set_page_mac(bytes, 64, 32, base_.macs().log);
            image_.write(at, bytes);
        }
        for (std::uint64_t parity = 0; parity < 2; ++parity)
            for (std::uint32_t replica = 0; replica < 2; ++replica)
                superblock(fs::superblock_offset(parity, replica));
    }

private:
    PageBytes read(std::uint64_t at) const {
        PageBytes bytes;
        image_.read(at, bytes);
        return bytes;
    }

    void superblock(std::uint64_t at) {
        PageBytes bytes = read(at);
        const auto shown = fs::Superblock::peek(bytes);
        if (!shown) return;
        const std::uint32_t segment_copy = shown->segment_table_copy & 1;
        const fs::Root root = segment_table(layout_.segment_table_offset(segment_copy));
        std::ranges::copy(root, bytes.begin() + 136);
        const fs::PoolMac pool = pool_mac(layout_.pool_table_offset(shown->pool_table_copy & 1));
        std::ranges::copy(pool, bytes.begin() + 168);
        base_.macs().super.mac(Bytes(bytes).first(480), MutableBytes(bytes).subspan(480, 32));
        image_.write(at, bytes);
    }

    fs::Root segment_table(std::uint64_t at) {
        PageBytes table = read(at);
        child(MutableBytes(table).first<fs::kReferenceSize>(),
              [&](std::uint32_t copy) { return node(layout_.node_offset(fs::Segment{0}, copy)); });
        image_.write(at, table);
        return keyed(base_.macs().root, 1, Bytes(table).first(fs::kReferenceSize));
    }

    fs::PoolMac pool_mac(std::uint64_t at) const {
        const PageBytes table = read(at);
        return keyed(base_.macs().pool, layout_.shape().pool_slots,
                     Bytes(table).first(layout_.shape().pool_slots * 8));
    }

    crypto::Digest keyed(const crypto::Blake2b& mac, std::uint64_t count, Bytes covered) const {
        std::array<std::byte, 8> number{};
        Writer(number).u64_le(count);
        const std::array<Bytes, 3> parts{base_.disk_id().bytes, number, covered};
        crypto::Digest out{};
        mac.mac(parts, out);
        return out;
    }

    // Puts into a reference what its child now is, unless the reference is implicit.
    template <class Reseal>
    static void child(std::span<std::byte, fs::kReferenceSize> reference, Reseal reseal) {
        const std::uint64_t packed = Reader(Bytes(reference)).u64_le();
        if (packed / 2 == 0) return;
        const PageBytes page = reseal(static_cast<std::uint32_t>(packed % 2));
        // Generation and MAC are those of the page; the copy stays.
        const std::uint64_t generation = Reader(Bytes(page).subspan(16, 8)).u64_le();
        Writer w(reference);
        w.u64_le(generation * 2 + packed % 2);
        w.bytes(Bytes(page).subspan(40, 24));
    }

    PageBytes node(std::uint64_t at) {
        PageBytes page = read(at);
        child(MutableBytes(page).subspan<64, fs::kReferenceSize>(), [&](std::uint32_t copy) {
            const std::uint64_t leaf_at = layout_.leaf_offset(fs::LeafIndex{0}, copy);
            PageBytes leaf = read(leaf_at);
            set_page_mac(leaf, 40, 24, base_.macs().node);
            image_.write(leaf_at, leaf);
            return leaf;
        });
        set_page_mac(page, 40, 24, base_.macs().node);
        image_.write(at, page);
        return page;
    }

    MemoryImage& image_;
    const Base& base_;
    fs::Layout layout_;
};

// Whatever is returned was written to that block once, by the base or by us.
void read_all(TestDisk& disk) {
    std::vector<std::byte> block(fs::kBlockSize);
    for (std::uint64_t b = 0; b < disk.disk->geometry().block_count && b < kDisk.blocks; ++b) {
        if (!disk.disk->read(fs::offset_of(fs::BlockIndex{b}), block)) continue;
        const std::uint64_t version = Reader(block).u64_le();
        TF_CHECK(version <= kVersions + 1);
        TF_CHECK(equal(block, contents_of(b, version)));
    }
}

void use(TestDisk& disk) {
    for (const std::uint64_t block : {std::uint64_t{3}, std::uint64_t{9}})
        (void)disk.disk->write(fs::offset_of(fs::BlockIndex{block}),
                               contents_of(block, kVersions + 1));
    (void)disk.zero(5, 2);
    (void)disk.soft_commit();
    (void)disk.sync();
    disk.pass(std::chrono::seconds(40));
    (void)disk.disk->tick();
    read_all(disk);
    (void)disk.disk->close();
}

}  // namespace

// mode, then patches: sector, offset in it, length, bytes.
void fuzz_image(Bytes bytes) {
    static Base* const base = new Base;
    static const auto* const sectors = new std::vector<std::uint64_t>(sectors_of(base->layout()));
    Input input(bytes);
    const std::uint8_t mode = input.u8();
    TestDisk& disk = base->fresh();
    while (!input.empty()) {
        const std::uint64_t sector = (*sectors)[input.u8() % sectors->size()];
        const std::uint16_t at = input.u16() % kSectorSize;
        const Bytes patch = input.bytes(std::min<std::size_t>(input.u8(), kSectorSize - at));
        disk.image.write(sector + at, patch);
    }
    if ((mode & 1) != 0) Resealer(disk.image, *base).run();
    (void)fs::inspect_image(*disk.image.open(), fs::Limits::tiny());
    fs::CheckOptions check;
    check.limits = fs::Limits::tiny();
    (void)fs::check_disk(*disk.image.open(), disk.keys, disk.note, disk.random, disk.clock, check);
    disk.options.read_only = (mode & 2) != 0;
    if (!disk.try_open()) return;
    read_all(disk);
    (void)disk.disk->check_map();
    if ((mode & 2) == 0) use(disk);
    disk.kill();
}

}  // namespace twofold::fuzz

#include "fs/disk/superblock.h"

#include "fs/disk/rule.h"

namespace twofold::fs {

namespace {

constexpr std::string_view kMagic = "TFSB";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kCovered = 480;  // bytes under the check value
constexpr std::size_t kUnit = 512;     // all that counts lies in it
constexpr std::size_t kReserved = 256;
static_assert(kCovered + 32 == kUnit);

using SectorView = std::span<const std::byte, kSectorSize>;

// What the check value covers: nothing outside the first unit (D-30).
std::array<Bytes, 2> covered(SectorView sector) {
    const bool one_unit = !broken(Rule::superblock_counts_in_one_unit);
    return {Bytes(sector).first(kCovered), Bytes(sector).subspan(one_unit ? kSectorSize : kUnit)};
}

struct Decoded {
    Superblock superblock;
    std::uint32_t state = 0;
    bool zeros = false;  // every byte that must be zero is
};

Decoded decode(SectorView sector) {
    Decoded out;
    Superblock& s = out.superblock;
    Reader r(Bytes(sector).first(kCovered));
    r.bytes(kMagic.size() + sizeof kVersion);
    s.generation = r.u64_le();
    r.into(std::span(s.disk.bytes));
    s.block_count = r.u64_le();
    s.segment_count = r.u64_le();
    s.mount_counter = r.u64_le();
    s.settled_epoch = r.u64_le();
    out.state = r.u32_le();
    s.state = static_cast<Superblock::State>(out.state);
    s.segment_table_copy = r.u8();
    s.pool_table_copy = r.u8();
    out.zeros = r.zeros(2);
    s.min_header_generation = r.u64_le();
    r.into(std::span(s.log_salt));
    s.log_start = r.u64_le();
    r.into(std::span(s.chain));
    r.into(std::span(s.root));
    r.into(std::span(s.pool_mac));
    s.migrate_from = r.u32_le();
    s.migrate_to = r.u32_le();
    s.migrate_next = r.u64_le();
    s.wall_clock = static_cast<std::int64_t>(r.u64_le());
    out.zeros = r.zeros(kReserved) && out.zeros;
    TF_CHECK(r.left() == 0);
    return out;
}

// What an authentic superblock must say besides.
Result<void> check_fields(const Decoded& decoded, const Shape& shape, const Limits& limits) {
    const Superblock& s = decoded.superblock;
    const auto wrong = [](std::string_view field) {
        return fail(Errc::corrupt, "superblock: {} is impossible", field);
    };
    if (decoded.state != 1 && decoded.state != 2) return wrong("state");
    if (s.segment_table_copy > 1 || s.pool_table_copy > 1) return wrong("table copy");
    if (!decoded.zeros) return wrong("reserved field");
    if (s.generation == 0 || s.generation > kCounterMax) return wrong("generation");
    if (s.mount_counter > kCounterMax) return wrong("mount counter");
    if (s.settled_epoch > kCounterMax) return wrong("epoch");
    if (s.log_start > kCounterMax) return wrong("log start");
    if (s.min_header_generation > kCounterMax) return wrong("header generation");
    auto layout = Layout::create(s.block_count, shape, limits);
    if (!layout) return wrong("block count");
    if (s.segment_count != layout->segment_count()) return wrong("segment count");
    const bool migrating = s.migrate_from != 0;
    if (s.migrate_from > kKeysetMax || s.migrate_to > kKeysetMax ||
        s.migrate_next > s.block_count || migrating != (s.migrate_to != 0) ||
        (migrating ? s.migrate_from == s.migrate_to : s.migrate_next != 0))
        return wrong("migration");
    return {};
}

}  // namespace

PageBytes Superblock::encode(const crypto::Blake2b& super_mac) const {
    PageBytes sector{};
    Writer w(MutableBytes(sector).first(kUnit));
    w.bytes(as_bytes(kMagic));
    w.u32_le(kVersion);
    w.u64_le(generation);
    w.bytes(disk.bytes);
    w.u64_le(block_count);
    w.u64_le(segment_count);
    w.u64_le(mount_counter);
    w.u64_le(settled_epoch);
    w.u32_le(static_cast<std::uint32_t>(state));
    w.u8(static_cast<std::uint8_t>(segment_table_copy));
    w.u8(static_cast<std::uint8_t>(pool_table_copy));
    w.u16_le(0);
    w.u64_le(min_header_generation);
    w.bytes(log_salt);
    w.u64_le(log_start);
    w.bytes(chain);
    w.bytes(root);
    w.bytes(pool_mac);
    w.u32_le(migrate_from);
    w.u32_le(migrate_to);
    w.u64_le(migrate_next);
    w.u64_le(static_cast<std::uint64_t>(wall_clock));
    w.zeros(kReserved);
    TF_CHECK(w.offset() == kCovered);
    super_mac.mac(covered(sector), w.reserve(32));
    return sector;
}

Result<Superblock> Superblock::parse(SectorView sector, const Uuid& disk, const Shape& shape,
                                     const Limits& limits, const crypto::Blake2b& super_mac) {
    auto peeked = peek(sector);
    if (!peeked || peeked->disk != disk ||
        (!super_mac.verify(covered(sector), Bytes(sector).subspan(kCovered, 32)) &&
         !broken(Rule::superblock_mac)))
        return fail(Errc::unauthentic, "superblock: not one of this disk");
    const Decoded decoded = decode(sector);
    if (!broken(Rule::superblock_fields)) TF_TRY(check_fields(decoded, shape, limits));
    return decoded.superblock;
}

Result<Superblock> Superblock::peek(SectorView sector) {
    Reader r(sector);
    const Bytes magic = r.bytes(kMagic.size());
    if (as_text(magic) != kMagic || r.u32_le() != kVersion)
        return fail(Errc::damaged, "superblock: magic or version");
    return decode(sector).superblock;
}

}  // namespace twofold::fs

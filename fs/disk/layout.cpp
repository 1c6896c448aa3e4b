#include "fs/disk/layout.h"

#include <algorithm>

namespace twofold::fs {

namespace {

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t to) {
    return (value + to - 1) / to * to;
}

// The furthest byte that any limits allow: 2^20 segments behind two full tables and a full log.
static_assert((std::uint64_t{1} << 20) * kSegmentSize < std::uint64_t{1} << 62);

Result<void> check_range(std::uint64_t value, std::uint64_t least, std::uint64_t most,
                         std::string_view what) {
    if (value < least || value > most)
        return fail(Errc::invalid, "{}: {} is not between {} and {}", what, value, least, most);
    return {};
}

}  // namespace

Result<void> Shape::check(const Limits& limits) const {
    TF_TRY(check_range(pool_slots, limits.pool_min, limits.pool_max, "pool slots"));
    TF_TRY(check_range(log_pages, limits.log_min, limits.log_max, "log pages"));
    return check_range(segments_max, 1, limits.segments_max, "room for segments");
}

std::uint64_t Shape::segment_table_size() const {
    return round_up(std::uint64_t{segments_max} * kReferenceSize, kSectorSize);
}
std::uint64_t Shape::pool_table_size() const {
    return round_up(std::uint64_t{pool_slots} * sizeof(std::uint64_t), kSectorSize);
}
std::uint64_t Shape::segment_table_offset() const {
    return kLogOffset + std::uint64_t{log_pages} * kSectorSize;
}
std::uint64_t Shape::pool_table_offset() const {
    return segment_table_offset() + 2 * segment_table_size();
}
std::uint64_t Shape::data_offset() const {
    return round_up(pool_table_offset() + 2 * pool_table_size(), kMebibyte);
}

Layout::Layout(std::uint64_t block_count, const Shape& shape)
    : block_count_(block_count),
      segments_(segments_for(block_count, shape.pool_slots)),
      shape_(shape) {}

Result<Layout> Layout::create(std::uint64_t block_count, const Shape& shape, const Limits& limits) {
    TF_TRY(check_range(block_count, limits.blocks_min, limits.blocks_max, "blocks"));
    TF_TRY(shape.check(limits));
    const Layout layout(block_count, shape);
    if (layout.segments_ > shape.segments_max)
        return fail(Errc::invalid, "segments: {} are needed, the table has room for {}",
                    layout.segments_, shape.segments_max);
    return layout;
}

std::uint64_t Layout::segments_for(std::uint64_t block_count, std::uint32_t pool_slots) {
    return (block_count + pool_slots + kSegmentSlots - 1) / kSegmentSlots;
}

Shape Layout::shape_for(std::uint64_t block_count, const Limits& limits,
                        std::optional<std::uint32_t> pool_slots,
                        std::optional<std::uint32_t> log_pages,
                        std::optional<std::uint32_t> segments_max) {
    const auto clamp = [](std::uint64_t value, std::uint32_t least, std::uint32_t most) {
        return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(value, least, most));
    };
    Shape shape;
    shape.pool_slots = pool_slots.value_or(clamp(block_count / 32, 1024, 16384));
    shape.log_pages = log_pages.value_or(clamp(block_count / 64, 512, 8192));
    const std::uint64_t segments =
        segments_for(std::min(block_count, limits.blocks_max), shape.pool_slots);
    // Four times the size of today is room to grow; never beyond what the table may be.
    shape.segments_max = segments_max.value_or(
        std::min(limits.segments_max, clamp(4 * segments, 2048, std::uint32_t{1} << 20)));
    return shape;
}

}  // namespace twofold::fs

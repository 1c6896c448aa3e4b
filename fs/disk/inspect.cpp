#include "fs/disk/inspect.h"

#include <algorithm>

#include "fs/disk/log_page.h"
#include "fs/disk/unverified_map.h"

namespace twofold::fs {

namespace {

// A sector, or nothing where the file ends before it.
Result<std::optional<PageBytes>> read_sector(io::File& file, std::uint64_t offset) {
    PageBytes page;
    auto read = file.read(offset, MutableBytes(page));
    if (read) return std::optional(page);
    if (read.error().code == Errc::damaged) return std::optional<PageBytes>();
    return fail(std::move(read).error());
}

Result<EnvelopeReport> inspect_envelope(io::File& file, HeaderCopy copy, EnvelopePlace place) {
    EnvelopeReport report{.place = place, .sector = {}, .problem = {}};
    TF_ASSIGN(const auto bytes, read_sector(file, place.offset(copy)));
    if (!bytes) {
        report.problem = "the file ends before it";
        return report;
    }
    auto parsed = EnvelopeSector::parse(*bytes);
    if (!parsed)
        report.problem = "damaged: " + parsed.error().what;
    else
        report.sector = std::move(*parsed);
    return report;
}

Result<HeaderReport> inspect_header(io::File& file, HeaderCopy copy) {
    HeaderReport report;
    report.copy = copy;
    TF_ASSIGN(const auto bytes, read_sector(file, header_offset(copy)));
    for (std::uint32_t i = 1; i <= kEnvelopes; ++i) {
        TF_ASSIGN(report.envelopes[i - 1], inspect_envelope(file, copy, EnvelopePlace::at(i)));
    }
    if (!bytes) {
        report.problem = "the file ends before it";
        return report;
    }
    if (auto facts = StaticSector::peek(*bytes)) report.facts = std::move(*facts);
    if (auto sound = StaticSector::parse(*bytes); !sound)
        report.problem = fmt::format("{}: {}", name_of(sound.error().code), sound.error().what);
    return report;
}

Result<SuperblockReport> inspect_superblock(io::File& file, std::uint64_t offset) {
    SuperblockReport report{.offset = offset, .problem = {}, .superblock = {}};
    TF_ASSIGN(const auto bytes, read_sector(file, offset));
    if (!bytes) {
        report.problem = "the file ends before it";
    } else if (all_zero(*bytes)) {
        report.problem = "empty";
    } else if (auto peeked = Superblock::peek(*bytes)) {
        report.superblock = *peeked;
    } else {
        report.problem = "damaged: " + peeked.error().what;
    }
    return report;
}

Result<LogReport> inspect_log(io::File& file, const Layout& layout, const Superblock& super) {
    LogReport report;
    report.pages = layout.shape().log_pages;
    for (std::uint64_t i = 0; i < report.pages; ++i) {
        TF_ASSIGN(const auto bytes, read_sector(file, layout.log_page_offset(i)));
        if (!bytes) break;
        const auto page = LogPage::peek(*bytes);
        if (!page) continue;
        ++report.written;
        if (page->salt != super.log_salt || page->mount_counter != super.mount_counter ||
            page->sequence < super.log_start)
            continue;
        ++report.current;
        report.highest_epoch = std::max(report.highest_epoch, page->epoch);
        report.acknowledged = std::max(report.acknowledged, page->acknowledged);
    }
    return report;
}

Result<MapReport> inspect_map(io::File& file, const Layout& layout, const Superblock& super) {
    MapReport report;
    report.segments = layout.segment_count();
    UnverifiedMap map(file, layout, super);
    for (std::uint64_t s = 0; s < report.segments; ++s) {
        TF_ASSIGN(const auto node, map.node(Segment{s}));
        if (!node) continue;
        ++report.nodes_written;
        for (std::uint32_t i = 0; i < kSegmentLeaves; ++i)
            if (!(*node)[i].implicit()) ++report.leaves_written;
    }
    return report;
}

}  // namespace

const StaticSector* ImageReport::facts() const {
    const StaticSector* best = nullptr;
    for (const bool sound : {true, false})
        for (const HeaderReport& header : headers)
            if (header.facts && header.problem.empty() == sound &&
                (best == nullptr || (sound && header.facts->generation > best->generation)))
                best = &*header.facts;
    return best;
}

std::array<Suite, 2> ImageReport::suites() const {
    for (const KeysetRecord& record : facts()->keysets)
        if (record.state == KeysetRecord::State::active)
            return {record.layers[0].suite, record.layers[1].suite};
    return {Suite::none, Suite::none};
}

const Superblock* ImageReport::superblock() const {
    const Superblock* best = nullptr;
    const bool sound = std::ranges::any_of(
        headers, [](const HeaderReport& header) { return header.facts && header.problem.empty(); });
    for (const SuperblockReport& report : superblocks)
        if (report.superblock && (!sound || report.superblock->disk == facts()->disk) &&
            (best == nullptr || report.superblock->generation > best->generation))
            best = &*report.superblock;
    return best;
}

Result<ImageReport> inspect_image(io::File& file, const Limits& limits) {
    ImageReport report;
    TF_ASSIGN(report.file_size, file.size());
    for (const HeaderCopy copy : {HeaderCopy::a, HeaderCopy::b}) {
        TF_ASSIGN(report.headers[static_cast<std::size_t>(copy)], inspect_header(file, copy));
    }
    for (std::uint32_t i = 0; i < 4; ++i) {
        TF_ASSIGN(report.superblocks[i], inspect_superblock(file, superblock_offset(i / 2, i % 2)));
    }
    if (report.facts() == nullptr)
        return fail(Errc::not_an_image, "header: neither copy is one of a twofold disk image");
    const Superblock* const super = report.superblock();
    if (super == nullptr) return report;
    const auto layout = Layout::create(super->block_count, report.facts()->shape, limits);
    if (!layout) return report;  // nonsense, of which nothing can be found
    report.layout = *layout;
    TF_ASSIGN(report.log, inspect_log(file, *layout, *super));
    TF_ASSIGN(report.map, inspect_map(file, *layout, *super));
    return report;
}

std::string sanitised(std::string_view text, std::size_t size_max) {
    std::string out(text.substr(0, size_max));
    for (char& c : out)
        if (c < 0x20 || c > 0x7e) c = '?';
    if (text.size() > size_max) out += "...";
    return out;
}

}  // namespace twofold::fs

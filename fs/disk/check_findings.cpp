#include "fs/disk/check_findings.h"

namespace twofold::fs {

namespace {

bool same_kind(const BlockScan::Failure& a, const BlockScan::Failure& b) {
    return a.keyset == b.keyset && a.error.code == b.error.code && a.error.what == b.error.what;
}

// "layer 2", as a seal's error says it.
std::optional<crypto::Layer> layer_of(const Error& error) {
    if (error.what == "layer 1") return crypto::Layer::one;
    if (error.what == "layer 2") return crypto::Layer::two;
    return {};
}

// A run of blocks with one thing wrong: `failures` all of a kind, of neighbours.
CheckFinding finding_of(std::span<const BlockScan::Failure> failures, const Layout& layout) {
    const BlockScan::Failure& first = failures.front();
    const BlockRange blocks{first.block, failures.size()};
    CheckFinding::Sealed sealed{.slot = first.slot,
                                .in_a_row = true,
                                .offset = layout.slot_offset(first.slot),
                                .layer = layer_of(first.error),
                                .keyset = first.keyset};
    for (std::size_t i = 1; i < failures.size(); ++i)
        sealed.in_a_row = sealed.in_a_row && failures[i].slot.value() == first.slot.value() + i;
    const std::string slots =
        blocks.count == 1 ? fmt::format("slot {}", sealed.slot.value())
        : sealed.in_a_row ? fmt::format("slots {}-{}", sealed.slot.value(),
                                        sealed.slot.value() + blocks.count - 1)
                          : fmt::format("slots from {} on, not in a row", sealed.slot.value());
    const std::string what =
        first.error.code == Errc::unauthentic
            ? fmt::format("{}, keyset {}: {}, at byte {} of the image: the tag is wrong",
                          first.error.what, first.keyset, slots, sealed.offset)
            : fmt::format("{}, at byte {} of the image: {}", slots, sealed.offset,
                          first.error.line());
    return {first.error.code, name_of(blocks), what, Cure::writing, blocks, sealed};
}

}  // namespace

std::string name_of(BlockRange blocks) {
    if (blocks.count == 1) return fmt::format("block {}", blocks.first.value());
    return fmt::format("blocks {}-{}", blocks.first.value(), end_of(blocks) - 1);
}

// Its text names the copy, as our finding does.
CheckFinding finding_of(const HeaderDamage& damage) {
    const std::size_t prefix = damage.text.find(": ");
    return {Errc::damaged, fmt::format("header copy {}", damage.copy == HeaderCopy::a ? "A" : "B"),
            prefix == std::string::npos ? damage.text : damage.text.substr(prefix + 2),
            Cure::repair};
}

void lose_blocks(CheckReport& report, std::span<const BlockScan::Failure> failures,
                 const Layout& layout) {
    for (std::size_t i = 0; i < failures.size();) {
        std::size_t end = i + 1;
        while (end < failures.size() && same_kind(failures[i], failures[end]) &&
               failures[end].block.value() == failures[end - 1].block.value() + 1)
            ++end;
        report.lose(finding_of(failures.subspan(i, end - i), layout));
        i = end;
    }
}

std::string_view name_of(Freshness freshness) {
    switch (freshness) {
        case Freshness::not_compared:
            return "not-compared";
        case Freshness::as_anchored:
            return "as-anchored";
        case Freshness::not_as_anchored:
            return "not-as-anchored";
        case Freshness::no_anchor:
            return "no-anchor";
        case Freshness::unknown:
            return "unknown";
    }
    return "unknown";
}

void CheckReport::find(CheckFinding finding) {
    ++found;
    if (findings.size() < kFindingsMax) findings.push_back(std::move(finding));
}

void CheckReport::find(std::string where, const Error& error, Cure cure) {
    find({error.code, std::move(where), error.line(), cure});
}

void CheckReport::lose(std::string where, const Error& error, Cure cure, BlockRange range) {
    lose({error.code, std::move(where), error.line(), cure, range});
}

void CheckReport::lose(CheckFinding finding) {
    blocks_lost += finding.blocks->count;
    if (lost.run_count() < kLostRunsMax)
        lost.add(*finding.blocks);
    else
        lost_is_whole = false;
    find(std::move(finding));
}

}  // namespace twofold::fs

#include "tools/twofold/layer_view.h"

#include <algorithm>

#include "tools/twofold/hex_view.h"

namespace twofold::cli {

namespace {

using fs::BlockIndex;
using fs::kBlockSize;
using Picture = std::array<std::byte, kBlockSize> fs::BlockView::*;

struct Viewer {
    int layer;
    std::string who;
    Picture picture;
};

// On a disk with one layer the last view is the plaintext.
std::vector<Viewer> viewers(const std::array<fs::Suite, 2>& suites) {
    std::vector<Viewer> out{{0, "a thief of the disk", &fs::BlockView::stored}};
    const bool two = suites[0] != fs::Suite::none && suites[1] != fs::Suite::none;
    if (two) out.push_back({1, "who holds layer 1's key", &fs::BlockView::outer_removed});
    out.push_back(
        {two || suites[0] == fs::Suite::none ? 2 : 1, "the owner", &fs::BlockView::plain});
    return out;
}

}  // namespace

Look look_with_keys(fs::EncryptedDisk& disk) {
    return [&disk](BlockIndex block) -> Result<BlockPlace> {
        auto view = disk.look(block);
        if (!view) return fail(std::move(view).error());
        return BlockPlace{block, std::move(*view), {}};
    };
}

Look look_as_thief(io::File& file, const fs::Layout& layout, fs::UnverifiedMap& map) {
    return [&](BlockIndex block) -> Result<BlockPlace> {
        BlockPlace place{block, {}, {}};
        TF_ASSIGN(const auto entry, map.entry(block));
        if (!entry) {
            place.view.zero = true;
            place.problem = Error{Errc::damaged, "the map cannot be read here", {}, 0, {}};
            return place;
        }
        place.view.zero = !entry->data;
        place.view.slot = entry->slot.value();
        place.view.file_offset = layout.slot_offset(entry->slot);
        if (!entry->data) return place;
        place.view.keyset = entry->keyset;
        place.view.nonce = entry->nonce;
        place.view.outer_tag = entry->tag1;
        place.view.inner_tag = entry->tag2;
        auto read = file.read(place.view.file_offset, MutableBytes(place.view.stored));
        if (!read) place.problem = std::move(read).error();
        return place;
    };
}

Result<RangeView> view_range(const Look& look, std::uint64_t offset, std::uint64_t length,
                             const std::array<fs::Suite, 2>& suites, bool opened) {
    RangeView range{offset, length, {}, {}};
    const std::uint64_t first = offset / kBlockSize;
    const std::uint64_t last = (offset + std::max<std::uint64_t>(length, 1) - 1) / kBlockSize;
    for (std::uint64_t b = first; b <= last; ++b) {
        TF_ASSIGN(auto place, look(BlockIndex{b}));
        range.blocks.push_back(std::move(place));
    }
    for (const Viewer& viewer : viewers(suites)) {
        if (viewer.layer > 0 && !opened) break;
        std::vector<std::byte> whole, stored;
        for (const BlockPlace& place : range.blocks) {
            const auto& picture = place.view.*viewer.picture;
            whole.insert(whole.end(), picture.begin(), picture.end());
            if (!place.view.zero) stored.insert(stored.end(), picture.begin(), picture.end());
        }
        const auto from = whole.begin() + static_cast<std::ptrdiff_t>(offset % kBlockSize);
        range.views.push_back({viewer.layer,
                               viewer.who,
                               {from, from + static_cast<std::ptrdiff_t>(length)},
                               entropy(stored)});
    }
    return range;
}

}  // namespace twofold::cli

#include "fs/disk/page_writer.h"

#include <algorithm>

namespace twofold::fs {

Result<void> PageWriter::add(std::uint64_t offset, const PageBytes& page) {
    pages_.push_back({offset, page});
    return pages_.size() < kPagesMax ? Result<void>() : flush();
}

Result<void> PageWriter::flush() {
    std::vector<std::size_t> order(pages_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return pages_[a].offset < pages_[b].offset; });
    std::vector<Bytes> parts;
    for (std::size_t i = 0; i < order.size(); ++i) {
        parts.push_back(pages_[order[i]].page);
        const std::uint64_t here = pages_[order[i]].offset;
        if (i + 1 < order.size() && pages_[order[i + 1]].offset == here + kSectorSize) continue;
        TF_TRY(file_.write(here - (parts.size() - 1) * kSectorSize, parts));
        parts.clear();
    }
    pages_.clear();
    return {};
}

}  // namespace twofold::fs

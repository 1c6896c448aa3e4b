#pragma once

#include <vector>

#include "base/io/io.h"
#include "fs/disk/map_pages.h"

namespace twofold::fs {

// Gathers sectors and writes neighbours in one call: a checkpoint's leaves mostly are neighbours.
// Not thread-safe.
class PageWriter {
public:
    explicit PageWriter(io::File& file) : file_(file) {}
    // Written at once or at a later call; surely after flush().
    Result<void> add(std::uint64_t offset, const PageBytes& page);
    Result<void> flush();

private:
    static constexpr std::size_t kPagesMax = 256;
    struct Placed {
        std::uint64_t offset;
        PageBytes page;
    };
    io::File& file_;
    std::vector<Placed> pages_;
};

}  // namespace twofold::fs

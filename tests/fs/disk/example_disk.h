#pragma once

#include <map>
#include <string>
#include <vector>

#include "fs/disk/disk_keys.h"
#include "fs/disk/layout.h"
#include "fs/disk/map_pages.h"

namespace twofold::fs {

// The worked example of FORMAT.md: a disk of 256 blocks, pool of 4 slots and log of 64 pages, to
// which one block was written (block 5: in slot 0), and which was then unmounted cleanly. Every
// input is fixed, so every byte is. Its files are fixtures/vectors/twofold.
struct ExampleDisk {
    static Result<ExampleDisk> make();

    std::map<std::uint64_t, PageBytes> sectors;  // by offset in the file; all others are zero
    std::uint64_t size = 0;                      // of the file, bytes
    DiskNote note;
    std::map<std::string, std::string> files;  // the fixtures, by name
};

constexpr std::uint64_t kExampleBlock = 5;
std::array<std::byte, kBlockSize> example_plaintext();

}  // namespace twofold::fs

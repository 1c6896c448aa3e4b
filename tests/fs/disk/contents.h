#pragma once

#include <vector>

#include "tests/support/test_disks.h"

namespace twofold {

// What each block holds: the version that wrote it, 0 for zeros. Contents follow from block and
// version, so that a mixture or a foreign block is seen.
using DiskState = std::vector<std::uint64_t>;

std::vector<std::byte> contents_of(std::uint64_t block, std::uint64_t version);
// Errc::failed: a block holds what nobody wrote there.
Result<DiskState> read_state(TestDisk& disk, std::uint64_t blocks);

}  // namespace twofold

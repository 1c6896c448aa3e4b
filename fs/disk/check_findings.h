#pragma once

#include <span>
#include <string>

#include "fs/disk/block_scan.h"
#include "fs/disk/check.h"
#include "fs/disk/header.h"

// How the checkers word what they find.
namespace twofold::fs {

std::string name_of(BlockRange blocks);  // "block 3", "blocks 12-80"
CheckFinding finding_of(const HeaderDamage& damage);
// Blocks that could not be read or opened, ascending: neighbours with the same thing wrong are one
// finding.
void lose_blocks(CheckReport& report, std::span<const BlockScan::Failure> failures,
                 const Layout& layout);

}  // namespace twofold::fs

#pragma once

#include "base/io/io.h"
#include "fs/disk/superblock.h"

namespace twofold::fs {

// The four superblock sectors (format, section 3): generation g has two replicas in the pair g
// mod 2.

// The highest generation that verifies. Errc::unauthentic: none does; corrupt; io.
Result<Superblock> read_newest_superblock(io::File& file, const Uuid& disk, const Shape& shape,
                                          const Limits& limits, const crypto::Blake2b& super_mac);
// Both replicas; the caller syncs.
Result<void> write_superblock(io::File& file, const Superblock& superblock,
                              const crypto::Blake2b& super_mac);

}  // namespace twofold::fs

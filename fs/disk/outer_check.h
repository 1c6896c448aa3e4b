#pragma once

#include "fs/disk/check.h"

namespace twofold::fs {

// What the holder of layer 1's key alone can check of a disk with two layers, and no more is said
// than that: the header by layer 1's MAC, layer 1's envelopes, and each block's outer tag where
// layer 1 has tags. All that hangs on the volume secret (superblocks, tables, log, map), and so on
// every layer's key, is looked at by its form: it finds damage, not forgery. What it could not
// prove is in report.unproved. Writes nothing; asks for no other layer's key. The caller holds the
// file's lock. Errors as check_disk(); Errc::invalid: the disk has no layer 1.
Result<CheckReport> check_outer_layer(io::File& file, crypto::KeySource& keys,
                                      const DiskNote& expected, const CheckOptions& options);

}  // namespace twofold::fs

#pragma once

#include <optional>

#include "fs/disk/engine_context.h"
#include "fs/disk/map.h"
#include "fs/disk/superblock.h"

// Pages of the map that have no second copy, made again from what they are about. Nothing is
// invented: a page counts only if it has the very MAC that its parent, or the superblock, demands,
// so it is the lost one bit for bit. What was lost besides makes that impossible, and is then said.
namespace twofold::fs {

// A node, from its leaves: each is in the newer one of its two places that the node can name.
// Errc::unauthentic: a leaf is lost as well.
Result<Node> rebuild_node(EngineContext& context, Segment segment, const Reference& reference);

// The segment table, from the nodes. Errc::unauthentic: a node is lost as well.
Result<SegmentTable> rebuild_segment_table(EngineContext& context, const Superblock& superblock);

// The pool table, from the whole map: the slots that no block owns. Errors of Map::leaf;
// Errc::unauthentic: the map is not the one that the pool belonged to.
Result<PoolTable> rebuild_pool_table(EngineContext& context, Map& map,
                                     const Superblock& superblock);

}  // namespace twofold::fs

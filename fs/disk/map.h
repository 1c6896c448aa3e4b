#pragma once

#include <mutex>
#include <optional>

#include "base/io/io.h"
#include "fs/disk/disk_keys.h"
#include "fs/disk/page_cache.h"

namespace twofold::fs {

// The tree as the newest durable superblock has it: segment table, nodes, leaves (format, sections
// 3 and 4). It never changes but by install(), which a checkpoint calls when its superblock is
// durable. Nodes and leaves are read on demand, and each is checked against what its parent says,
// up to the root, before anything in it is used. No lock is held across I/O. Thread-safe.
//
// A reader may be slow enough for two checkpoints to pass between reading a reference and reading
// the page: the copy it reads is then being written again, and its MAC fails. So a page that fails
// counts only if its parent still names it; else the reader starts over.
class Map {
public:
    using LeafHandle = PageCache<Leaf>::Handle;
    using NodeHandle = PageCache<Node>::Handle;

    Map(io::File& file, const Layout& layout, const Uuid& disk, const VolumeMacs& macs,
        SegmentTable table, std::size_t leaf_cache_max);

    const Layout& layout() const { return layout_; }
    const Uuid& disk() const { return disk_; }
    const VolumeMacs& macs() const { return macs_; }

    // Null: the page was never written, all below it is implicit. Errc::unauthentic, corrupt, io.
    Result<LeafHandle> leaf(LeafIndex index);
    Result<NodeHandle> node(Segment segment);
    // The checkpointed entry of a block.
    Result<Entry> entry(BlockIndex block);
    // The first leaf at or after `from` that was ever written.
    Result<std::optional<LeafIndex>> next_written(LeafIndex from);

    SegmentTable table() const;
    Reference reference(Segment segment) const;
    // The tree of a superblock that is durable now.
    void install(SegmentTable table);
    // Keeps a page that this process has just written, for when its reference counts.
    void remember(LeafIndex index, const Reference& reference, LeafHandle leaf);
    // Likewise one that was rebuilt and is what `reference` names.
    void remember(Segment segment, const Reference& reference, NodeHandle node);

private:
    Result<LeafHandle> read_leaf(LeafIndex index, const Reference& reference);
    Result<NodeHandle> read_node(Segment segment, const Reference& reference);
    Result<Reference> leaf_reference(LeafIndex index);

    io::File& file_;
    const Layout layout_;
    const Uuid disk_;
    const VolumeMacs& macs_;
    mutable std::mutex mutex_;
    SegmentTable table_;  // guarded by mutex_
    PageCache<Leaf> leaves_;
    PageCache<Node> nodes_;
};

}  // namespace twofold::fs

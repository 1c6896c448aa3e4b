#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fs/disk/anchor.h"
#include "fs/disk/check.h"
#include "fs/disk/engine_context.h"
#include "fs/disk/header.h"
#include "fs/disk/recovery.h"

namespace twofold::fs {

// Whether an error says something about the image, rather than about our means to look at it.
bool is_of_the_image(Errc code);

// Bytes that an image should have and has not, proved before anybody writes them.
struct Restoration {
    std::string where, from;  // "superblock at 96 KiB", "its twin"
    std::uint64_t offset = 0;
    std::vector<std::byte> bytes;
};

// The metadata of an image that nobody has mounted, looked at in the order in which one part
// vouches for the next, for check and repair. Writes nothing: what it could rebuild is used in
// memory and kept as a Restoration. Findings go into `report`. Not thread-safe.
class Examination {
public:
    Examination(io::File& file, crypto::RandomSource& random, const Clock& clock,
                const Limits& limits, CheckReport& report);

    // Has the later steps compare the image with its anchor. Before all others.
    void compare_with(const AnchorPlace& place);
    // Errors of Header::open. Of both copies, findings.
    Result<void> open_header(crypto::KeySource& keys, const DiskNote& expected);
    // The newest superblock, its twin, and the pair of the generation before. Errors: none is left;
    // the header or the image is not the one it goes with.
    Result<void> read_superblocks();
    // Segment table, nodes and pool table. Of a lost node its segment stays lost; errors where a
    // table is lost for good.
    Result<void> load_map();
    // The log. Missing history is a finding and a note in recovered().
    Result<void> replay();
    // Every leaf: which are lost. Reads the whole map.
    Result<void> look_at_leaves();

    Header& header() { return *header_; }
    EngineContext& context() { return *context_; }
    const Superblock& superblock() const { return superblock_; }
    Recovered& recovered() { return recovered_; }
    const std::vector<Restoration>& restorations() const { return restorations_; }
    const std::vector<LeafIndex>& lost_leaves() const { return lost_leaves_; }
    bool segment_is_lost(Segment segment) const { return lost_segments_.contains(segment.value()); }
    // Puts a rebuilt node where Map finds it, should it have left the cache.
    void keep_in_reach(Segment segment);
    // Notes that a leaf's blocks are lost.
    void lose_leaf(LeafIndex index, const Error& error);

private:
    struct SuperblockPlace;
    Result<SuperblockPlace> read_place(std::uint64_t parity, std::uint32_t replica);
    void compare_pair(std::span<const SuperblockPlace> pair, bool newest);
    Result<SegmentTable> load_segment_table();
    Result<void> load_nodes();
    Result<void> load_pool();
    void restore(Restoration restoration);
    void verify_anchor();
    void judge_anchor(const Result<void>& agrees);

    io::File& file_;
    crypto::RandomSource& random_;
    const Clock& clock_;
    CheckReport& report_;
    OpenOptions options_;
    Health health_{[](const Error&) {}};
    Counters counters_;

    AnchorPlace place_;
    std::optional<StoredAnchor> anchored_;  // as long as it agrees
    std::unique_ptr<Header> header_;
    std::optional<DiskKeys> keys_;
    Superblock superblock_;
    std::optional<EngineContext> context_;
    Recovered recovered_;
    std::map<std::uint64_t, std::pair<Reference, Map::NodeHandle>> rebuilt_;  // by segment
    std::map<std::uint64_t, Error> lost_segments_;
    std::vector<LeafIndex> lost_leaves_;
    std::vector<Restoration> restorations_;
};

}  // namespace twofold::fs

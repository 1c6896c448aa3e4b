#pragma once

#include <array>
#include <memory>
#include <vector>

#include "fs/disk/entry.h"
#include "fs/disk/layout.h"
#include "keyring/crypto/kdf.h"

// The pages of the map: leaves, nodes and the two tables (format, section 4). Each page is kept as
// its 4096 bytes on disk; whoever holds one has had its MAC, place and every field checked.
namespace twofold::fs {

using PageBytes = std::array<std::byte, kSectorSize>;
using PageMac = std::array<std::byte, 24>;
using Root = crypto::Digest;  // 32 bytes: over all node references
using PoolMac = crypto::Digest;

// What a parent says of a child. Generation 0 means implicit: the child was never written.
struct Reference {
    std::uint64_t generation = 0;  // below 2^63
    std::uint32_t copy = 0;        // 0 or 1: which of the child's two places
    PageMac mac{};

    bool implicit() const { return generation == 0; }
    bool operator==(const Reference&) const = default;

    void encode(std::span<std::byte, kReferenceSize> out) const;
    // Errc::corrupt: an implicit reference that is not all zero.
    static Result<Reference> parse(std::span<const std::byte, kReferenceSize> bytes);
};

// What a leaf's or node's header says; for inspection without keys.
struct MapPageHeader {
    std::uint8_t level = 0;   // 0 leaf, 1 node
    std::uint64_t index = 0;  // leaf: LeafIndex; node: Segment
    std::uint64_t generation = 0;
    Uuid disk;
    PageMac mac{};
    // Nothing verified but magic and version. Errc::damaged.
    static Result<MapPageHeader> peek(std::span<const std::byte, kSectorSize> page);
};

// The entries of up to 63 blocks. Copyable, 4096 bytes; not thread-safe.
class Leaf {
public:
    // As it is before it is first written: every block ZERO at its implicit slot.
    static Leaf implicit(LeafIndex index, const Layout& layout, const Uuid& disk);
    // What `reference` (not implicit) names. Errc::unauthentic: not the page that the parent means.
    // Errc::corrupt: authentic with impossible entries: slot past R+N, block past N not implicit,
    // ...
    static Result<Leaf> parse(std::span<const std::byte, kSectorSize> page, LeafIndex index,
                              const Reference& reference, const Layout& layout, const Uuid& disk,
                              const crypto::Blake2b& node_mac);

    Entry entry(std::uint32_t index) const;
    void set(std::uint32_t index, const Entry& entry);
    // Puts generation and MAC into the page; the result is what the parent has to say.
    Reference finish(std::uint64_t generation, std::uint32_t copy, const crypto::Blake2b& node_mac);
    const PageBytes& bytes() const { return page_; }  // as finish() left it

private:
    Leaf() = default;
    PageBytes page_{};
};

// The references to the 126 leaves of a segment. Copyable; not thread-safe.
class Node {
public:
    static Node implicit(Segment segment, const Uuid& disk);
    // Errors as Leaf::parse.
    static Result<Node> parse(std::span<const std::byte, kSectorSize> page, Segment segment,
                              const Reference& reference, const Uuid& disk,
                              const crypto::Blake2b& node_mac);

    Reference reference(std::uint32_t leaf) const;  // 0 to 125
    void set(std::uint32_t leaf, const Reference& reference);
    Reference finish(std::uint64_t generation, std::uint32_t copy, const crypto::Blake2b& node_mac);
    const PageBytes& bytes() const { return page_; }

private:
    Node() = default;
    PageBytes page_{};
};

// One reference a segment. On disk: `segments_max` of them, those past the last segment zero.
class SegmentTable {
public:
    explicit SegmentTable(std::uint64_t segment_count) : references_(segment_count) {}
    // `bytes` of shape.segment_table_size(). Errc::unauthentic: not that of `root`; as PoolTable's.
    static Result<SegmentTable> parse(Bytes bytes, const Layout& layout, const Root& root,
                                      const Uuid& disk, const crypto::Blake2b& root_mac);

    const Reference& reference(Segment segment) const;
    void set(Segment segment, const Reference& reference);
    std::uint64_t segment_count() const { return references_.size(); }
    void encode(MutableBytes out) const;  // shape.segment_table_size() bytes
    Root root(const Uuid& disk, const crypto::Blake2b& root_mac) const;

private:
    std::vector<Reference> references_;
};

// The pool at a checkpoint: R slots, ascending.
struct PoolTable {
    std::vector<Slot> slots;  // sorted, distinct

    static PoolTable initial(const Layout& layout);  // slots 0 to R-1
    // `bytes` of shape.pool_table_size(). Errc::unauthentic: not the table of `mac`; damaged: behind
    // it, where no MAC reaches, it is not zero. Errc::corrupt: not ascending, or past R+N.
    static Result<PoolTable> parse(Bytes bytes, const Layout& layout, const PoolMac& mac,
                                   const Uuid& disk, const crypto::Blake2b& pool_mac);
    void encode(MutableBytes out) const;  // shape.pool_table_size() bytes
    PoolMac mac(const Uuid& disk, const crypto::Blake2b& pool_mac) const;
};

}  // namespace twofold::fs

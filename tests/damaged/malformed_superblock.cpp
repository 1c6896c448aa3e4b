// Superblocks that are authentic and can't be; both replicas alike.
#include <fmt/format.h>

#include "fs/disk/superblock_store.h"
#include "tests/damaged/bench.h"
#include "tests/support/matchers.h"

namespace twofold::damage {

using fs::Superblock;

namespace {

constexpr std::uint64_t k2to32 = std::uint64_t{1} << 32, k2to63 = std::uint64_t{1} << 63,
                        kAllOnes = ~std::uint64_t{0};

Malformed superblock(std::string name, std::string what, std::function<void(Superblock&)> change) {
    return {"superblock-" + std::move(name), std::move(what),
            [change = std::move(change)](Bench& b) { b.edit_superblock(change); }};
}
Malformed raw(std::string name, std::string what, Bench::PageEdit edit) {
    return {"superblock-" + std::move(name), std::move(what),
            [edit = std::move(edit)](Bench& b) { b.edit_superblock_bytes(edit); }};
}

// The same impossible numbers in each counter: none of them may ever be added to.
void add_counters(std::vector<Malformed>& all) {
    const std::pair<const char*, std::uint64_t Superblock::*> counters[] = {
        {"generation", &Superblock::generation},
        {"mount-counter", &Superblock::mount_counter},
        {"settled-epoch", &Superblock::settled_epoch},
        {"log-start", &Superblock::log_start},
        {"min-header-generation", &Superblock::min_header_generation}};
    for (const auto& [name, field] : counters)
        for (const std::uint64_t value : {k2to63 + 1, kAllOnes}) {
            const auto member = field;
            all.push_back(superblock(fmt::format("{}-{:x}", name, value),
                                     "a counter that no disk reaches, and that would wrap",
                                     [member, value](Superblock& s) { s.*member = value; }));
        }
}

}  // namespace

std::vector<Malformed> malformed_superblocks() {
    std::vector<Malformed> all;
    add_counters(all);
    all.push_back(raw("magic", "another magic", set_bytes(0, "TFSX")));
    all.push_back(raw("version-2", "unknown version", set_u32(4, 2)));
    all.push_back(raw("generation-zero", "generation 0", set_u64(8, 0)));
    all.push_back(raw("wrong-pair", "authentic, in the other generations' place", set_u64(8, 4)));
    all.push_back(raw("other-disk", "of another disk", invert(16, 16)));
    for (const std::uint64_t n :
         {std::uint64_t{0}, std::uint64_t{255}, k2to32 + 1, k2to63, kAllOnes})
        all.push_back(superblock(fmt::format("blocks-{:x}", n), "impossible number of blocks",
                                 [n](Superblock& s) { s.block_count = n; }));
    all.push_back(superblock("blocks-past-the-file", "more blocks than the file has room for",
                             [](Superblock& s) {
                                 s.block_count = 100'000;
                                 s.segment_count = 13;
                             }));
    all.push_back(superblock("blocks-2^32", "16 TiB in a file of 33 MiB", [](Superblock& s) {
        s.block_count = k2to32;
        s.segment_count = (k2to32 + 4 + 7935) / 7936;
    }));
    all.push_back(superblock("blocks-one-more", "one block more, whose slot nobody has: harmless",
                             [](Superblock& s) { ++s.block_count; }));
    for (const std::uint64_t n : {std::uint64_t{0}, std::uint64_t{2}, k2to63})
        all.push_back(superblock(fmt::format("segments-{:x}", n),
                                 "segments that the blocks don't make",
                                 [n](Superblock& s) { s.segment_count = n; }));
    for (const std::uint32_t state : {0u, 3u, 0xffffffffu})
        all.push_back(raw(fmt::format("state-{:x}", state), "unknown state", set_u32(64, state)));
    all.push_back(raw("segment-table-copy-2", "a third copy of the segment table", set_u8(68, 2)));
    all.push_back(raw("pool-table-copy-255", "a copy of the pool table far away", set_u8(69, 255)));
    all.push_back(superblock("segment-table-copy-other", "the copy that is not in use",
                             [](Superblock& s) { s.segment_table_copy ^= 1; }));
    all.push_back(superblock("pool-table-copy-other", "the copy that is not in use",
                             [](Superblock& s) { s.pool_table_copy ^= 1; }));
    for (const std::size_t at : {70u, 71u, 224u, 479u})
        all.push_back(
            raw(fmt::format("reserved-{}", at), "reserved byte that is not zero", set_u8(at, 1)));
    all.push_back(superblock("root", "a root that no table has",
                             [](Superblock& s) { s.root[0] ^= std::byte{1}; }));
    all.push_back(superblock("pool-mac", "a MAC that no pool table has",
                             [](Superblock& s) { s.pool_mac[31] ^= std::byte{1}; }));
    all.push_back(superblock("migration-from-4096", "from an impossible keyset", [](Superblock& s) {
        s.migrate_from = 4096;
        s.migrate_to = 1;
    }));
    all.push_back(superblock("migration-to-max", "to an impossible keyset", [](Superblock& s) {
        s.migrate_from = 1;
        s.migrate_to = 0xffffffff;
    }));
    all.push_back(superblock("migration-cycle", "from a keyset to itself",
                             [](Superblock& s) { s.migrate_from = s.migrate_to = 1; }));
    all.push_back(superblock("migration-to-nothing", "from encrypted to nothing",
                             [](Superblock& s) { s.migrate_from = 1; }));
    all.push_back(
        superblock("migration-past-the-end", "next block past the last one", [](Superblock& s) {
            s.migrate_from = 1;
            s.migrate_to = 2;
            s.migrate_next = s.block_count + 1;
        }));
    all.push_back(superblock("log-start-beyond", "a log that starts far ahead: nothing follows",
                             [](Superblock& s) { s.log_start = 1'000'000; }));
    all.push_back(superblock("log-start-zero", "a log that starts before its pages",
                             [](Superblock& s) { s.log_start = 0; }));
    all.push_back({"superblock-replicas-differ",
                   "two authentic replicas of one generation, with other log starts", [](Bench& b) {
                       Superblock other = b.superblock();
                       other.log_start += 64;
                       b.put(fs::superblock_offset(other.generation, 1),
                             other.encode(b.keys().macs().super));
                   }});
    all.push_back({"superblock-newer-of-nothing", "a newer generation whose tables are not there",
                   [](Bench& b) {
                       Superblock newer = b.superblock();
                       ++newer.generation;
                       newer.root.fill(std::byte{0});
                       for (const std::uint32_t replica : {0u, 1u})
                           b.put(fs::superblock_offset(newer.generation, replica),
                                 newer.encode(b.keys().macs().super));
                   }});
    all.push_back({"superblock-none", "none of the four is left", [](Bench& b) {
                       for (const std::uint64_t generation : {0u, 1u})
                           for (const std::uint32_t replica : {0u, 1u})
                               b.put(fs::superblock_offset(generation, replica), fs::PageBytes{});
                   }});
    return all;
}

}  // namespace twofold::damage

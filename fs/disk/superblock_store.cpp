#include "fs/disk/superblock_store.h"

#include "fs/disk/rule.h"

namespace twofold::fs {

Result<Superblock> read_newest_superblock(io::File& file, const Uuid& disk, const Shape& shape,
                                          const Limits& limits, const crypto::Blake2b& super_mac) {
    std::optional<Superblock> newest;
    std::optional<Error> damage;
    for (std::uint64_t parity = 0; parity < 2; ++parity) {
        for (std::uint32_t replica = 0; replica < 2; ++replica) {
            PageBytes sector;
            TF_TRY(file.read(superblock_offset(parity, replica), sector));
            auto parsed = Superblock::parse(sector, disk, shape, limits, super_mac);
            // A genuine one where another was is no replica either: anybody can copy a sector.
            if (parsed && parsed->generation % 2 != parity &&
                !broken(Rule::superblock_lies_in_its_pair))
                parsed = fail(Errc::unauthentic, "superblock {}: in the other generations' place",
                              parsed->generation);
            // A torn or rotten replica: the others decide. What is authentic but impossible is not.
            if (!parsed && parsed.error().code != Errc::unauthentic)
                return fail(std::move(parsed).error());
            if (!parsed) {
                damage = std::move(parsed).error();
            } else if (!newest || (parsed->generation > newest->generation) !=
                                      broken(Rule::newest_superblock_is_taken)) {
                newest = std::move(*parsed);
            }
        }
    }
    if (!newest) return fail(std::move(*damage).in("no superblock is left"));
    return std::move(*newest);
}

Result<void> write_superblock(io::File& file, const Superblock& superblock,
                              const crypto::Blake2b& super_mac) {
    const PageBytes sector = superblock.encode(super_mac);
    const std::uint64_t pair = broken(Rule::superblocks_alternate) ? 0 : superblock.generation;
    const std::uint32_t replicas = broken(Rule::superblock_has_two_replicas) ? 1 : 2;
    for (std::uint32_t replica = 0; replica < replicas; ++replica)
        TF_TRY(file.write(superblock_offset(pair, replica), sector));
    return {};
}

}  // namespace twofold::fs

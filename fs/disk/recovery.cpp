#include "fs/disk/recovery.h"

#include "fs/disk/log_replay.h"
#include "fs/disk/superblock_store.h"

namespace twofold::fs {

Result<SegmentTable> read_segment_table(EngineContext& context, const Superblock& superblock) {
    const Layout& layout = context.layout;
    std::vector<std::byte> bytes(layout.shape().segment_table_size());
    TF_TRY(context.file.read(layout.segment_table_offset(superblock.segment_table_copy), bytes));
    return SegmentTable::parse(bytes, layout, superblock.root, context.disk,
                               context.keys.macs().root);
}

Result<PoolTable> read_pool_table(EngineContext& context, const Superblock& superblock) {
    const Layout& layout = context.layout;
    std::vector<std::byte> bytes(layout.shape().pool_table_size());
    TF_TRY(context.file.read(layout.pool_table_offset(superblock.pool_table_copy), bytes));
    return PoolTable::parse(bytes, layout, superblock.pool_mac, context.disk,
                            context.keys.macs().pool);
}

Result<void> replay_log(EngineContext& context, Recovered& recovered, MissingHistory missing,
                        std::uint64_t anchored_epoch) {
    return LogReplay(context, recovered, missing, anchored_epoch).run();
}

Result<Recovered> recover(EngineContext& context, const Superblock& superblock,
                          std::uint64_t anchored_epoch) {
    Recovered recovered;
    recovered.superblock = superblock;
    TF_ASSIGN(auto table, read_segment_table(context, superblock));
    recovered.map =
        std::make_unique<Map>(context.file, context.layout, context.disk, context.keys.macs(),
                              std::move(table), context.options.leaf_cache_max);
    TF_ASSIGN(auto pool, read_pool_table(context, superblock));
    recovered.pool = std::move(pool.slots);
    TF_TRY(replay_log(context, recovered, MissingHistory::refuse, anchored_epoch));
    return recovered;
}

}  // namespace twofold::fs

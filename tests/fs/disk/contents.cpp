#include "tests/fs/disk/contents.h"

#include <algorithm>

namespace twofold {

using fs::kBlockSize;

std::vector<std::byte> contents_of(std::uint64_t block, std::uint64_t version) {
    std::vector<std::byte> bytes(kBlockSize);
    if (version == 0) return bytes;
    Writer w(bytes);
    while (w.offset() < bytes.size()) {
        w.u64_le(version);
        w.u64_le(block << 32 | w.offset());
    }
    return bytes;
}

Result<DiskState> read_state(TestDisk& disk, std::uint64_t blocks) {
    DiskState state(blocks);
    std::vector<std::byte> bytes(blocks * kBlockSize);
    for (std::size_t at = 0; at < bytes.size(); at += fs::kRequestMax)
        TF_TRY(disk.disk->read(
            fs::ByteOffset{at},
            MutableBytes(bytes).subspan(at, std::min(fs::kRequestMax, bytes.size() - at))));
    for (std::uint64_t b = 0; b < blocks; ++b) {
        const Bytes found = Bytes(bytes).subspan(b * kBlockSize, kBlockSize);
        state[b] = Reader(found).u64_le();
        if (!equal(found, contents_of(b, state[b])))
            return fail(Errc::failed, "block {}: nobody wrote this", b);
    }
    return state;
}

}  // namespace twofold

#include "fs/disk/epoch.h"

#include <algorithm>

#include "base/bytes.h"
#include "fs/disk/rule.h"

namespace twofold::fs {

Result<crypto::Nonce> Epoch::next_nonce() {
    constexpr std::uint64_t kSealingsMax = std::uint64_t{1} << 32;
    const std::uint64_t count =
        broken(Rule::nonces_count) ? 0 : sealings_.fetch_add(1, std::memory_order_relaxed);
    if (count >= kSealingsMax) return fail(Errc::failed, "epoch: more than 2^32 blocks sealed");
    crypto::Nonce nonce;
    Writer w(nonce);
    w.bytes(prefix_);
    w.u64_le(count);
    return nonce;
}

}  // namespace twofold::fs

#include "keyring/crypto/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>

namespace twofold::crypto {

Result<Uuid> RandomSource::uuid() {
    Uuid id;
    do {
        TF_TRY(fill(id.bytes));
    } while (id.is_zero());
    return id;
}

Result<void> KernelRandom::fill(MutableBytes out) {
    while (!out.empty()) {
        const ssize_t got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return fail_errno(errno, "getrandom");
        out = out.subspan(static_cast<std::size_t>(got));
    }
    return {};
}

}  // namespace twofold::crypto

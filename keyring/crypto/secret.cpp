#include "keyring/crypto/secret.h"

#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>

#include "keyring/crypto/arena.h"
#include "keyring/crypto/openssl.h"
#include "keyring/crypto/random.h"

namespace twofold::crypto {

namespace {

Result<void> start_once() {
    TF_TRY(arena::map());
    TF_TRY(start_openssl());
    if (sodium_init() < 0) return fail(Errc::failed, "libsodium: cannot be initialised");
    return {};
}

}  // namespace

Result<void> start() {
    if (arena::lost_in_fork())
        return fail(Errc::failed, "secret arena: left behind in a fork; start after the last one");
    static const Result<void> started = start_once();
    if (!started) return fail(Error(started.error()));
    return {};
}

Result<SecretBytes> SecretBytes::zeroed(std::size_t size) {
    if (size == 0) return SecretBytes();
    auto* const data = static_cast<std::byte*>(arena::allocate(size));
    if (data == nullptr)
        return fail(Errc::out_of_memory, "secret arena: no room for {} bytes", size);
    return SecretBytes(data, size);
}

Result<SecretBytes> SecretBytes::random(std::size_t size) {
    TF_ASSIGN(SecretBytes bytes, zeroed(size));
    TF_TRY(KernelRandom().fill(bytes.reveal_mutable()));
    return bytes;
}

Result<SecretBytes> SecretBytes::copy_of(Bytes from) {
    TF_ASSIGN(SecretBytes bytes, zeroed(from.size()));
    if (!from.empty()) std::memcpy(bytes.data_, from.data(), from.size());
    return bytes;
}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
    if (this == &other) return *this;
    wipe();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    return *this;
}

SecretBytes::~SecretBytes() { wipe(); }

void SecretBytes::wipe() {
    arena::free(std::exchange(data_, nullptr));
    size_ = 0;
}

bool equal_in_constant_time(Bytes a, Bytes b) {
    return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

void wipe(MutableBytes bytes) {
    if (!bytes.empty()) sodium_memzero(bytes.data(), bytes.size());
}

Result<void> forbid_dumps() {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0) return fail_errno(errno, "core dumps: limit");
    // A core_pattern that is a pipe ignores the limit, but not this.
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno(errno, "core dumps: dumpable");
    return {};
}

}  // namespace twofold::crypto

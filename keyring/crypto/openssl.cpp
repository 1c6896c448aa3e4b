#include "keyring/crypto/openssl.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "keyring/crypto/arena.h"

namespace twofold::crypto {

namespace {

// That the arena was full for this thread since it last asked: with no memory OpenSSL cannot note
// its own error either.
thread_local bool t_full = false;

// Before start() OpenSSL has no keys of ours and takes its memory from malloc.
void* allocate(std::size_t size, const char*, int) {
    if (!arena::mapped() && !arena::lost_in_fork()) return std::malloc(size);
    void* const fresh = arena::allocate(size);
    if (fresh == nullptr && size != 0) t_full = true;
    return fresh;
}

void release(void* pointer, const char*, int) {
    if (arena::contains(pointer))
        arena::free(pointer);
    else
        std::free(pointer);
}

std::size_t size_of(void* pointer) {
    return arena::contains(pointer) ? arena::size_of(pointer) : ::malloc_usable_size(pointer);
}

void* reallocate(void* old, std::size_t size, const char* file, int line) {
    if (old == nullptr) return allocate(size, file, line);
    void* const fresh = size == 0 ? nullptr : allocate(size, file, line);
    if (fresh == nullptr && size != 0) return nullptr;
    if (fresh != nullptr) std::memcpy(fresh, old, std::min(size, size_of(old)));
    release(old, file, line);
    return fresh;
}

bool g_set_up = false;

// OpenSSL takes an allocator only before its own first allocation, and shared libraries use it in
// their constructors (that of cpp-httplib does). So this runs before all constructors.
void set_up_openssl() {
    // Which implementation of a cipher runs is not for a configuration file to say. No cleaning up
    // in exit(): threads may still use their contexts, and a forked child has none of the arena.
    g_set_up =
        CRYPTO_set_mem_functions(allocate, reallocate, release) == 1 &&
        OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr) == 1;
}
[[gnu::section(".preinit_array"),
  gnu::used]] void (*const g_before_constructors)() = set_up_openssl;

Ciphers g_ciphers;  // written once, by start_openssl()

}  // namespace

Result<void> start_openssl() {
    if (!g_set_up) return fail(Errc::failed, "OpenSSL: was in use before this program began");
    TF_ASSIGN(g_ciphers.aes_256_ecb, fetch_cipher("AES-256-ECB"));
    TF_ASSIGN(g_ciphers.aes_256_gcm, fetch_cipher("AES-256-GCM"));
    TF_ASSIGN(g_ciphers.chacha20_poly1305, fetch_cipher("ChaCha20-Poly1305"));
    TF_ASSIGN(g_ciphers.aes_256_xts, fetch_cipher("AES-256-XTS"));
    return {};
}

Result<const EVP_CIPHER*> fetch_cipher(const char* name) {
    TF_CHECK(arena::mapped() && "crypto::start() ran before");
    const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, name, "provider=default");
    if (cipher == nullptr) {
        const std::string what = fmt::format("{}: not offered by this OpenSSL", name);
        return openssl_failure(what.c_str(), Errc::unsupported);
    }
    return cipher;
}

const Ciphers& ciphers() {
    TF_CHECK(g_ciphers.aes_256_xts != nullptr && "crypto::start() ran before");
    return g_ciphers;
}

Failure openssl_failure(const char* what, Errc otherwise) {
    ERR_clear_error();
    if (std::exchange(t_full, false))
        return fail(Errc::out_of_memory, "{}: secret arena full", what);
    if (otherwise == Errc::failed) return fail(otherwise, "{}: failed in OpenSSL", what);
    return fail(otherwise, "{}", what);
}

}  // namespace twofold::crypto

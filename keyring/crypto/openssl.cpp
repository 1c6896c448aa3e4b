#include "keyring/crypto/openssl.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "keyring/crypto/arena.h"

namespace twofold::crypto {

namespace {

// That the arena was full for this thread since it last asked: with no memory OpenSSL cannot note
// its own error either.
thread_local bool t_full = false;

void* take(std::size_t size) {
    void* const fresh = arena::allocate(size);
    if (fresh == nullptr && size != 0) t_full = true;
    return fresh;
}

void* allocate(std::size_t size, const char*, int) { return take(size); }

void release(void* pointer, const char*, int) { arena::free(pointer); }

void* reallocate(void* old, std::size_t size, const char*, int) {
    if (old == nullptr) return take(size);
    if (size == 0) {
        arena::free(old);
        return nullptr;
    }
    void* const fresh = take(size);
    if (fresh == nullptr) return nullptr;
    std::memcpy(fresh, old, std::min(size, arena::size_of(old)));
    arena::free(old);
    return fresh;
}

Ciphers g_ciphers;  // written once, by start_openssl()

}  // namespace

Result<void> start_openssl() {
    if (CRYPTO_set_mem_functions(allocate, reallocate, release) != 1)
        return fail(Errc::failed, "OpenSSL: used before the secret arena was started");
    // Which implementation of a cipher runs is not for a configuration file to say. No cleaning up
    // in exit(): threads may still use their contexts, and a forked child has none of this memory.
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr) != 1)
        return openssl_failure("OpenSSL: cannot be initialised");
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

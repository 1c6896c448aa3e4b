#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "base/bytes.h"

namespace twofold::crypto {

// The process's one arena for key bytes: a fixed number of pages, locked, excluded from core dumps,
// between guard pages, in a secret memory file where the kernel has them. SecretBytes and the
// allocations of OpenSSL (its contexts hold key schedules) live in it and are wiped when freed.
//
// start() must run once, before any use of this module and after the last fork of a daemon: a child
// does not get the pages. What OpenSSL allocated before, for other libraries, stays outside. It
// also calls sodium_init. Errc::out_of_memory where RLIMIT_MEMLOCK is too low. Idempotent and
// thread-safe.
Result<void> start();

struct ArenaUse {
    std::size_t size = 0;         // bytes in the arena
    std::size_t used = 0;         // bytes handed out now
    std::size_t highest = 0;      // the most ever handed out
    bool secret_file = false;     // memfd_secret: not even root can read it from outside
    const void* begin = nullptr;  // for tests that search the process's memory
};
ArenaUse arena_use();

// Owns key bytes: move-only, in the arena, wiped on destruction, never printed, never compared with
// ==. What must read them says reveal(): grep that word to find every use of key bytes.
class SecretBytes {
public:
    static Result<SecretBytes> random(std::size_t size);  // from the kernel
    static Result<SecretBytes> zeroed(std::size_t size);  // to be filled through reveal_mutable()
    static Result<SecretBytes> copy_of(Bytes bytes);      // the caller wipes its own

    SecretBytes() = default;  // empty
    SecretBytes(SecretBytes&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    SecretBytes& operator=(SecretBytes&& other) noexcept;
    ~SecretBytes();

    Bytes reveal() const { return {data_, size_}; }
    MutableBytes reveal_mutable() { return {data_, size_}; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    Result<SecretBytes> clone() const { return copy_of(reveal()); }
    void wipe();  // now empty

private:
    SecretBytes(std::byte* data, std::size_t size) : data_(data), size_(size) {}
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

bool equal_in_constant_time(Bytes a, Bytes b);  // false for different sizes
void wipe(MutableBytes bytes);                  // not optimised away

// RLIMIT_CORE 0 and PR_SET_DUMPABLE 0: no core files, no ptrace by the same user. For the daemon.
Result<void> forbid_dumps();

}  // namespace twofold::crypto

#include "keyring/crypto/arena.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/unique_fd.h"
#include "keyring/crypto/arena_heap.h"
#include "keyring/crypto/random.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

namespace twofold::crypto {

namespace {

// Half of the usual limit of locked memory, 8 MiB. README.md says what fills it.
constexpr std::size_t kArenaSize = std::size_t{4} << 20;

struct Arena {
    MutableBytes pages;
    bool secret_file;
    ArenaHeap heap;
};

// Never destroyed: OpenSSL's contexts of other threads may outlive main().
alignas(Arena) std::byte g_storage[sizeof(Arena)];
std::atomic<Arena*> g_arena{nullptr};
std::atomic<bool> g_lost_in_fork{false};
MutableBytes g_pages;  // written once, before g_arena

void close_in_child() {
    const Arena* const arena = g_arena.exchange(nullptr);
    if (arena == nullptr) return;
    g_lost_in_fork = true;
    ::mmap(arena->pages.data(), arena->pages.size(), PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
}

// Address space for the arena between two pages that no access may reach.
Result<MutableBytes> reserve() {
    const auto guard = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const at = ::mmap(nullptr, kArenaSize + 2 * guard, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return fail_errno(errno, "secret arena");
    return MutableBytes(static_cast<std::byte*>(at) + guard, kArenaSize);
}

// memfd_secret(2): pages that the kernel itself has no mapping of, and that neither ptrace nor
// /proc/PID/mem can read. Locked and left out of core dumps by nature.
bool map_secret_file(MutableBytes pages) {
#ifdef SYS_memfd_secret
    const UniqueFd fd(static_cast<int>(::syscall(SYS_memfd_secret, O_CLOEXEC)));
    if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(pages.size())) != 0) return false;
    return ::mmap(pages.data(), pages.size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                  fd.get(), 0) != MAP_FAILED;
#else
    return pages.empty();
#endif
}

bool map_locked_memory(MutableBytes pages) {
    return ::mmap(pages.data(), pages.size(), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED &&
           ::mlock(pages.data(), pages.size()) == 0;
}

// What OpenSSL allocated before the arena was there may be known from inside it alone.
void register_root_region([[maybe_unused]] MutableBytes pages) {
#ifdef __SANITIZE_ADDRESS__
    __lsan_register_root_region(pages.data(), pages.size());
#endif
}

void raise_lock_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_MEMLOCK, &limit);  // if refused, so will be what follows
}

Failure cannot_lock(int sys_errno) {
    Error error{Errc::out_of_memory, {}, {}, sys_errno, {}};
    error.what = fmt::format("secret arena: cannot lock {} KiB", kArenaSize >> 10);
    return fail(std::move(error).advise("raise the limit of locked memory (ulimit -l 8192)"));
}

}  // namespace

Result<void> arena::map() {
    std::uint64_t canary = 0;
    TF_TRY(KernelRandom().fill(std::as_writable_bytes(std::span(&canary, 1))));
    TF_ASSIGN(const MutableBytes pages, reserve());
    raise_lock_limit();
    const bool secret_file = map_secret_file(pages);
    if (!secret_file && !map_locked_memory(pages)) return cannot_lock(errno);
    if (::madvise(pages.data(), pages.size(), MADV_DONTDUMP) != 0 ||
        ::madvise(pages.data(), pages.size(), MADV_DONTFORK) != 0)
        return fail_errno(errno, "secret arena");
    std::memset(pages.data(), 0, pages.size());  // every page is there from now on
    if (const int error = ::pthread_atfork(nullptr, nullptr, close_in_child); error != 0)
        return fail_errno(error, "secret arena");
    register_root_region(pages);
    g_pages = pages;
    g_arena = new (g_storage) Arena{pages, secret_file, {pages, canary}};
    return {};
}

bool arena::mapped() { return g_arena.load(std::memory_order_acquire) != nullptr; }

bool arena::lost_in_fork() { return g_lost_in_fork; }

void* arena::allocate(std::size_t size) noexcept {
    Arena* const arena = g_arena.load(std::memory_order_acquire);
    TF_CHECK((arena != nullptr || g_lost_in_fork) && "crypto::start() ran before");
    return arena == nullptr ? nullptr : arena->heap.allocate(size);
}

void arena::free(void* pointer) noexcept {
    if (Arena* const arena = g_arena.load(std::memory_order_acquire)) arena->heap.free(pointer);
}

std::size_t arena::size_of(void* pointer) noexcept {
    Arena* const arena = g_arena.load(std::memory_order_acquire);
    return arena == nullptr ? 0 : arena->heap.size_of(pointer);
}

bool arena::contains(const void* pointer) noexcept {
    if (!mapped() && !lost_in_fork()) return false;
    const auto offset = reinterpret_cast<std::uintptr_t>(pointer) -
                        reinterpret_cast<std::uintptr_t>(g_pages.data());
    return offset < g_pages.size();
}

ArenaUse arena_use() {
    const Arena* const arena = g_arena.load(std::memory_order_acquire);
    if (arena == nullptr) return {};
    return {.size = arena->pages.size(),
            .used = arena->heap.used(),
            .highest = arena->heap.highest(),
            .secret_file = arena->secret_file,
            .begin = arena->pages.data()};
}

}  // namespace twofold::crypto

#include "keyring/crypto/secret.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <thread>
#include <type_traits>

#include "keyring/crypto/aead.h"
#include "keyring/crypto/random.h"
#include "keyring/crypto/rsa.h"
#include "tests/keyring/crypto/child.h"
#include "tests/support/matchers.h"

namespace twofold::crypto {
namespace {

static_assert(!std::is_copy_constructible_v<SecretBytes>);
static_assert(!std::is_copy_assignable_v<SecretBytes>);

bool in_arena(const void* pointer) {
    const auto begin = reinterpret_cast<std::uintptr_t>(arena_use().begin);
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    return address >= begin && address < begin + arena_use().size;
}

// Takes what is left of the arena, in pieces of down to 64 bytes.
std::vector<SecretBytes> fill_arena() {
    std::vector<SecretBytes> all;
    for (std::size_t size = std::size_t{1} << 20; size >= 64;) {
        auto bytes = SecretBytes::zeroed(size);
        if (bytes)
            all.push_back(std::move(*bytes));
        else
            size /= 2;
    }
    return all;
}

TEST(SecretBytes, LieInTheArena) {
    const std::size_t used = arena_use().used;
    {
        const SecretBytes bytes = must(SecretBytes::random(64));
        EXPECT_TRUE(in_arena(bytes.reveal().data()));
        EXPECT_FALSE(all_zero(bytes.reveal()));
        EXPECT_GT(arena_use().used, used);
    }
    EXPECT_EQ(arena_use().used, used);
}

TEST(SecretBytes, MoveLeavesTheSourceEmpty) {
    SecretBytes a = must(SecretBytes::copy_of(as_bytes("abc")));
    SecretBytes b = std::move(a);
    EXPECT_TRUE(a.empty());
    EXPECT_EQ(as_text(b.reveal()), "abc");
    SecretBytes c = must(b.clone());
    b.wipe();
    EXPECT_TRUE(b.empty());
    EXPECT_EQ(as_text(c.reveal()), "abc");
    c = must(SecretBytes::copy_of(as_bytes("de")));
    EXPECT_EQ(as_text(c.reveal()), "de");
}

TEST(SecretBytes, OfNoBytesAreEmpty) {
    EXPECT_TRUE(must(SecretBytes::zeroed(0)).empty());
    EXPECT_TRUE(must(SecretBytes::copy_of({})).empty());
}

TEST(Arena, WhenFullFailsCleanlyAndServesAgainAfterwards) {
    const auto aead = must(make_xaes_256_gcm(must(SecretBytes::random(32))));
    const auto xts = must(make_aes_256_xts(must(SecretBytes::random(64))));
    std::array<std::byte, 16> text{}, tag{};
    {
        const std::vector<SecretBytes> all = fill_arena();
        EXPECT_THAT(SecretBytes::zeroed(100), FailsWith(Errc::out_of_memory));
        // No thread has used these keys yet: their contexts find no room.
        EXPECT_THAT(xts->encrypt(tag, text, text), FailsWith(Errc::out_of_memory));
        EXPECT_THAT(aead->seal(Nonce{}, {}, text, text, tag), FailsWith(Errc::out_of_memory));
        EXPECT_THAT(Rsa::generate(2048), FailsWith(Errc::out_of_memory));
        std::thread([&] {  // has not even OpenSSL's own queue of errors
            EXPECT_THAT(xts->encrypt(tag, text, text), FailsWith(Errc::out_of_memory));
        })
            .join();
    }
    EXPECT_THAT(xts->encrypt(tag, text, text), Succeeds());
    EXPECT_THAT(aead->seal(Nonce{}, {}, text, text, tag), Succeeds());
}

TEST(Arena, GivesBackEverythingThatKeysAndThreadsTook) {
    const auto run = [] {
        const auto aead = must(make_xaes_256_gcm(must(SecretBytes::random(32))));
        const auto xts = must(make_aes_256_xts(must(SecretBytes::random(64))));
        std::vector<std::thread> threads;
        for (int i = 0; i < 16; ++i)
            threads.emplace_back([&] {
                std::array<std::byte, 64> text{};
                std::array<std::byte, 16> tag{};
                for (std::uint8_t epoch = 0; epoch < 10; ++epoch) {
                    Nonce nonce{};
                    nonce[0] = std::byte{epoch};
                    must(aead->seal(nonce, {}, text, text, tag));
                    must(xts->encrypt(tag, text, text));
                    must(xts->decrypt(tag, text, text));
                }
            });
        for (auto& thread : threads) thread.join();
        EXPECT_GT(arena_use().used, 16U * 5 * 1024);  // still there, since the keys are
    };
    run();
    const std::size_t used = arena_use().used;
    run();
    EXPECT_EQ(arena_use().used, used);
}

TEST(Start, MayBeCalledAgain) { EXPECT_THAT(start(), Succeeds()); }

TEST(Start, SaysInAForkedChildThatTheSecretsStayedBehind) {
    const SecretBytes secret = must(SecretBytes::random(32));
    EXPECT_EQ(exit_code_of_child([&] {
                  if (arena_use().size != 0) return 1;
                  if (SecretBytes::zeroed(1).has_value()) return 2;
                  const auto started = start();
                  return !started && started.error().code == Errc::failed ? 42 : 3;
              }),
              42);
    EXPECT_FALSE(all_zero(secret.reveal()));
}

TEST(Start, LeavesAForkedChildAbleToExecAndToExit) {
    must(make_aes_256_xts(must(SecretBytes::random(64))));  // OpenSSL has been at work
    EXPECT_EQ(exit_code_of_child([]() -> int {
                  ::execl("/bin/sh", "sh", "-c", "exit 42", nullptr);
                  return 1;
              }),
              42);
    SecretBytes secret = must(SecretBytes::random(32));
    EXPECT_EQ(exit_code_of_child([&] {
                  secret.wipe();  // touches nothing of the parent's
                  return 42;
              }),
              42);
    EXPECT_FALSE(all_zero(secret.reveal()));
}

TEST(Start, LeavesNothingToReadInAForkedChild) {
    const SecretBytes secret = must(SecretBytes::random(32));
    EXPECT_EQ(exit_code_of_child([&] {
                  ::signal(SIGSEGV, [](int) { ::_exit(42); });
                  const volatile std::byte* const at = secret.reveal().data();
                  return std::to_integer<int>(*at) & 1;
              }),
              42);
}

TEST(ForbidDumps, TurnsOffCoreFilesAndTracing) {
    EXPECT_EQ(exit_code_of_child([] {
                  if (!forbid_dumps()) return 1;
                  rlimit limit{};
                  if (::getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max != 0) return 2;
                  return ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 42 : 3;
              }),
              42);
}

TEST(EqualInConstantTime, ComparesSizeAndBytes) {
    EXPECT_TRUE(equal_in_constant_time({}, {}));
    EXPECT_TRUE(equal_in_constant_time(as_bytes("ab"), as_bytes("ab")));
    EXPECT_FALSE(equal_in_constant_time(as_bytes("ab"), as_bytes("ac")));
    EXPECT_FALSE(equal_in_constant_time(as_bytes("ab"), as_bytes("abc")));
}

TEST(KernelRandom, NeverGivesAZeroUuid) {
    EXPECT_FALSE(must(KernelRandom().uuid()).is_zero());
    EXPECT_NE(must(KernelRandom().uuid()), must(KernelRandom().uuid()));
}

}  // namespace
}  // namespace twofold::crypto

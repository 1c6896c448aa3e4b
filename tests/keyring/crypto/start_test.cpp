#include <openssl/crypto.h>
#include <sys/resource.h>

#include <cstring>

#include "keyring/crypto/aead.h"
#include "tests/keyring/crypto/child.h"
#include "tests/keyring/crypto/deny_secret_files.h"
#include "tests/support/matchers.h"

// First starts, each in a child of a program that never starts.
namespace twofold::crypto {
namespace {

constexpr rlim_t kKiB = 1024;

// As an ordinary user with this limit of locked memory.
bool limit_to(rlim_t soft, rlim_t hard) {
    const rlimit limit{soft, hard};
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return false;
    return ::geteuid() != 0 || ::setresuid(65534, 65534, 65534) == 0;
}

bool seals() {
    const auto aead = make_xaes_256_gcm(must(SecretBytes::random(32)));
    std::array<std::byte, 16> text{}, tag{};
    return aead && (*aead)->seal(Nonce{}, {}, text, text, tag).has_value();
}

TEST(FirstStart, WorksForAnOrdinaryUserWithin8MiB) {
    EXPECT_EQ(exit_code_of_child([] {
                  if (!limit_to(8192 * kKiB, 8192 * kKiB)) return 1;
                  return start() && seals() ? 42 : 2;
              }),
              42);
}

TEST(FirstStart, RaisesALimitThatMayBeRaised) {
    EXPECT_EQ(exit_code_of_child([] {
                  if (!limit_to(64 * kKiB, 8192 * kKiB)) return 1;
                  return start() && seals() ? 42 : 2;
              }),
              42);
}

TEST(FirstStart, SaysWhatToDoWhereTheLimitIsTooLow) {
    EXPECT_EQ(exit_code_of_child([] {
                  if (!limit_to(64 * kKiB, 64 * kKiB)) return 1;
                  const auto started = start();
                  if (started || started.error().code != Errc::out_of_memory) return 2;
                  if (started.error().advice.find("ulimit -l") == std::string::npos) return 3;
                  return start().has_value() ? 4 : 42;  // it stays failed
              }),
              42);
}

TEST(FirstStart, LocksOrdinaryMemoryWhereTheKernelHasNoSecretFiles) {
    EXPECT_EQ(exit_code_of_child([] {
                  deny_secret_files();
                  if (!limit_to(8192 * kKiB, 8192 * kKiB)) return 1;
                  return start() && seals() && !arena_use().secret_file ? 42 : 2;
              }),
              42);
}

// As a shared library may: before main(). The memory outlives the start of the arena.
const bool g_early = OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, nullptr) == 1;
void* g_early_memory = OPENSSL_malloc(100);

TEST(FirstStart, MayComeAfterOtherUsesOfOpenssl) {
    EXPECT_TRUE(g_early);
    EXPECT_EQ(exit_code_of_child([] {
                  std::memset(g_early_memory, 7, 100);
                  if (!start() || !seals()) return 1;
                  auto* grown = static_cast<unsigned char*>(OPENSSL_realloc(g_early_memory, 5000));
                  const auto offset = reinterpret_cast<std::uintptr_t>(grown) -
                                      reinterpret_cast<std::uintptr_t>(arena_use().begin);
                  if (offset >= arena_use().size || grown[0] != 7 || grown[99] != 7) return 2;
                  OPENSSL_free(grown);
                  return 42;
              }),
              42);
    OPENSSL_free(g_early_memory);
}

TEST(FirstStartDeathTest, MustComeBeforeAnyUseOfKeys) {
    EXPECT_DEATH(static_cast<void>(SecretBytes::zeroed(32)), "start.. ran before");
    EXPECT_DEATH(static_cast<void>(make_aes_256_xts({})), "start.. ran before");
}

}  // namespace
}  // namespace twofold::crypto

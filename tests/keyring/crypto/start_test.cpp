#include <openssl/crypto.h>
#include <sys/resource.h>

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

TEST(FirstStart, RefusesToComeAfterOtherUsesOfOpenssl) {
    EXPECT_EQ(exit_code_of_child([] {
                  OPENSSL_free(OPENSSL_malloc(1));
                  const auto started = start();
                  return !started && started.error().code == Errc::failed ? 42 : 1;
              }),
              42);
}

TEST(FirstStartDeathTest, MustComeBeforeAnyUseOfKeys) {
    EXPECT_DEATH(static_cast<void>(SecretBytes::zeroed(32)), "start.. ran before");
    EXPECT_DEATH(static_cast<void>(OPENSSL_malloc(1), make_aes_256_xts({})), "start.. ran before");
}

}  // namespace
}  // namespace twofold::crypto

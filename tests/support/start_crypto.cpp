#include "keyring/crypto/secret.h"
#include "tests/support/matchers.h"

// Linked into a test program (twofold::start_crypto), starts the secret arena before its first
// test.
namespace twofold {
namespace {

class StartCrypto final : public testing::Environment {
    void SetUp() override { must(crypto::start(), "crypto::start"); }
};

[[maybe_unused]] const auto* const g_start = testing::AddGlobalTestEnvironment(new StartCrypto);

}  // namespace
}  // namespace twofold

#include "keyring/crypto/secret.h"
#include "tests/keyring/crypto/deny_secret_files.h"
#include "tests/support/matchers.h"

// In place of start_crypto: the tests it is linked with run over locked memory.
namespace twofold::crypto {
namespace {

class StartWithoutSecretFiles final : public testing::Environment {
    void SetUp() override {
        deny_secret_files();
        must(start(), "crypto::start");
        ASSERT_FALSE(arena_use().secret_file);
    }
};

[[maybe_unused]] const auto* const g_start =
    testing::AddGlobalTestEnvironment(new StartWithoutSecretFiles);

}  // namespace
}  // namespace twofold::crypto

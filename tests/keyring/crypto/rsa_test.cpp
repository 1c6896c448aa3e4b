#include "keyring/crypto/rsa.h"

#include <set>

#include "base/hex.h"
#include "tests/support/matchers.h"

namespace twofold::crypto {
namespace {

TEST(Rsa, UnwrapsWhatItsPublicHalfWrapped) {
    const Rsa key = must(Rsa::generate(2048));
    EXPECT_EQ(key.bits(), 2048);
    EXPECT_EQ(to_hex(must(key.exponent())), "010001");
    const Rsa half = must(Rsa::from_public(must(key.modulus()), must(key.exponent())));
    EXPECT_FALSE(half.has_private());
    EXPECT_THAT(half.private_der(), FailsWith(Errc::invalid));
    const auto wrapped = must(half.oaep_256_encrypt(as_bytes("a key of any 32 bytes or so")));
    EXPECT_EQ(wrapped.size(), 256U);
    EXPECT_EQ(as_text(must(key.oaep_256_decrypt(wrapped)).reveal()), "a key of any 32 bytes or so");

    const Rsa again = must(Rsa::from_private_der(must(key.private_der()).reveal()));
    EXPECT_EQ(must(again.modulus()), must(key.modulus()));
    EXPECT_EQ(as_text(must(again.oaep_256_decrypt(wrapped)).reveal()),
              "a key of any 32 bytes or so");
}

TEST(Rsa, SaysTheSameWhateverWasWrong) {
    const Rsa key = must(Rsa::generate(2048));
    auto wrapped = must(key.oaep_256_encrypt(as_bytes("secret")));
    std::vector<std::vector<std::byte>> wrong = {{}, std::vector<std::byte>(256), wrapped, wrapped};
    wrong[2].back() ^= std::byte{1};
    wrong[3].pop_back();
    wrong.push_back(std::vector<std::byte>(256, std::byte{0xff}));
    wrong.push_back(must(must(Rsa::generate(2048)).oaep_256_encrypt(as_bytes("secret"))));
    std::set<std::string> messages;
    for (const auto& bytes : wrong) {
        const auto result = key.oaep_256_decrypt(bytes);
        ASSERT_THAT(result, FailsWith(Errc::wrong_key));
        messages.insert(result.error().line());
    }
    EXPECT_EQ(messages.size(), 1U);
}

TEST(Rsa, RefusesOtherSizesAndBytesThatAreNoKey) {
    EXPECT_THAT(Rsa::generate(1024), FailsWith(Errc::unsupported));
    EXPECT_THAT(Rsa::from_private_der(as_bytes("0")), FailsWith(Errc::invalid));
    EXPECT_THAT(Rsa::from_private_der({}), FailsWith(Errc::invalid));
    const std::byte three{3};
    EXPECT_THAT(Rsa::from_public({}, Bytes(&three, 1)), FailsWith(Errc::invalid));
    EXPECT_THAT(Rsa::from_public(Bytes(&three, 1), Bytes(&three, 1)), FailsWith(Errc::unsupported));
    const Rsa key = must(Rsa::generate(2048));
    EXPECT_THAT(key.oaep_256_encrypt(std::vector<std::byte>(191)), FailsWith(Errc::invalid));
    EXPECT_THAT(key.oaep_256_encrypt(std::vector<std::byte>(190)), Succeeds());
}

}  // namespace
}  // namespace twofold::crypto

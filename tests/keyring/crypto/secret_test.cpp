#include "keyring/crypto/secret.h"

#include <type_traits>

#include "keyring/crypto/random.h"
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

TEST(SecretBytes, LieInTheArenaAndAreWipedWhenTheyEnd) {
    const std::byte* place = nullptr;
    const std::size_t used = arena_use().used;
    {
        SecretBytes bytes = must(SecretBytes::random(64));
        place = bytes.reveal().data();
        EXPECT_TRUE(in_arena(place));
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
}

TEST(SecretBytes, FailCleanlyWhenTheArenaIsFull) {
    EXPECT_THAT(SecretBytes::zeroed(arena_use().size), FailsWith(Errc::out_of_memory));
    EXPECT_THAT(SecretBytes::zeroed(1), Succeeds());
}

TEST(Start, MayBeCalledAgain) { EXPECT_THAT(start(), Succeeds()); }

TEST(KernelRandom, NeverGivesAZeroUuid) {
    EXPECT_FALSE(must(KernelRandom().uuid()).is_zero());
    EXPECT_NE(must(KernelRandom().uuid()), must(KernelRandom().uuid()));
}

}  // namespace
}  // namespace twofold::crypto

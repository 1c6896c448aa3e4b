#include "keyring/crypto/arena_heap.h"

#include <map>
#include <random>

#include "tests/support/matchers.h"

namespace twofold::crypto {
namespace {

class ArenaHeapTest : public testing::Test {
protected:
    static constexpr std::size_t kSize = 64 * 1024;

    std::byte* take(std::size_t size) { return static_cast<std::byte*>(heap_.allocate(size)); }

    alignas(16) std::array<std::byte, kSize> region_{};
    ArenaHeap heap_{region_, 0x0123456789abcdef};
};

// Looks at freed memory and writes where it must not, both of which the sanitizer would report.
__attribute__((no_sanitize("address"))) bool is_zero(const volatile std::byte* at,
                                                     std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        if (at[i] != std::byte{0}) return false;
    return true;
}
__attribute__((no_sanitize("address"))) void overwrite(volatile std::byte* at) {
    *at = static_cast<std::byte>(static_cast<unsigned char>(*at) ^ 1);
}

TEST_F(ArenaHeapTest, HandsOutAlignedZeroes) {
    for (const std::size_t size : {1, 15, 16, 17, 4096}) {
        std::byte* const at = take(size);
        ASSERT_NE(at, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(at) % 16, 0U);
        EXPECT_TRUE(all_zero(Bytes(at, size)));
        EXPECT_EQ(heap_.size_of(at), size);
        std::memset(at, 0xee, size);
    }
    EXPECT_EQ(heap_.allocate(0), nullptr);
    EXPECT_EQ(heap_.allocate(kSize), nullptr);
    EXPECT_EQ(heap_.allocate(SIZE_MAX), nullptr);
}

TEST_F(ArenaHeapTest, WipesWhatIsFreed) {
    std::byte* const at = take(1000);
    std::byte* const fence = take(16);  // keeps the freed block from melting into the rest
    std::memset(at, 0xee, 1000);
    heap_.free(at);
    // The first bytes hold the place in the list of free blocks.
    EXPECT_TRUE(is_zero(at + 16, 1000 - 16));
    heap_.free(fence);
    EXPECT_EQ(heap_.used(), 0U);
}

TEST_F(ArenaHeapTest, AgreesWithAModelOverRandomCallsAndIsWholeAgainAtTheEnd) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    struct Held {
        std::size_t size;
        std::byte fill;
    };
    std::map<std::byte*, Held> held;
    int refused = 0;
    for (int step = 0; step < 20000; ++step) {
        if (random() % 16 < (step / 1000 % 2 == 0 ? 11U : 5U)) {
            const std::size_t size = 1 + (random() % 4 == 0 ? random() % 5000 : random() % 200);
            std::byte* const at = take(size);
            if (at == nullptr) {
                ++refused;
                continue;
            }
            ASSERT_TRUE(all_zero(Bytes(at, size)));
            const auto fill = static_cast<std::byte>(random());
            std::memset(at, std::to_integer<int>(fill), size);
            ASSERT_TRUE(held.emplace(at, Held{size, fill}).second);
        } else if (!held.empty()) {
            const auto it = std::next(held.begin(), static_cast<int>(random() % held.size()));
            const auto [at, what] = *it;
            for (std::size_t i = 0; i < what.size; ++i) ASSERT_EQ(at[i], what.fill);
            heap_.free(at);
            held.erase(it);
        }
    }
    EXPECT_GT(refused, 0);  // it was full at times
    for (const auto& [at, what] : held) heap_.free(at);
    EXPECT_EQ(heap_.used(), 0U);
    EXPECT_NE(take(kSize - 64), nullptr);  // all blocks joined into one
    EXPECT_GT(heap_.highest(), kSize / 2);
}

using ArenaHeapDeathTest = ArenaHeapTest;

TEST_F(ArenaHeapDeathTest, StopsAtAnOverrunOfOneByteEitherWay) {
    std::byte* const at = take(24);
    EXPECT_DEATH(overwrite(at + 24); heap_.free(at), "overrun");
    EXPECT_DEATH(overwrite(at - 1); heap_.free(at), "overrun");
    EXPECT_DEATH(overwrite(at - 12); heap_.free(at), "overrun");
    heap_.free(at);
}

TEST_F(ArenaHeapDeathTest, StopsAtADoubleFreeAndAtAForeignPointer) {
    std::byte* const at = take(24);
    std::byte elsewhere[64];
    EXPECT_DEATH(heap_.free(elsewhere), "pointer of the secret arena");
    EXPECT_DEATH(heap_.free(at + 16), "overrun");
    EXPECT_DEATH(heap_.free(at + 1), "pointer of the secret arena");
    EXPECT_DEATH(heap_.free(at); heap_.free(at), "not freed");
    heap_.free(at);
}

}  // namespace
}  // namespace twofold::crypto

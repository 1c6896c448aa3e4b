#include "fs/fuse/buffer_pool.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "tests/support/matchers.h"

namespace twofold::fs {
namespace {

TEST(BufferPool, WipesWhatComesBack) {
    BufferPool pool(65536);
    const std::byte* first = nullptr;
    {
        auto loan = pool.take();
        const MutableBytes bytes = loan.first(65536);
        first = bytes.data();
        std::ranges::fill(bytes, std::byte{0x5a});
    }
    auto again = pool.take();
    const MutableBytes bytes = again.first(65536);
    ASSERT_EQ(bytes.data(), first) << "the test needs the same buffer";
    EXPECT_TRUE(all_zero(bytes));
}

TEST(BufferPool, LoansAreApartAndAlignedToPages) {
    BufferPool pool(8192);
    auto a = pool.take(), b = pool.take();
    EXPECT_NE(a.first(1).data(), b.first(1).data());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.first(1).data()) % 4096, 0U);
}

TEST(BufferPool, MovedLoanComesBackOnce) {
    BufferPool pool(4096);
    {
        auto loan = pool.take();
        const auto moved = std::move(loan);
    }
    auto a = pool.take(), b = pool.take();
    EXPECT_NE(a.first(1).data(), b.first(1).data());
}

TEST(BufferPool, ServesManyThreads) {
    BufferPool pool(4096);
    std::vector<std::thread> threads;
    for (int id = 1; id <= 4; ++id)
        threads.emplace_back([&pool, id] {
            for (int i = 0; i < 500; ++i) {
                auto loan = pool.take();
                const MutableBytes bytes = loan.first(4096);
                ASSERT_TRUE(all_zero(bytes));
                std::ranges::fill(bytes, static_cast<std::byte>(id));
                ASSERT_TRUE(std::ranges::all_of(
                    bytes, [&](std::byte b) { return b == static_cast<std::byte>(id); }));
            }
        });
    for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace twofold::fs

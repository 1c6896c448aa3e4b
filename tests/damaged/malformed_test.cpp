// Every malformed image (bench.h) is made, opened, checked and inspected. What comes of it must be
// what fixtures/damaged/manifest says, in its very words; nothing is written, and no number that an
// image names makes the product ask for more memory than a sound image does.
#include <cstdlib>
#include <fstream>
#include <new>
#include <set>
#include <sstream>

#include "tests/damaged/trial.h"

namespace {

// The largest piece of memory asked for since it was set to 0.
std::size_t g_largest = 0;

}  // namespace

void* operator new(std::size_t size) {
    g_largest = std::max(g_largest, size);
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    g_largest = std::max(g_largest, size);
    return std::malloc(size);
}
// Not inlined: g++ would see a free() of what an operator new returned, and warn.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace twofold::damage {
namespace {

constexpr std::size_t kNumberOfCases = 350;
constexpr std::size_t kLargestPiece = 2 << 20;

std::string committed() {
    std::ifstream in(TWOFOLD_FIXTURES "/damaged/manifest");
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

TEST(MalformedImages, I_EachHasItsOutcomeAndIsLeftAsItIs) {
    Trial trial;
    std::string text;
    std::size_t count = 0;
    for (const Malformed& malformed : all_malformed()) {
        SCOPED_TRACE(malformed.name + ": " + malformed.what);
        g_largest = 0;
        text += trial.judge(malformed).line();
        EXPECT_LE(g_largest, kLargestPiece);
        ++count;
    }
    std::printf("%zu malformed images\n", count);
    EXPECT_EQ(count, kNumberOfCases);
    EXPECT_EQ(text, committed()) << "make_damaged --manifest writes it anew";
}

TEST(MalformedImages, EachHasANameOfItsOwn) {
    std::set<std::string> names;
    for (const Malformed& malformed : all_malformed())
        EXPECT_TRUE(names.insert(malformed.name).second) << malformed.name;
    EXPECT_EQ(names.size(), kNumberOfCases);
}

}  // namespace
}  // namespace twofold::damage

#include <openssl/crypto.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "keyring/crypto/aead.h"
#include "keyring/crypto/openssl.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_search.h"

// Where key bytes are, seen from outside: through /proc, as a tracer or a core dump would.
namespace twofold::crypto {
namespace {

Mapping arena_mapping() {
    for (const Mapping& mapping : must(mappings_of(::getpid())))
        if (mapping.contains(arena_use().begin)) return mapping;
    ADD_FAILURE() << "no mapping";
    return {};
}

std::size_t count_in_arena(const HiddenPattern& pattern) {
    std::size_t count = 0;
    const auto* const begin = static_cast<const std::byte*>(arena_use().begin);
    for (std::size_t at = pattern.find_in(begin, arena_use().size); at != HiddenPattern::npos;
         at = pattern.find_in(begin, arena_use().size, at + 1))
        ++count;
    return count;
}

// Hits outside the arena. Inside, a secret memory file cannot be read and locked memory can.
std::vector<MemorySearch::Hit> hits_elsewhere(const HiddenPattern& pattern) {
    auto hits = must(search_memory(::getpid(), pattern)).hits;
    std::erase_if(hits, [](const auto& hit) { return hit.mapping.contains(arena_use().begin); });
    return hits;
}

// Key and key schedule of FIPS 197, appendix A.3. Nowhere in this program but in disguise.
constexpr std::string_view kFipsKey =
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
constexpr std::string_view kFipsSchedule =
    "9ba354118e6925afa51a8b5f2067fcdea8b09c1a93d194cdbe49846eb75d5b9a";

std::byte hex_byte(std::string_view hex, std::size_t i) {
    return static_cast<std::byte>(std::stoul(std::string(hex.substr(2 * i, 2)), nullptr, 16));
}

// The data key is that of FIPS 197; decoded into the arena, byte by byte.
SecretBytes fips_xts_keys() {
    SecretBytes keys = must(SecretBytes::random(64));
    for (std::size_t i = 0; i < 32; ++i) keys.reveal_mutable()[i] = hex_byte(kFipsKey, i);
    return keys;
}

TEST(Arena, IsLockedAndLeftOutOfDumpsAndForks) {
    const Mapping mapping = arena_mapping();
    EXPECT_TRUE(mapping.has("lo")) << mapping.line();
    EXPECT_TRUE(mapping.has("dd")) << mapping.line();
    EXPECT_TRUE(mapping.has("dc")) << mapping.line();
    EXPECT_EQ(mapping.end - mapping.begin, arena_use().size);
}

TEST(Arena, LiesBetweenPagesThatCannotBeTouched) {
    const auto all = must(mappings_of(::getpid()));
    const auto at = std::find_if(all.begin(), all.end(), [](const Mapping& mapping) {
        return mapping.contains(arena_use().begin);
    });
    ASSERT_TRUE(at != all.end() && at != all.begin() && at + 1 != all.end());
    for (const Mapping& guard : {*(at - 1), *(at + 1)}) EXPECT_EQ(guard.permissions, "---p");
    EXPECT_EQ((at - 1)->end, at->begin);
    EXPECT_EQ((at + 1)->begin, at->end);
}

TEST(Arena, CanBeReadThroughProcOnlyWhereTheKernelHasNoSecretFiles) {
    const auto search = must(search_memory(::getpid(), HiddenPattern("00112233445566778899aabb")));
    EXPECT_GT(search.bytes, std::size_t{1} << 20);
    const bool unreadable = std::any_of(search.unreadable.begin(), search.unreadable.end(),
                                        [](auto& m) { return m.contains(arena_use().begin); });
    EXPECT_EQ(unreadable, arena_use().secret_file);
}

TEST(Arena, HoldsTheAllocationsOfOpenssl) {
    const CipherContext context(EVP_CIPHER_CTX_new());
    EXPECT_TRUE(arena_mapping().contains(context.get()));
    void* small = OPENSSL_malloc(10);
    EXPECT_TRUE(arena_mapping().contains(small));
    small = OPENSSL_realloc(small, 100000);
    EXPECT_TRUE(arena_mapping().contains(small));
    OPENSSL_free(small);
}

TEST(MemorySearch, FindsWhatIsOnTheHeap) {
    const HiddenPattern pattern("5a6b7c8d9eaf00112233445566778899");
    EXPECT_TRUE(hits_elsewhere(pattern).empty());
    std::vector<std::byte> found(16);
    for (std::size_t i = 0; i < 16; ++i) found[i] = hex_byte("5a6b7c8d9eaf00112233445566778899", i);
    const auto hits = hits_elsewhere(pattern);
    ASSERT_EQ(hits.size(), 1U);
    EXPECT_EQ(hits[0].address, reinterpret_cast<std::uintptr_t>(found.data()));
}

TEST(MemorySearch, FindsWhatAnotherProcessHoldsAndAcrossSeams) {
    constexpr std::size_t kSize = 3 << 20;  // read in pieces of 1 MiB; a copy lies across each end
    constexpr std::string_view kHex = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        std::vector<std::byte> held(kSize);
        for (std::size_t at = 0; at + 16 <= kSize; at += 4096 - 8)
            for (std::size_t i = 0; i < 16; ++i)
                static_cast<volatile std::byte&>(held[at + i]) = hex_byte(kHex, i);
        [[maybe_unused]] const auto told = ::write(ready[1], "r", 1);
        for (;;) ::pause();
    }
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    const auto search = search_memory(child, HiddenPattern(kHex));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);
    ASSERT_THAT(search, Succeeds());
    EXPECT_EQ(search->hits.size(), (kSize - 16) / (4096 - 8) + 1);
}

// The schedule follows the key in a context of AES-NI; other code keeps the words of the schedule
// the other way round.
TEST(Arena, IsTheOnlyPlaceOfALiveKeyAndItsScheduleAndIsWipedOfBoth) {
    const HiddenPattern key(kFipsKey), schedule(kFipsSchedule);
    EXPECT_EQ(count_in_arena(key), 0U);
    {
        const auto xts = must(make_aes_256_xts(fips_xts_keys()));
        std::array<std::byte, 4112> unit{};
        must(xts->encrypt(std::array<std::byte, 16>{}, unit, unit));
        EXPECT_GE(count_in_arena(key), 2U);  // ours, and the context's
        EXPECT_GE(count_in_arena(schedule), 1U);
        for (const HiddenPattern& pattern : {key, schedule}) {
            const auto hits = hits_elsewhere(pattern);
            EXPECT_TRUE(hits.empty()) << hits.size() << " in " << hits[0].mapping.line();
        }
    }
    EXPECT_EQ(count_in_arena(key), 0U);
    EXPECT_EQ(count_in_arena(schedule), 0U);
    EXPECT_TRUE(hits_elsewhere(key).empty());
    EXPECT_TRUE(hits_elsewhere(schedule).empty());
}

}  // namespace
}  // namespace twofold::crypto

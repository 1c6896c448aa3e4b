#include <map>

#include "base/hex.h"
#include "tests/secrets/disk_secrets.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_search.h"
#include "tests/support/test_disks.h"

// A disk that is closed leaves none of its keys in locked memory, though the process goes on.
namespace twofold {
namespace {

using Patterns = std::map<std::string, HiddenPattern>;

std::size_t count_in_arena(const HiddenPattern& pattern) {
    const auto use = crypto::arena_use();
    const auto* const begin = static_cast<const std::byte*>(use.begin);
    std::size_t count = 0;
    for (std::size_t at = pattern.find_in(begin, use.size); at != HiddenPattern::npos;
         at = pattern.find_in(begin, use.size, at + 1))
        ++count;
    return count;
}

// What hangs on the keys of a test disk, in disguise from here on.
Patterns secrets_of(TestDisk& disk, const Layers& layers) {
    std::array<crypto::SecretBytes, 2> deks;
    if (layers.layer1 != fs::Suite::none)
        deks[0] = std::move(must(disk.keys.current(crypto::Layer::one)).dek);
    if (layers.layer2 != fs::Suite::none)
        deks[1] = std::move(must(disk.keys.current(crypto::Layer::two)).dek);
    Patterns out;
    const auto image = disk.image.open();
    must(tell_disk_secrets("disk", *image, fs::Limits::tiny(), deks,
                           [&](const std::string& name, Bytes secret) {
                               out.emplace(name, HiddenPattern(to_hex(secret)));
                           }));
    return out;
}

bool is_kept(const std::string& name) {  // while the disk is open
    return name.ends_with("-data") || name.ends_with("-header") || name.ends_with("-envelope") ||
           name.ends_with("-tweak") || name.find("-volume-") != std::string::npos ||
           name.ends_with("-data-round14") || name.ends_with("-tweak-round14");
}

class Closing : public testing::TestWithParam<Layers> {};

TEST_P(Closing, LeavesNoKeyDerivedKeyOrRoundKey) {
    TestDisk disk({}, GetParam());
    disk.open();
    for (std::uint8_t i = 0; i < 8; ++i) must(disk.write(i, i));
    must(disk.sync());
    EXPECT_EQ(must(disk.read(3)), 3);
    const Patterns secrets = secrets_of(disk, GetParam());
    int kept = 0;
    for (const auto& [name, pattern] : secrets) {
        const std::size_t count = count_in_arena(pattern);
        if (!is_kept(name)) continue;
        ++kept;
        EXPECT_GE(count, 1u) << name;
    }
    EXPECT_GE(kept, 10) << "of " << secrets.size();
    for (const char* forgotten : {"-prk", "-wrap", "-volume"})
        for (const auto& [name, pattern] : secrets)
            if (name.ends_with(forgotten)) {
                EXPECT_EQ(count_in_arena(pattern), 0u) << name;
            }
    must(disk.disk->close());
    for (const auto& [name, pattern] : secrets) EXPECT_EQ(count_in_arena(pattern), 0u) << name;
}

INSTANTIATE_TEST_SUITE_P(EachShape, Closing, testing::ValuesIn(all_layers()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace twofold

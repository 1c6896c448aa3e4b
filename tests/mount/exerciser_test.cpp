#include "tests/mount/exerciser.h"

#include <cstdio>
#include <cstdlib>
#include <random>

#include "tests/mount/mounted.h"

// Random system calls on a mounted disk beside a model in memory. TWOFOLD_SEED repeats a run,
// TWOFOLD_OPERATIONS makes a longer one; for a million of them there is twofold-exerciser.
namespace twofold::fs {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

class ExerciserTest : public MountTest {
protected:
    // Every operation that the seed makes; in a process of its own, as it maps the disk.
    void run(Reach reach, std::uint64_t operations) {
        const std::uint64_t seed = number_from("TWOFOLD_SEED", std::random_device{}());
        const std::uint64_t count = number_from("TWOFOLD_OPERATIONS", operations);
        std::printf("TWOFOLD_SEED=%llu\n", static_cast<unsigned long long>(seed));
        in_child([&] {
            Exerciser exerciser(file(), reach, {model_.data(), model_.size()});
            const Exercised done = exercise(exerciser, seed, count);
            EXPECT_EQ(done.operations.size(), count);
            if (!done.failure) return;
            ADD_FAILURE() << "seed " << seed << ", operation " << done.operations.size() << ": "
                          << done.failure->line();
            for (const Operation& operation : shrink(exerciser, done.operations, 100))
                std::printf("%s\n", operation.text().c_str());
        });
        if (!HasFailure()) compare_device();
    }
    // What the device itself holds, past kernel and mount.
    void compare_device() {
        ASSERT_THAT(mounted_->stop(), Succeeds());
        Aligned got(1 << 20);
        for (std::uint64_t at = 0; at < kSize; at += got.size()) {
            must(device_->inner().read(ByteOffset{at}, {got.data(), got.size()}));
            ASSERT_TRUE(equal({got.data(), got.size()}, {model_.data() + at, got.size()})) << at;
        }
    }
    Aligned model_{kSize};
};
INSTANTIATE_TEST_SUITE_P(Mount, ExerciserTest, testing::ValuesIn(all_cases()), name_of);

TEST_P(ExerciserTest, AgreesWithAModelInMemory) {
    const bool plain = GetParam().device_name == "Plain";  // the yardstick: its faults are ours too
    run(direct() ? Reach::direct : Reach::buffered, plain ? 2000 : 20000);
}

// Buffered and direct calls on one file. For the kernel the direct cases are write-back ones.
class MixedExerciserTest : public ExerciserTest {};
std::vector<MountCase> cached_cases() {
    std::vector<MountCase> cases = all_cases();
    std::erase_if(cases, [](const MountCase& c) { return c.mode == CacheMode::direct; });
    return cases;
}
INSTANTIATE_TEST_SUITE_P(Mount, MixedExerciserTest, testing::ValuesIn(cached_cases()), name_of);

TEST_P(MixedExerciserTest, AgreesWithAModelInMemory) { run(Reach::mixed, 4000); }

// Discards of just so many blocks leave out the last one.
class ForgetfulDevice final : public BlockDevice {
public:
    static constexpr std::uint64_t kUnlucky = 3 * kBlockSize;
    explicit ForgetfulDevice(std::uint64_t size) : inner_(memory_device(size)) {}

    Geometry geometry() const override { return inner_->geometry(); }
    bool read_only() const override { return false; }
    Result<void> read(ByteOffset offset, MutableBytes out) override {
        return inner_->read(offset, out);
    }
    Result<void> write(ByteOffset offset, Bytes data) override {
        return inner_->write(offset, data);
    }
    Result<void> zero(ByteOffset offset, std::uint64_t length) override {
        return inner_->zero(offset, length == kUnlucky ? length - kBlockSize : length);
    }
    Result<std::optional<BlockRange>> next_data(BlockIndex from) override {
        return inner_->next_data(from);
    }
    Result<void> flush(Durability durability) override { return inner_->flush(durability); }

private:
    std::unique_ptr<BlockDevice> inner_;
};

TEST(ExerciserItself, FindsAFaultAndShortensWhatShowsIt) {
    TWOFOLD_NEEDS_FUSE();
    constexpr std::uint64_t kSize = 1 << 20;
    ForgetfulDevice device(kSize);
    Mounted mounted({{"data0", &device}}, {});
    std::vector<std::byte> model(kSize);
    Exerciser exerciser(mounted.file("data0"), Reach::direct, model);
    const Exercised done = exercise(exerciser, 1, 20000);
    ASSERT_TRUE(done.failure);
    const std::vector<Operation> shortened = shrink(exerciser, done.operations, 1000);
    std::string text;
    for (const Operation& operation : shortened) text += operation.text() + "\n";
    EXPECT_EQ(shortened.size(), 2U) << text;  // data, and the discard that leaves some of it
    EXPECT_EQ(shortened.back().length, ForgetfulDevice::kUnlucky) << text;
    EXPECT_TRUE(replay(exerciser, shortened));
    EXPECT_FALSE(replay(exerciser, {shortened.front()}));
}

TEST(Operation, ReadsItsOwnText) {
    std::vector<std::byte> model(1 << 20);
    const Exerciser exerciser("none", Reach::buffered, model);
    std::mt19937_64 random(1);
    for (int i = 0; i < 1000; ++i) {
        const Operation made = exerciser.choose(random);
        const auto read = Operation::parse(made.text());
        ASSERT_TRUE(read);
        EXPECT_EQ(read->text(), made.text());
        EXPECT_LE(made.offset + made.length, model.size() + (1 << 20));
    }
    for (const char* bad : {"", "write", "write 1 2", "walk 1 2 3"})
        EXPECT_FALSE(Operation::parse(bad)) << bad;
}

}  // namespace
}  // namespace twofold::fs

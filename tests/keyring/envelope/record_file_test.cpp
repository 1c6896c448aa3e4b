#include "keyring/envelope/record_file.h"

#include <algorithm>
#include <random>

#include "keyring/crypto/kdf.h"
#include "tests/support/matchers.h"

namespace twofold::keyring {
namespace {

constexpr std::size_t kUnit = 512;  // what a medium writes untorn

// The bytes of a file apart from the object, as a medium keeps them: what is synced stays, each
// unit written since may be old, new or garbage after a power cut.
struct Medium {
    std::vector<std::byte> synced, cached;
    int steps_left = 1 << 20;  // writes and syncs until the power goes
    int steps = 0;
};

class MediumFile final : public io::ForwardingFile {
public:
    explicit MediumFile(Medium& medium)
        : ForwardingFile(io::make_memory_file(0)), medium_(medium) {}
    using ForwardingFile::read;
    using ForwardingFile::write;

    Result<std::uint64_t> size() override { return medium_.cached.size(); }
    Result<void> read(std::uint64_t offset, std::span<const MutableBytes> parts) override {
        for (MutableBytes part : parts) {
            if (offset + part.size() > medium_.cached.size()) return fail(Errc::damaged, "ends");
            std::copy_n(medium_.cached.begin() + static_cast<std::ptrdiff_t>(offset), part.size(),
                        part.begin());
            offset += part.size();
        }
        return {};
    }
    Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override {
        for (Bytes part : parts) {
            if (offset + part.size() > medium_.cached.size())
                medium_.cached.resize(offset + part.size());
            std::ranges::copy(part, medium_.cached.begin() + static_cast<std::ptrdiff_t>(offset));
            offset += part.size();
        }
        return step();  // the write that is cut may have gone through, in any part
    }
    Result<void> sync() override {
        TF_TRY(step());
        medium_.synced = medium_.cached;
        return {};
    }

private:
    Result<void> step() {
        ++medium_.steps;
        if (--medium_.steps_left < 0) return fail(Errc::io, "power cut");
        return {};
    }
    Medium& medium_;
};

// One state that a cut can leave: every unit on its own synced, cached or garbage.
std::vector<std::byte> after_cut(const Medium& medium, std::mt19937& random) {
    std::vector<std::byte> out = medium.cached;
    for (std::size_t at = 0; at < out.size(); at += kUnit) {
        const bool known = at + kUnit <= medium.synced.size();
        const bool same =
            known && std::equal(out.begin() + static_cast<std::ptrdiff_t>(at),
                                out.begin() + static_cast<std::ptrdiff_t>(at + kUnit),
                                medium.synced.begin() + static_cast<std::ptrdiff_t>(at));
        if (same) continue;
        const auto choice = random() % 3;
        for (std::size_t i = at; i < at + kUnit; ++i) {
            if (choice == 1) out[i] = known ? medium.synced[i] : std::byte{0};
            if (choice == 2) out[i] = static_cast<std::byte>(random());
        }
    }
    return out;
}

Result<RecordFile> open_state(std::vector<std::byte> bytes) {
    auto file = io::make_memory_file(0);
    TF_TRY(file->write(0, Bytes(bytes)));
    return RecordFile::open(std::move(file));
}

std::string text(const RecordFile& record) { return std::string(as_text(record.record())); }

const RecordFile::Proof kProved = [](Bytes) -> Result<void> { return {}; };

Medium with_record(std::string_view record) {
    Medium medium;
    must(RecordFile::create(std::make_unique<MediumFile>(medium), as_bytes(record)));
    medium.steps = 0;
    return medium;
}

class RecordFileTest : public testing::Test {
protected:
    crypto::KernelRandom random;
};

TEST_F(RecordFileTest, ReadsWhatWasWritten) {
    Medium medium = with_record("one");
    EXPECT_EQ(medium.synced.size(), RecordFile::kFileSize);
    auto record = must(RecordFile::open(std::make_unique<MediumFile>(medium)));
    EXPECT_EQ(text(record), "one");
    EXPECT_EQ(record.generation(), 1u);
    EXPECT_FALSE(record.finding());
    must(record.replace(as_bytes("two"), kProved, random));
    EXPECT_EQ(text(record), "two");
    record = must(RecordFile::open(std::make_unique<MediumFile>(medium)));
    EXPECT_EQ(text(record), "two");
    EXPECT_EQ(record.generation(), 2u);
    EXPECT_FALSE(record.finding());
}

TEST_F(RecordFileTest, KeepsNothingOfWhatWasReplaced) {
    Medium medium = with_record("the wrapped key of old");
    auto record = must(RecordFile::open(std::make_unique<MediumFile>(medium)));
    must(record.replace(as_bytes("new"), kProved, random));
    EXPECT_EQ(as_text(medium.synced).find("the wrapped key of old"), std::string_view::npos);
}

TEST_F(RecordFileTest, KeepsTheOldOneWhereTheProofFails) {
    Medium medium = with_record("one");
    auto record = must(RecordFile::open(std::make_unique<MediumFile>(medium)));
    const auto refused = record.replace(
        as_bytes("two"), [](Bytes) { return fail(Errc::wrong_key, "does not open"); }, random);
    EXPECT_THAT(refused, FailsWith(Errc::wrong_key));
    record = must(RecordFile::open(std::make_unique<MediumFile>(medium)));
    EXPECT_EQ(text(record), "one");
    EXPECT_FALSE(record.finding());
    EXPECT_THAT(record.replace(as_bytes("two"), kProved, random), Succeeds());
}

TEST_F(RecordFileTest, ProvesWhatItReadBackAndNotWhatItWrote) {
    Medium medium = with_record("one");
    auto record = must(RecordFile::open(std::make_unique<MediumFile>(medium)));
    std::string proved;
    must(record.replace(
        as_bytes("two"),
        [&](Bytes bytes) -> Result<void> {
            proved = as_text(bytes);
            EXPECT_EQ(as_text(medium.synced).find("two") != std::string_view::npos, true);
            return {};
        },
        random));
    EXPECT_EQ(proved, "two");
}

// Cut at each write and sync of a replacement, with many states of the medium each.
TEST_F(RecordFileTest, ACutAnywhereLeavesTheOldOrTheProvedNewOne) {
    Medium whole = with_record("one");
    auto record = must(RecordFile::open(std::make_unique<MediumFile>(whole)));
    must(record.replace(as_bytes("two"), kProved, random));
    const int steps = whole.steps;
    ASSERT_EQ(steps,
              8);  // idle written and synced, flipped and synced, random and zeros synced each

    const unsigned seed = std::random_device()();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937 choices(seed);
    int old_ones = 0, new_ones = 0;
    for (int cut = 0; cut < steps; ++cut) {
        for (int state = 0; state < 200; ++state) {
            Medium medium = with_record("one");
            medium.steps_left = cut;
            bool proved = false;
            {
                auto before = must(RecordFile::open(std::make_unique<MediumFile>(medium)));
                const auto replaced = before.replace(
                    as_bytes("two"),
                    [&](Bytes) -> Result<void> {
                        proved = true;
                        return {};
                    },
                    random);
                ASSERT_THAT(replaced, FailsWith(Errc::io));
            }
            const auto bytes = after_cut(medium, choices);
            auto after = open_state(bytes);
            ASSERT_THAT(after, Succeeds()) << "cut at step " << cut;
            ASSERT_TRUE(text(*after) == "one" || (proved && text(*after) == "two")) << cut;
            (text(*after) == "one" ? old_ones : new_ones)++;

            // And again, to the end.
            must(after->replace(as_bytes("three"), kProved, random));
            EXPECT_EQ(text(*after), "three");
            EXPECT_FALSE(after->finding());
        }
    }
    EXPECT_GT(old_ones, 0);
    EXPECT_GT(new_ones, 0);
}

TEST_F(RecordFileTest, ARetirementThatWasCutIsFinishedLater) {
    Medium medium = with_record("the wrapped key of old");
    medium.steps_left = 4;  // the flip is synced, nothing overwritten yet
    {
        auto record = must(RecordFile::open(std::make_unique<MediumFile>(medium)));
        ASSERT_THAT(record.replace(as_bytes("new"), kProved, random), FailsWith(Errc::io));
    }
    medium.cached = medium.synced;
    medium.steps_left = 1 << 20;
    auto record = must(RecordFile::open(std::make_unique<MediumFile>(medium)));
    EXPECT_EQ(text(record), "new");
    EXPECT_TRUE(record.finding());
    must(record.scrub(random));
    EXPECT_FALSE(record.finding());
    EXPECT_EQ(as_text(medium.synced).find("the wrapped key of old"), std::string_view::npos);
}

TEST_F(RecordFileTest, AnyBitFlippedInTheOnlyRecordIsDamage) {
    Medium medium = with_record("one");
    {
        auto record = must(RecordFile::open(std::make_unique<MediumFile>(medium)));
        must(record.replace(as_bytes("two"), kProved, random));
    }
    for (std::size_t bit = 0; bit < RecordFile::kSlotSize * 8; bit += 7) {
        auto bytes = medium.synced;
        bytes[RecordFile::kSlotSize + bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
        EXPECT_THAT(open_state(bytes), FailsWith(Errc::damaged)) << "bit " << bit;
    }
}

// A store that somebody else wrote to: sound, but of any generation he likes.
std::vector<std::byte> with_generation(std::uint64_t generation) {
    std::vector<std::byte> bytes = with_record("one").synced;
    const MutableBytes slot = MutableBytes(bytes).first(RecordFile::kSlotSize);
    Writer(slot.subspan(8)).u64_le(generation);
    std::ranges::fill(slot.subspan(32, 32), std::byte{0});
    std::ranges::copy(crypto::sha256(slot), slot.begin() + 32);
    return bytes;
}

TEST_F(RecordFileTest, AGenerationThatCanNotGrowNeverCostsTheRecord) {
    for (const std::uint64_t generation :
         {std::uint64_t{1} << 62, (std::uint64_t{1} << 62) - 1, (std::uint64_t{1} << 62) + 1,
          ~std::uint64_t{0} - 1, ~std::uint64_t{0}}) {
        SCOPED_TRACE(generation);
        Medium medium;
        medium.cached = with_generation(generation);
        auto record = RecordFile::open(std::make_unique<MediumFile>(medium));
        if (!record) {
            EXPECT_THAT(record, FailsWith(Errc::damaged));
            continue;
        }
        const bool replaced = record->replace(as_bytes("two"), kProved, random).has_value();
        EXPECT_EQ(text(must(RecordFile::open(std::make_unique<MediumFile>(medium)))),
                  replaced ? "two" : "one");
    }
}

TEST_F(RecordFileTest, RefusesOtherFiles) {
    EXPECT_THAT(open_state({}), FailsWith(Errc::damaged));
    EXPECT_THAT(open_state(std::vector<std::byte>(RecordFile::kFileSize)),
                FailsWith(Errc::damaged));
    EXPECT_THAT(open_state(std::vector<std::byte>(RecordFile::kFileSize + 1)),
                FailsWith(Errc::damaged));
    auto longer = with_record("one").synced;
    longer.push_back(std::byte{0});
    EXPECT_THAT(open_state(longer), FailsWith(Errc::damaged));
    Medium medium = with_record("one");
    EXPECT_THAT(RecordFile::create(std::make_unique<MediumFile>(medium), as_bytes("x")),
                FailsWith(Errc::exists));
    auto record = must(RecordFile::open(std::make_unique<MediumFile>(medium)));
    EXPECT_THAT(
        record.replace(std::vector<std::byte>(RecordFile::kRecordSizeMax + 1), kProved, random),
        FailsWith(Errc::invalid));
}

}  // namespace
}  // namespace twofold::keyring

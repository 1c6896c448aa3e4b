// Whole ranges of an image damaged, or exchanged for genuine ones: of another place, of another
// disk of the deployment, of an earlier time. What comes of it is EIO, a refusal, or the unchanged
// data; never other data, and never older ones but for what nothing calls synced.
#include <algorithm>
#include <set>

#include "tests/damaged/victim.h"

namespace twofold::damage {
namespace {

using fs::kSectorSize;

// Two leaves, so that one can take the other's place.
constexpr DiskShape kShape{70, 16, 6, 1};

class Ranges {
public:
    Ranges(Victim::Left left, std::uint64_t size)
        : size_(size),
          victim_(left, kShape),
          other_(left, kShape, 2),
          acknowledged_(victim_.acknowledged) {
        find_places();
    }

    void zeros() { fill(std::byte{0}); }
    void ones() { fill(std::byte{0xff}); }
    // Each place with those one, two, five and eleven further, each of which moves.
    void swap() {
        for (const std::size_t distance : {1u, 2u, 5u, 11u})
            for (std::size_t i = 0; i + distance < places_.size(); ++i) {
                const std::uint64_t a = places_[i], b = places_[i + distance];
                if (!disjoint(a, b)) continue;
                damage({{a, bytes(victim_.disk.image, b)}, {b, bytes(victim_.disk.image, a)}});
            }
    }
    void move() {
        for (const std::size_t distance : {1u, 3u, 7u})
            for (std::size_t i = 0; i < places_.size(); ++i)
                damage({{places_[(i + distance) % places_.size()],
                         bytes(victim_.disk.image, places_[i])}});
    }
    void other_disk() {
        for (const std::uint64_t place : places_)
            damage({{place, bytes(other_.disk.image, place)}});
    }
    void put_back() {
        for (const MemoryImage& old : victim_.past)
            for (const std::uint64_t place : places_) damage({{place, bytes(old, place)}});
    }

    std::size_t places() const { return places_.size(); }
    // What came of it since the last call.
    std::string counts() {
        std::string text = to_string(counts_);
        counts_.clear();
        return text;
    }

private:
    using Change = std::pair<std::uint64_t, std::vector<std::byte>>;

    // Multiples of the size that hold a sector which is in use, or was.
    void find_places() {
        const auto file = victim_.disk.image.open();
        std::set<std::uint64_t> places;
        for (std::uint64_t at = 0;;) {
            const auto data = must(file->next_data(at));
            if (!data) break;
            for (std::uint64_t offset = *data / size_ * size_; offset < *data + kSectorSize;
                 offset += size_)
                places.insert(offset);
            at = *data + kSectorSize;
        }
        places_.assign(places.begin(), places.end());
    }
    bool disjoint(std::uint64_t a, std::uint64_t b) const { return a + size_ <= b; }
    std::vector<std::byte> bytes(const MemoryImage& image, std::uint64_t offset) const {
        std::vector<std::byte> out(size_);
        image.read(offset, out);
        return out;
    }
    void fill(std::byte value) {
        for (const std::uint64_t place : places_)
            damage({{place, std::vector<std::byte>(size_, value)}});
    }

    std::size_t log_pages_in(const std::vector<Change>& changes) const {
        std::size_t count = 0;
        for (std::uint64_t page = 0; page < kShape.log; ++page) {
            const std::uint64_t at = victim_.layout().log_page_offset(page);
            count += std::ranges::any_of(changes, [&](const Change& change) {
                return change.first < at + kSectorSize && at < change.first + size_;
            });
        }
        return count;
    }

    void damage(const std::vector<Change>& changes) {
        std::vector<Change> before;
        for (const auto& [offset, to] : changes)
            before.emplace_back(offset, bytes(victim_.disk.image, offset));
        if (before == changes) return;  // the same bytes: no damage
        for (const auto& [offset, to] : changes) victim_.disk.image.write(offset, to);
        // That an epoch was synced is said by the pages after it. With two pages gone that may be
        // all of them; the log then ends early, and only an anchor knows better.
        victim_.acknowledged = log_pages_in(changes) > 1 ? 0 : acknowledged_;
        const Outcome outcome = victim_.open();
        ++counts_[outcome.name()];
        EXPECT_NE(outcome.kind, Outcome::Kind::wrong)
            << size_ << " bytes at " << changes[0].first << ": " << outcome.detail;
        if (outcome.kind == Outcome::Kind::refused) {
            EXPECT_EQ(victim_.open_writable(), outcome) << "at " << changes[0].first;
        }
        for (const auto& [offset, old] : before) victim_.disk.image.write(offset, old);
    }

    std::uint64_t size_;
    Victim victim_, other_;
    const std::size_t acknowledged_;
    std::vector<std::uint64_t> places_;
    Counts counts_;
};

// Anybody can copy a sector: a genuine superblock where the other generations belong is as good as
// none, and the others decide.
TEST(RangeDamage, ASuperblockInTheOtherGenerationsPlaceIsPassedOver) {
    Victim victim(Victim::Left::clean);
    const std::uint64_t newest = victim.superblock().generation;
    std::vector<std::byte> sector(kSectorSize);
    victim.disk.image.read(fs::superblock_offset(newest, 0), sector);
    for (const std::uint32_t replica : {0u, 1u})
        victim.disk.image.write(fs::superblock_offset(newest + 1, replica), sector);
    EXPECT_EQ(victim.open().name(), "same");
    for (const std::uint32_t replica : {0u, 1u})
        victim.disk.image.punch(fs::superblock_offset(newest, replica), kSectorSize);
    EXPECT_EQ(victim.open().name(), "refused: unauthentic");
}

struct RangeCase {
    Victim::Left left;
    std::uint64_t size;
    const char* expected;  // number of places, then one line a kind of damage
};

class Ranged : public testing::TestWithParam<RangeCase> {};

TEST_P(Ranged, GivesTheUnchangedDataOrAnError) {
    Ranges ranges(GetParam().left, GetParam().size);
    std::string text = fmt::format("{} places\n", ranges.places());
    const std::pair<const char*, void (Ranges::*)()> kinds[] = {
        {"zeros", &Ranges::zeros},
        {"0xff", &Ranges::ones},
        {"swapped", &Ranges::swap},
        {"moved", &Ranges::move},
        {"of another disk", &Ranges::other_disk},
        {"put back", &Ranges::put_back}};
    for (const auto& [name, run] : kinds) {
        (ranges.*run)();
        text += fmt::format("{}: {}\n", name, ranges.counts());
    }
    std::printf("%s", text.c_str());
    EXPECT_EQ(text, GetParam().expected);
}

constexpr RangeCase kCases[] = {
    {Victim::Left::clean, 512,
     "472 places\n"
     "zeros: blocks lost: 33; refused: unauthentic: 2; same: 81; same, reported: 12\n"
     "0xff: blocks lost: 40; refused: damaged: 14; refused: unauthentic: 2; same: 160; same, "
     "reported: 256\n"
     "swapped: blocks lost: 174; refused: damaged: 10; refused: unauthentic: 13; same: 330; same, "
     "reported: 99\n"
     "moved: blocks lost: 102; refused: damaged: 6; refused: unauthentic: 6; same: 284; same, "
     "reported: 72\n"
     "of another disk: blocks lost: 26; refused: unauthentic: 1; same: 73; same, reported: 12\n"
     "put back: blocks lost: 106; refused: unauthentic: 10; same: 75\n"},
    {Victim::Left::clean, 4096,
     "59 places\n"
     "zeros: blocks lost: 5; refused: unauthentic: 2; same: 24; same, reported: 2\n"
     "0xff: blocks lost: 5; refused: unauthentic: 2; same: 20; same, reported: 32\n"
     "swapped: blocks lost: 27; refused: unauthentic: 15; same: 46; same, reported: 58\n"
     "moved: blocks lost: 15; refused: unauthentic: 6; same: 69; same, reported: 32\n"
     "of another disk: blocks lost: 5; refused: unauthentic: 1; same: 19; same, reported: 6\n"
     "put back: blocks lost: 22; refused: unauthentic: 10; same: 34\n"},
    {Victim::Left::clean, 65536,
     "9 places\n"
     "zeros: blocks lost: 2; refused: unauthentic: 1; same: 4; same, reported: 2\n"
     "0xff: blocks lost: 2; refused: unauthentic: 1; same: 4; same, reported: 2\n"
     "swapped: blocks lost: 5; blocks lost, reported: 2; refused: unauthentic: 4; same: 3; same, "
     "reported: 3\n"
     "moved: blocks lost: 6; refused: unauthentic: 3; same: 11; same, reported: 5\n"
     "of another disk: blocks lost: 2; refused: unauthentic: 1; same: 4; same, reported: 2\n"
     "put back: blocks lost: 10; refused: unauthentic: 5; same: 11\n"},
    {Victim::Left::killed, 512,
     "472 places\n"
     "zeros: blocks lost: 16; in the window: 2; in the window, reported: 8; refused: history-lost: "
     "4; refused: unauthentic: 11; same: 75; same, reported: 12\n"
     "0xff: blocks lost: 16; in the window: 8; in the window, reported: 8; refused: damaged: 14; "
     "refused: history-lost: 16; refused: unauthentic: 18; same: 136; same, reported: 256\n"
     "swapped: blocks lost: 67; in the window: 15; in the window, reported: 48; refused: damaged: "
     "13; refused: history-lost: 32; refused: unauthentic: 84; same: 268; same, reported: 99\n"
     "moved: blocks lost: 48; in the window: 10; in the window, reported: 24; refused: damaged: 8; "
     "refused: history-lost: 20; refused: unauthentic: 36; same: 252; same, reported: 72\n"
     "of another disk: blocks lost: 16; in the window: 2; in the window, reported: 8; refused: "
     "history-lost: 4; refused: unauthentic: 3; same: 67; same, reported: 12\n"
     "put back: blocks lost: 56; in the window: 10; in the window, reported: 40; refused: "
     "history-lost: 14; refused: unauthentic: 11; same: 32\n"},
    {Victim::Left::killed, 4096,
     "59 places\n"
     "zeros: blocks lost: 2; in the window: 1; in the window, reported: 1; refused: history-lost: "
     "2; refused: unauthentic: 4; same: 21; same, reported: 2\n"
     "0xff: blocks lost: 2; in the window: 1; in the window, reported: 1; refused: history-lost: "
     "2; refused: unauthentic: 4; same: 17; same, reported: 32\n"
     "swapped: blocks lost: 10; in the window: 3; in the window, reported: 7; refused: "
     "history-lost: 13; refused: unauthentic: 28; same: 31; same, reported: 54\n"
     "moved: blocks lost: 6; in the window: 3; in the window, reported: 3; refused: history-lost: "
     "6; refused: unauthentic: 12; same: 60; same, reported: 32\n"
     "of another disk: blocks lost: 2; in the window: 1; in the window, reported: 1; refused: "
     "history-lost: 2; refused: unauthentic: 3; same: 16; same, reported: 6\n"
     "put back: blocks lost: 7; in the window: 5; in the window, reported: 5; refused: "
     "history-lost: 7; refused: unauthentic: 4; same: 10\n"},
    {Victim::Left::killed, 65536,
     "9 places\n"
     "zeros: blocks lost, reported: 1; refused: unauthentic: 3; same: 3; same, reported: 2\n"
     "0xff: blocks lost, reported: 1; refused: unauthentic: 3; same: 3; same, reported: 2\n"
     "swapped: blocks lost, reported: 2; refused: unauthentic: 11; same: 1; same, reported: 3\n"
     "moved: blocks lost, reported: 3; refused: unauthentic: 9; same: 8; same, reported: 5\n"
     "of another disk: blocks lost, reported: 1; refused: unauthentic: 3; same: 3; same, reported: "
     "2\n"
     "put back: blocks lost, reported: 1; in the window: 4; in the window, reported: 4; refused: "
     "unauthentic: 3; same: 4\n"},
};
INSTANTIATE_TEST_SUITE_P(All, Ranged, testing::ValuesIn(kCases), [](const auto& test) {
    return fmt::format("{}{}", test.param.left == Victim::Left::clean ? "Clean" : "Killed",
                       test.param.size);
});

}  // namespace
}  // namespace twofold::damage

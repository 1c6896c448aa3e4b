#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "tests/powercut/medium.h"

namespace twofold::powercut {

// What each unit of a Medium holds after a power cut: an index into its values, or garbage.
struct Choice {
    static constexpr std::uint8_t kGarbage = 255;
    std::vector<std::uint8_t> units;  // as Medium::units()
    std::uint64_t garbage_seed = 0;

    std::uint64_t fingerprint(const Medium& medium) const;  // of all contents of the state
    // The state: `into` lies on medium.durable().
    void apply(const Medium& medium, Overlay& into) const;
};

// A choice in few words: all old or all new, but for these.
struct Picks {
    struct Pick {
        std::uint64_t unit;  // Medium::Unit::number
        std::uint8_t value;  // as Choice
    };
    bool otherwise_new = false;
    std::uint64_t garbage_seed = 0;
    std::vector<Pick> picks;

    static Picks of(const Choice& choice, const Medium& medium, bool otherwise_new);
    static Picks of(const Choice& choice, const Medium& medium);  // the shorter one
    // On a medium that need not be the same: what it does not have is left out.
    Choice on(const Medium& medium) const;
};

// Picks the states that a power cut may leave of a medium (fault model, section 3). Few of them:
// all. Too many: seeded samples of five families, and those sectors that are read together
// exhaustively, the others being all old or all new.
class Enumerator {
public:
    struct Effort {
        std::uint64_t exhaustive_max = 4096;  // combinations up to which all are taken
        std::uint64_t group_max = 256;        // the same for the sectors of one group
        std::uint64_t samples = 40;           // of all families together
    };
    // Says which sectors are read together: equal numbers; 0 for a sector that stands alone.
    using GroupOf = std::function<std::uint32_t(std::uint64_t offset)>;

    Enumerator(GroupOf group_of, std::uint64_t seed)
        : group_of_(std::move(group_of)), random_(seed) {}

    // Calls visit(choice) until it returns false.
    using Visit = std::function<bool(const Choice&)>;
    void each(const Medium& medium, const Effort& effort, const Visit& visit);
    // One sample of any family.
    Choice sample(const Medium& medium);

private:
    enum class Family { uniform, most, few, one_lost, one_torn };
    static constexpr int kFamilies = 5;
    // How many values a unit may take at this level.
    static std::uint64_t width(const Medium& medium, const Medium::Unit& unit);
    bool all(const Medium& medium, const Visit& visit);
    bool groups(const Medium& medium, std::uint64_t group_max, const Visit& visit);
    bool group(const Medium& medium, std::vector<std::vector<std::size_t>> sectors,
               std::uint64_t group_max, const Visit& visit);
    Choice sample(const Medium& medium, Family family);
    void spoil(const Medium& medium, Choice& choice);
    bool chance(unsigned percent) { return random_() % 100 < percent; }

    GroupOf group_of_;
    std::mt19937_64 random_;
};

}  // namespace twofold::powercut

#include "tests/powercut/choices.h"

#include <algorithm>
#include <cstring>
#include <map>

namespace twofold::powercut {
namespace {

constexpr std::uint64_t kSector = Overlay::kSector;

void make_garbage(std::uint64_t seed, std::uint64_t unit, MutableBytes out) {
    for (std::size_t i = 0; i < out.size(); i += 8) {
        const std::uint64_t word = mix(mix(seed, unit), i);
        std::memcpy(out.data() + i, &word, 8);
    }
}

std::uint8_t newest(const Medium::Unit& unit) { return static_cast<std::uint8_t>(unit.newest); }

Choice choose(const Medium& medium, bool new_ones) {
    Choice choice;
    for (const Medium::Unit& unit : medium.units())
        choice.units.push_back(new_ones ? newest(unit) : std::uint8_t{0});
    return choice;
}

}  // namespace

std::uint64_t Choice::fingerprint(const Medium& medium) const {
    std::uint64_t sum = medium.content();
    const auto all = medium.units();
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto values = medium.values(all[i]);
        const std::uint64_t print =
            units[i] == kGarbage ? mix(garbage_seed, all[i].number) : values[units[i]].fingerprint;
        sum += mix(all[i].number, print) - mix(all[i].number, values[0].fingerprint);
    }
    return sum;
}

void Choice::apply(const Medium& medium, Overlay& into) const {
    const std::size_t size = unit_size(medium.level());
    const auto all = medium.units();
    TF_CHECK(all.size() == units.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (units[i] == kGarbage) {
            std::array<std::byte, kSector> garbage;
            const MutableBytes out = MutableBytes(garbage).first(size);
            make_garbage(garbage_seed, all[i].number, out);
            into.write(all[i].number * size, out);
        } else if (units[i] != 0) {
            into.write(all[i].number * size, Bytes(medium.values(all[i])[units[i]].data, size));
        }
    }
}

Picks Picks::of(const Choice& choice, const Medium& medium, bool otherwise_new) {
    Picks out{otherwise_new, choice.garbage_seed, {}};
    const auto all = medium.units();
    const Choice rest = choose(medium, otherwise_new);
    for (std::size_t i = 0; i < all.size(); ++i)
        if (choice.units[i] != rest.units[i]) out.picks.push_back({all[i].number, choice.units[i]});
    return out;
}

Picks Picks::of(const Choice& choice, const Medium& medium) {
    Picks old_ones = of(choice, medium, false), new_ones = of(choice, medium, true);
    return new_ones.picks.size() <= old_ones.picks.size() ? new_ones : old_ones;
}

Choice Picks::on(const Medium& medium) const {
    Choice choice = choose(medium, otherwise_new);
    choice.garbage_seed = garbage_seed;
    const auto all = medium.units();
    for (const Pick& pick : picks) {
        const auto found = std::ranges::lower_bound(all, pick.unit, {}, &Medium::Unit::number);
        if (found == all.end() || found->number != pick.unit) continue;
        std::uint8_t& value = choice.units[static_cast<std::size_t>(found - all.begin())];
        if (pick.value < found->count || pick.value == Choice::kGarbage) value = pick.value;
    }
    return choice;
}

// ---- All of them

std::uint64_t Enumerator::width(const Medium& medium, const Medium::Unit& unit) {
    return unit.count + (medium.level() == Level::tg ? 1 : 0);
}

void Enumerator::each(const Medium& medium, const Effort& effort, const Visit& visit) {
    std::uint64_t product = 1;
    for (const Medium::Unit& unit : medium.units()) {
        product *= width(medium, unit);
        if (product > effort.exhaustive_max) break;
    }
    if (product <= effort.exhaustive_max) {
        all(medium, visit);
        return;
    }
    if (!visit(choose(medium, false)) || !visit(choose(medium, true))) return;
    if (!groups(medium, effort.group_max, visit)) return;
    for (std::uint64_t i = 0; i < effort.samples; ++i)
        if (!visit(sample(medium, static_cast<Family>(i % kFamilies)))) return;
}

bool Enumerator::all(const Medium& medium, const Visit& visit) {
    const auto units = medium.units();
    Choice choice = choose(medium, false);
    choice.garbage_seed = random_();
    for (;;) {
        if (!visit(choice)) return false;
        std::size_t i = 0;
        for (; i < units.size(); ++i) {
            std::uint8_t& value = choice.units[i];
            if (value + 1u < units[i].count) {
                ++value;
                break;
            }
            if (value != Choice::kGarbage && medium.level() == Level::tg) {
                value = Choice::kGarbage;
                break;
            }
            value = 0;
        }
        if (i == units.size()) return true;
    }
}

// ---- What is read together

bool Enumerator::groups(const Medium& medium, std::uint64_t group_max, const Visit& visit) {
    const auto units = medium.units();
    const std::size_t size = unit_size(medium.level());
    std::map<std::uint32_t, std::vector<std::vector<std::size_t>>> found;  // sectors of each group
    std::uint64_t last_sector = ~std::uint64_t{0};
    for (std::size_t i = 0; i < units.size(); ++i) {
        const std::uint64_t sector = units[i].number * size / kSector;
        const std::uint32_t number = group_of_(sector * kSector);
        if (number == 0) continue;
        if (sector != last_sector) found[number].emplace_back();
        last_sector = sector;
        found[number].back().push_back(i);
    }
    for (auto& [number, sectors] : found)
        if (!group(medium, std::move(sectors), group_max, visit)) return false;
    return true;
}

// Each sector is old, new, torn one way or the other, or (TG) garbage in one unit. As many sectors
// as the bound allows, picked at random; the others of the group go with the rest.
bool Enumerator::group(const Medium& medium, std::vector<std::vector<std::size_t>> sectors,
                       std::uint64_t group_max, const Visit& visit) {
    const auto units = medium.units();
    std::shuffle(sectors.begin(), sectors.end(), random_);
    std::uint64_t product = 2;
    std::size_t taken = 0;
    std::vector<unsigned> widths;
    for (; taken < sectors.size(); ++taken) {
        const unsigned wide = sectors[taken].size() == 1 || medium.level() == Level::t4k ? 2 : 4;
        widths.push_back(medium.level() == Level::tg ? wide + 1 : wide);
        if (product * widths.back() > group_max) break;
        product *= widths.back();
    }
    for (std::uint64_t combination = 0; combination < product; ++combination) {
        std::uint64_t rest = combination / 2;
        Choice choice = choose(medium, combination % 2 == 1);
        choice.garbage_seed = random_();
        for (std::size_t s = 0; s < taken; ++s) {
            const auto& members = sectors[s];
            const unsigned kind = static_cast<unsigned>(rest % widths[s]);
            rest /= widths[s];
            const bool garbage = medium.level() == Level::tg && kind + 1 == widths[s];
            const std::size_t split = members.size() / 2;
            for (std::size_t m = 0; m < members.size(); ++m) {
                const bool fresh =
                    garbage || kind == 1 || (kind == 2 && m < split) || (kind == 3 && m >= split);
                choice.units[members[m]] = fresh ? newest(units[members[m]]) : std::uint8_t{0};
            }
            if (garbage) choice.units[members[random_() % members.size()]] = Choice::kGarbage;
        }
        if (!visit(choice)) return false;
    }
    return true;
}

// ---- Samples

Choice Enumerator::sample(const Medium& medium) {
    return sample(medium, static_cast<Family>(random_() % kFamilies));
}

Choice Enumerator::sample(const Medium& medium, Family family) {
    const auto units = medium.units();
    Choice choice = choose(medium, family != Family::few);
    choice.garbage_seed = random_();
    if (units.empty()) return choice;
    const auto any = [&](const Medium::Unit& unit) {
        return static_cast<std::uint8_t>(random_() % unit.count);
    };
    const auto writer = static_cast<std::uint32_t>(random_() % medium.pending().size());
    const std::uint64_t tear_at = random_() % 8;  // units of the operation that made it
    for (std::size_t i = 0; i < units.size(); ++i) {
        switch (family) {
            case Family::uniform:
                choice.units[i] = any(units[i]);
                break;
            case Family::most:
                if (chance(6)) choice.units[i] = any(units[i]);
                break;
            case Family::few:
                if (chance(10)) choice.units[i] = any(units[i]);
                break;
            case Family::one_lost:
            case Family::one_torn: {
                // What that operation wrote last, or its second part, is as it was before.
                const auto values = medium.values(units[i]);
                const std::uint8_t now = newest(units[i]);
                const bool hit = values[now].writer == writer;
                if (hit && (family == Family::one_lost || i % 8 >= tear_at))
                    choice.units[i] = static_cast<std::uint8_t>(now == 0 ? 0 : now - 1);
                break;
            }
        }
    }
    if (medium.level() == Level::tg && chance(60)) spoil(medium, choice);
    return choice;
}

// A few units become garbage; most often parts of one write.
void Enumerator::spoil(const Medium& medium, Choice& choice) {
    const auto units = medium.units();
    const std::size_t first = random_() % units.size();
    const std::size_t count = 1 + random_() % 3;
    for (std::size_t i = first; i < std::min(units.size(), first + count); ++i)
        if (chance(70)) choice.units[i] = Choice::kGarbage;
    if (chance(30)) choice.units[random_() % units.size()] = Choice::kGarbage;
}

}  // namespace twofold::powercut

#include "tests/powercut/workload.h"

#include <algorithm>
#include <array>
#include <random>

namespace twofold::powercut {
namespace {

using Kind = Action::Kind;
using When = Action::When;

constexpr std::uint64_t kBlock = 4096;

// Makes scripts; a small language for the workloads below.
class Author {
public:
    Author(const DiskShape& shape, std::uint64_t seed) : shape_(shape), random_(seed) {}

    std::uint64_t below(std::uint64_t end) { return random_() % end; }
    bool chance(unsigned percent) { return random_() % 100 < percent; }
    std::uint64_t bytes() const { return shape_.blocks * kBlock; }

    void add(Kind kind, std::uint64_t a = 0, std::uint64_t b = 0) {
        script.push_back({kind, a, b, when_});
    }
    void write_blocks(std::uint64_t first, std::uint64_t count) {
        add(Kind::write, first * kBlock, count * kBlock);
    }
    // Whole blocks, at most so many as the pool and the log can hold in one write.
    void write_some(std::uint64_t blocks_max) {
        const std::uint64_t count = 1 + below(std::min(blocks_max, most()));
        write_blocks(below(shape_.blocks - count + 1), count);
    }
    // Any bytes: aligned to sectors of 512 or not at all.
    void write_bytes(std::uint64_t length_max) {
        const std::uint64_t unit = chance(70) ? 512 : 1;
        length_max = std::min(length_max, (most() - 1) * kBlock);
        const std::uint64_t length =
            (1 + below(std::max<std::uint64_t>(length_max / unit, 1))) * unit;
        add(Kind::write, below((bytes() - length) / unit + 1) * unit, length);
    }
    void discard_some() {
        const std::uint64_t count = 1 + below(std::max<std::uint64_t>(shape_.blocks / 2, 1));
        add(Kind::zero, below(shape_.blocks - count + 1) * kBlock, count * kBlock);
    }
    void zero_bytes() {
        const std::uint64_t length = 1 + below(bytes() / 2);
        add(Kind::zero, below(bytes() - length + 1), length);
    }
    void time_goes_by() {
        add(Kind::pass, chance(20) ? 40'000 : below(250));
        add(Kind::tick);
    }
    void sync() { add(Kind::sync); }
    void soft() { add(Kind::soft); }
    // What is added by `body` happens during the next sync, page or checkpoint.
    template <class Body>
    void during(When when, Body body) {
        when_ = when;
        body();
        when_ = When::now;
    }
    void anything() {
        switch (below(16)) {
            case 0:
            case 1:
            case 2:
            case 3:
                return write_some(4);
            case 4:
            case 5:
                return write_bytes(3 * kBlock);
            case 6:
                return discard_some();
            case 7:
                return zero_bytes();
            case 8:
            case 9:
                return sync();
            case 10:
            case 11:
            case 12:
                return soft();
            case 13:
                return add(Kind::read, 0, bytes());
            case 14:
                return time_goes_by();
            default:
                return add(chance(60) ? Kind::kill : Kind::remount);
        }
    }

    Script script;

private:
    std::uint64_t most() const {
        return std::min<std::uint64_t>({shape_.pool, (shape_.log - 1) * 55ul, 256, shape_.blocks});
    }
    const DiskShape shape_;
    std::mt19937_64 random_;
    When when_ = When::now;
};

DiskShape any_shape(std::uint64_t seed) {
    static constexpr std::array<DiskShape, 5> kShapes{
        {{6, 4, 6, 1}, {8, 8, 6, 1}, {8, 8, 16, 1}, {24, 16, 12, 1}, {16, 64, 64, 1}}};
    return kShapes[seed % kShapes.size()];
}
Layers any_layers(std::uint64_t seed) {
    static const std::vector<Layers> all = all_layers();
    return seed % 2 == 0 ? two_layers() : all[seed / 2 % all.size()];
}

Play mixed(std::uint64_t seed) {
    Play play{any_shape(seed), any_layers(seed / 5), {}};
    Author author(play.shape, seed);
    for (int i = 0; i < 40; ++i) author.anything();
    play.script = author.script;
    return play;
}

}  // namespace

std::span<const Workload> workloads() {
    static const std::vector<Workload> all{
        {"mixed", "a bit of everything", mixed},
    };
    return all;
}

const Workload* find_workload(const std::string& name) {
    const auto all = workloads();
    const auto found = std::ranges::find(all, name, &Workload::name);
    return found == all.end() ? nullptr : &*found;
}

}  // namespace twofold::powercut

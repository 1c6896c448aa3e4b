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

// A play of so many steps, each made by `step`.
template <class Step>
Play play_of(const DiskShape& shape, const Layers& layers, std::uint64_t seed, int steps,
             Step step) {
    Play play{shape, layers, {}};
    Author author(play.shape, seed);
    for (int i = 0; i < steps; ++i) step(author);
    play.script = author.script;
    return play;
}

Play mixed(std::uint64_t seed) {
    return play_of(any_shape(seed), any_layers(seed / 5), seed, 40,
                   [](Author& author) { author.anything(); });
}

// Up to a megabyte at a time.
Play writes(std::uint64_t seed) {
    const bool large = seed % 4 == 0;
    const DiskShape shape = large ? DiskShape{300, 270, 12, 1} : DiskShape{24, 24, 8, 1};
    return play_of(shape, any_layers(seed / 4), seed, large ? 8 : 30, [&](Author& author) {
        switch (author.below(6)) {
            case 0:
                return author.sync();
            case 1:
                return author.soft();
            case 2:
                return author.write_bytes(4096);
            default:
                return author.write_bytes(large ? 1 << 20 : 64 * 1024);
        }
    });
}

// A few blocks, again and again in one epoch.
Play rewrites(std::uint64_t seed) {
    return play_of(any_shape(seed), any_layers(seed / 5), seed, 40, [](Author& author) {
        const std::uint64_t block = author.below(2);
        const std::uint64_t dice = author.below(10);
        if (dice < 6) return author.write_blocks(block, 1 + author.below(2));
        if (dice < 8) return author.add(Kind::write, block * kBlock + 512 * author.below(8), 512);
        if (dice < 9) return author.soft();
        author.sync();
    });
}

// Every block once, in an order of its own, over the end of a leaf.
Play firsts(std::uint64_t seed) {
    const DiskShape shape{seed % 3 == 0 ? 72ul : 20ul, 16, 16, 1};
    std::vector<std::uint64_t> order(shape.blocks);
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::mt19937_64 random(seed);
    std::shuffle(order.begin(), order.end(), random);
    return play_of(shape, any_layers(seed / 3), seed, 30, [&](Author& author) {
        if (author.chance(70) && !order.empty()) {
            author.write_blocks(order.back(), 1);
            return order.pop_back();
        }
        if (author.chance(50)) return author.soft();
        author.chance(70) ? author.sync() : author.time_goes_by();
    });
}

Play discards(std::uint64_t seed) {
    return play_of(any_shape(seed), any_layers(seed / 5), seed, 45, [](Author& author) {
        const std::uint64_t dice = author.below(12);
        if (dice < 4) return author.write_some(3);
        if (dice < 7) return author.discard_some();
        if (dice < 8) return author.zero_bytes();
        if (dice < 10) return author.sync();
        if (dice < 11) return author.soft();
        author.time_goes_by();
    });
}

// What happens while pages are written, a sync runs or a checkpoint is made.
Play races(std::uint64_t seed) {
    static constexpr std::array<DiskShape, 3> kShapes{
        {{8, 12, 24, 1}, {16, 16, 32, 1}, {6, 8, 16, 1}}};
    return play_of(kShapes[seed % 3], any_layers(seed / 3), seed, 28, [](Author& author) {
        static constexpr std::array kMoments{When::sync, When::sync, When::page, When::tree};
        const When when = kMoments[author.below(kMoments.size())];
        const std::uint64_t count = author.below(4);
        author.during(when, [&] {
            for (std::uint64_t i = 0; i < count; ++i) {
                const std::uint64_t dice = author.below(8);
                if (dice < 4)
                    author.write_some(2);
                else if (dice < 5)
                    author.discard_some();
                else if (dice < 7)
                    author.soft();
                else
                    author.add(when == When::tree ? Kind::sync : Kind::read, 0, author.bytes());
            }
        });
        const std::uint64_t dice = author.below(10);
        if (dice < 3) return author.write_some(3);
        if (dice < 4) return author.discard_some();
        if (dice < 7) return author.sync();
        if (dice < 8) return author.soft();
        author.time_goes_by();
    });
}

// Pool and log as small as may be, and used up: commits and checkpoints for want of room.
Play full(std::uint64_t seed) {
    static constexpr std::array<DiskShape, 3> kShapes{{{6, 4, 6, 1}, {12, 4, 6, 1}, {70, 3, 6, 1}}};
    return play_of(kShapes[seed % 3], any_layers(seed / 3), seed, 45, [](Author& author) {
        const std::uint64_t dice = author.below(14);
        if (dice < 9) return author.write_some(4);
        if (dice < 10) return author.write_bytes(2 * kBlock);
        if (dice < 12) return author.soft();
        if (dice < 13) return author.discard_some();
        author.during(When::tree, [&] { author.write_some(1); });
    });
}

Play checkpoints(std::uint64_t seed) {
    return play_of(any_shape(seed), any_layers(seed / 5), seed, 36, [](Author& author) {
        const std::uint64_t dice = author.below(10);
        if (dice < 4) return author.write_some(3);
        if (dice < 5) return author.soft();
        if (dice < 6) return author.sync();
        if (dice < 7) return author.add(Kind::remount);
        if (dice < 8) return author.discard_some();
        author.sync();
        author.add(Kind::pass, 150);
        author.add(Kind::tick);  // an ACK page
        author.add(Kind::pass, 31'000);
        author.add(Kind::tick);
    });
}

// Soft commits in any number, a block in several of them; up to 64 wait.
Play softs(std::uint64_t seed) {
    static constexpr std::array<DiskShape, 3> kShapes{
        {{8, 80, 80, 1}, {16, 24, 40, 1}, {6, 12, 16, 1}}};
    return play_of(kShapes[seed % 3], any_layers(seed / 3), seed, seed % 3 == 0 ? 70 : 36,
                   [](Author& author) {
                       const std::uint64_t dice = author.below(40);
                       if (dice < 2) return author.sync();
                       if (dice < 4) return author.discard_some();
                       if (dice < 6)
                           return author.during(When::sync, [&] {
                               author.write_some(1);
                               author.soft();
                           });
                       if (dice < 7) return author.time_goes_by();
                       if (dice < 8) return author.add(Kind::kill);
                       if (author.chance(80)) author.write_some(2);
                       author.soft();
                   });
}

Play kills(std::uint64_t seed) {
    return play_of(any_shape(seed), any_layers(seed / 5), seed, 40, [](Author& author) {
        const std::uint64_t dice = author.below(12);
        if (dice < 5) return author.write_some(3);
        if (dice < 6) return author.discard_some();
        if (dice < 8) return author.soft();
        if (dice < 9) return author.sync();
        if (dice < 10) return author.time_goes_by();
        author.add(Kind::kill);
    });
}

// KEK rewraps, also while the disk is used and checkpointed.
Play rewraps(std::uint64_t seed) {
    static constexpr std::array<DiskShape, 2> kShapes{{{6, 8, 12, 1}, {8, 16, 16, 1}}};
    const Layers layers = any_layers(seed / 2);
    return play_of(kShapes[seed % 2], layers, seed, 20, [&](Author& author) {
        const auto rewrap = [&] {
            const bool first = layers.layer1 != fs::Suite::none;
            const bool second = layers.layer2 != fs::Suite::none;
            author.add(Kind::rewrap, !second || (first && author.chance(50)) ? 1 : 2);
        };
        const std::uint64_t dice = author.below(10);
        if (dice < 3) return author.write_some(2);
        if (dice < 4) return author.soft();
        if (dice < 5) return author.sync();
        if (dice < 6) {
            author.during(When::tree, rewrap);
            return author.time_goes_by();
        }
        if (dice < 7) return author.add(author.chance(50) ? Kind::kill : Kind::remount);
        if (author.chance(60))
            author.during(When::header, [&] {
                author.write_some(1);
                if (author.chance(50)) author.sync();
                if (author.chance(30)) author.time_goes_by();
            });
        rewrap();
    });
}

// Reads between whose two steps, where a block is and what is there, its slot is used again.
Play reads(std::uint64_t seed) {
    static constexpr std::array<DiskShape, 2> kShapes{{{6, 4, 8, 1}, {8, 8, 16, 1}}};
    return play_of(kShapes[seed % 2], any_layers(seed / 2), seed, 30, [](Author& author) {
        const std::uint64_t dice = author.below(10);
        if (dice < 3) return author.write_some(3);
        if (dice < 4) return author.sync();
        if (dice < 5) return author.discard_some();
        author.during(When::read, [&] {
            const std::uint64_t rounds = 1 + author.below(3);
            for (std::uint64_t i = 0; i < rounds; ++i) {
                author.write_some(3);
                author.sync();
            }
            author.write_some(2);
            if (author.chance(30)) author.time_goes_by();
        });
        author.add(Kind::read, 0, author.bytes());
    });
}

Play remounts(std::uint64_t seed) {
    return play_of(any_shape(seed), any_layers(seed / 5), seed, 24, [](Author& author) {
        const std::uint64_t dice = author.below(8);
        if (dice < 3) return author.write_some(3);
        if (dice < 4) return author.discard_some();
        if (dice < 5) return author.soft();
        if (dice < 6) return author.sync();
        author.add(Kind::remount);
    });
}

}  // namespace

std::span<const Workload> workloads() {
    static const std::vector<Workload> all{
        {"mixed", "a bit of everything", mixed},
        {"writes", "of 1 byte to 1 MiB, aligned or not", writes},
        {"rewrites", "one block many times in an epoch", rewrites},
        {"firsts", "first writes of each block", firsts},
        {"discards", "and rewrites of what was discarded", discards},
        {"races", "writes, discards and soft commits amid a commit, sync or checkpoint", races},
        {"full", "a pool and a log that are used up", full},
        {"checkpoints", "at every place", checkpoints},
        {"softs", "soft commits, up to 64 of which wait", softs},
        {"kills", "the process dies and goes on", kills},
        {"rewraps", "KEK rewraps of a disk in use", rewraps},
        {"reads", "reads of slots that are used again meanwhile", reads},
        {"remounts", "clean unmounts", remounts},
    };
    return all;
}

const Workload* find_workload(const std::string& name) {
    const auto all = workloads();
    const auto found = std::ranges::find(all, name, &Workload::name);
    return found == all.end() ? nullptr : &*found;
}

}  // namespace twofold::powercut

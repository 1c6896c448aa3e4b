// A disk against a plain array, under random operations with a printed seed.
#include <gtest/gtest.h>

#include <random>

#include "tests/support/seeds.h"
#include "tests/support/test_disks.h"

namespace twofold {
namespace {

using fs::ByteOffset;
using fs::Durability;
using fs::kBlockSize;

class ArrayModel {
public:
    ArrayModel(TestDisk& disk, std::uint64_t blocks, std::size_t write_max, std::uint64_t seed)
        : disk_(disk), bytes_(blocks * kBlockSize), write_max_(write_max), random_(seed) {}

    void step() {
        switch (below(20)) {
            case 0:
            case 1:
            case 2:
            case 3:
            case 4:
            case 5:
            case 6:
                return write();
            case 7:
            case 8:
                return zero();
            case 9:
            case 10:
            case 11:
                return read();
            case 12:
            case 13:
                return must(disk_.sync(), "sync");
            case 14:
            case 15:
                return must(disk_.soft_commit(), "soft commit");
            case 16:
            case 17:
                disk_.pass(std::chrono::milliseconds(below(200)));
                return must(disk_.disk->tick(), "tick");
            case 18:
                disk_.pass(std::chrono::seconds(below(60)));
                return must(disk_.disk->tick(), "tick");
            default:
                if (below(4) == 0) return disk_.reopen();
                if (below(3) == 0) return kill();
                return must(disk_.disk->check_map(), "check");
        }
    }

    void check_all() {
        std::vector<std::byte> now(bytes_.size());
        for (std::size_t at = 0; at < now.size(); at += fs::kRequestMax)
            must(disk_.disk->read(
                     ByteOffset{at},
                     MutableBytes(now).subspan(at, std::min(fs::kRequestMax, now.size() - at))),
                 "read");
        ASSERT_EQ(now, bytes_);
        must(disk_.disk->check_map(), "check");
    }

private:
    std::uint64_t below(std::uint64_t end) { return random_() % end; }
    // Any bytes, or whole blocks, and mostly small.
    std::pair<std::size_t, std::size_t> range(std::size_t size_max) {
        const std::size_t unit = below(2) == 0 ? kBlockSize : (below(2) == 0 ? 512 : 1);
        const std::size_t cap =
            below(3) == 0 ? size_max : std::min<std::size_t>(size_max, 3 * kBlockSize);
        std::size_t size = std::max<std::size_t>(unit, below(cap) / unit * unit);
        const std::size_t offset = below(bytes_.size()) / unit * unit;
        size = std::min(size, bytes_.size() - offset);
        return {offset, size};
    }
    void write() {
        const auto [offset, size] = range(write_max_);
        std::vector<std::byte> data(size);
        for (std::byte& b : data) b = static_cast<std::byte>(random_());
        must(disk_.disk->write(ByteOffset{offset}, data), "write");
        std::ranges::copy(data, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    void zero() {
        const auto [offset, size] = range(bytes_.size() / 2);
        must(disk_.disk->zero(ByteOffset{offset}, size), "zero");
        std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), size, std::byte{0});
    }
    void read() {
        const auto [offset, size] = range(bytes_.size() / 2);
        std::vector<std::byte> out(size, std::byte{0xee});
        must(disk_.disk->read(ByteOffset{offset}, out), "read");
        ASSERT_TRUE(equal(out, Bytes(bytes_).subspan(offset, size)))
            << size << " bytes at " << offset;
    }
    void kill() {  // the file keeps what was written: with a soft commit nothing is lost
        must(disk_.soft_commit(), "soft commit");
        disk_.kill();
        disk_.open();
        check_all();
    }

    TestDisk& disk_;
    std::vector<std::byte> bytes_;
    std::size_t write_max_;
    std::mt19937_64 random_;
};

struct ModelCase {
    std::string name;
    DiskShape shape;
    std::size_t write_max;
    int steps, seeds;
    Layers layers;
};

void PrintTo(const ModelCase& model, std::ostream* out) { *out << model.name; }

class EngineModel : public testing::TestWithParam<ModelCase> {};

TEST_P(EngineModel, BehavesLikeAnArray) {
    const ModelCase& model = GetParam();
    for (const std::uint64_t seed : seeds(1000, model.seeds)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        TestDisk disk(model.shape, model.layers, seed);
        disk.open();
        ArrayModel array(disk, model.shape.blocks, model.write_max, seed);
        for (int step = 0; step < model.steps; ++step) {
            SCOPED_TRACE("step " + std::to_string(step));
            array.step();
            if (step % 50 == 49) array.check_all();
            if (testing::Test::HasFatalFailure()) return;
        }
        disk.reopen();
        array.check_all();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, EngineModel,
    testing::Values(
        ModelCase{"Tiny", {24, 8, 6, 1}, 7 * kBlockSize, 300, 15, two_layers()},
        ModelCase{"Tiniest", {6, 4, 4, 1}, 3 * kBlockSize, 300, 15, one_layer()},
        ModelCase{"LongLog", {40, 60, 64, 1}, 30 * kBlockSize, 400, 5, one_layer()},
        ModelCase{"FullRequests", {1000, 300, 16, 1}, fs::kRequestMax, 200, 2, two_layers()},
        ModelCase{"ThreeSegments", {18000, 1024, 64, 3}, fs::kRequestMax, 120, 1, one_layer()}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace twofold

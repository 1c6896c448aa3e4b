// Power cuts and kills at every operation of small workloads: promises D1 and D2 (G1, G2). After
// each, the disk opens by itself, holds one state of its history not older than the last sync, its
// map is a bijection, and it can be written on and cut again.
#include <gtest/gtest.h>

#include "fs/disk/layout.h"
#include "tests/fs/disk/crash_workload.h"
#include "tests/support/seeds.h"

namespace twofold {
namespace {

// Opens crash states one after another and judges them.
class Checker {
public:
    Checker(const CrashWorkload& workload, TestDisk& disk) : workload_(workload), disk_(disk) {
        disk_.kill();
        disk_.wrap = [this](std::unique_ptr<io::File> file) -> std::unique_ptr<io::File> {
            trace_ = std::make_shared<Trace>();
            return std::make_unique<RecordingFile>(std::move(file), trace_);
        };
        disk_.anchors->saved = [this](Bytes record) { trace_->anchor(record); };
    }

    // The state found, after opening `image` for writing, with the anchor as it was by then.
    std::optional<DiskState> open(const MemoryImage& image, const MemoryAnchors::Record& anchor,
                                  std::size_t from, std::size_t to) {
        ++states;
        disk_.image = image;
        disk_.anchors->put(anchor ? anchor : workload_.first_anchor());
        disk_.options.read_only = states % 5 == 0;
        const auto opened = disk_.try_open();
        EXPECT_THAT(opened, Succeeds());
        if (!opened) return std::nullopt;
        const auto found = read_state(disk_, workload_.options().shape.blocks);
        EXPECT_THAT(found, Succeeds());
        if (!found) return std::nullopt;
        EXPECT_TRUE(workload_.explain(*found, from, to)) << "not a prefix of the history";
        EXPECT_THAT(disk_.disk->check_map(), Succeeds());
        return *found;
    }

    // Once more, and writing on.
    void go_on(const DiskState& found) {
        disk_.options.read_only = false;
        must(disk_.try_open());
        EXPECT_EQ(must(read_state(disk_, found.size())), found) << "opening again changed it";
        DiskState next = found;
        for (std::uint64_t version = 1'000'000; version < 1'000'003; ++version) {
            const std::uint64_t block = version % found.size();
            must(disk_.disk->write(fs::offset_of(fs::BlockIndex{block}),
                                   contents_of(block, version)));
            next[block] = version;
            must(version % 2 == 0 ? disk_.sync() : disk_.soft_commit());
        }
        disk_.kill();
        must(disk_.try_open());
        EXPECT_EQ(must(read_state(disk_, found.size())), next) << "a kill lost something";
        EXPECT_THAT(disk_.disk->check_map(), Succeeds());
    }

    bool writable() const { return !disk_.disk->read_only(); }
    const Trace& trace() const { return *trace_; }
    int states = 0;

private:
    const CrashWorkload& workload_;
    TestDisk& disk_;
    std::shared_ptr<Trace> trace_;
};

struct CrashCase {
    std::string name;
    CrashWorkload::Options options;
    int seeds;
    int samples;  // a family at each operation
};

void PrintTo(const CrashCase& crash, std::ostream* out) { *out << crash.name; }

class EngineCrash : public testing::TestWithParam<CrashCase> {};

TEST_P(EngineCrash, LeavesAPrefixOfTheHistory) {
    const CrashCase& crash = GetParam();
    int states = 0;
    for (const std::uint64_t seed : seeds(7000, crash.seeds)) {
        if (HasFailure()) break;
        SCOPED_TRACE("seed " + std::to_string(seed));
        CrashWorkload workload(crash.options, seed);
        workload.run();
        PowerCut cut = workload.power_cut();
        std::mt19937_64 random(seed);
        Checker check(workload, workload.disk());
        for (std::size_t index = 0; index <= cut.size() && !HasFailure(); ++index) {
            SCOPED_TRACE("before operation " + std::to_string(index));
            cut.advance(index);
            const auto legal = workload.legal(index);
            if (index % 3 == 0) {
                SCOPED_TRACE("kill");
                const auto found =
                    check.open(cut.everything(), cut.anchor(), legal.killed, legal.newest);
                if (!found) break;
                if (check.writable()) {
                    // And the power goes while the next mount recovers: what the killed one wrote
                    // is still in the cache only.
                    std::vector<Operation> both(
                        cut.operations().begin(),
                        cut.operations().begin() + static_cast<std::ptrdiff_t>(index));
                    const auto recovery = check.trace().operations();
                    both.insert(both.end(), recovery.begin(), recovery.end());
                    PowerCut late(cut.start(), std::move(both));
                    late.advance(index + random() % (recovery.size() + 1));
                    const auto family = static_cast<PowerCut::Family>(random() % 5);
                    check.open(late.state(family, random), late.anchor(), legal.synced,
                               legal.newest);
                } else if (index % 2 == 0) {
                    check.go_on(*found);
                }
            }
            for (int sample = 0; sample < crash.samples && !HasFailure(); ++sample) {
                const auto family = static_cast<PowerCut::Family>(random() % PowerCut::kFamilies);
                SCOPED_TRACE("family " + std::to_string(static_cast<int>(family)));
                const MemoryImage image = cut.state(family, random);
                const auto found = check.open(image, cut.anchor(), legal.synced, legal.newest);
                if (!found) break;
                if (check.writable() && sample % 2 == 0) {
                    // Recovery itself is cut: it may only come to the same again.
                    PowerCut again(image, check.trace().operations());
                    again.advance(random() % (again.size() + 1));
                    const auto second = static_cast<PowerCut::Family>(random() % 5);
                    const auto same = check.open(again.state(second, random),
                                                 again.anchor() ? again.anchor() : cut.anchor(),
                                                 legal.synced, legal.newest);
                    ASSERT_TRUE(same);
                    EXPECT_EQ(*same, *found) << "a recovery that was cut came to something else";
                } else if (sample % 3 == 0) {
                    check.go_on(*found);
                }
            }
        }
        states += check.states;
    }
    RecordProperty("states", states);
    std::cout << states << " states\n";
}

// Case 15b: the daemon is killed between a superblock and its sync, and the power goes while the
// next mount recovers. What it recovers from must be on the device before the copies that only the
// older superblock needs are written over.
TEST(EngineRecovery, RestsOnNothingThatOnlyTheCacheHas) {
    constexpr std::uint64_t kSeed = 3;
    CrashWorkload::Options options;
    options.shape = {8, 8, 6, 1};
    options.steps = 80;
    CrashWorkload workload(options, kSeed);
    workload.run();
    PowerCut cut = workload.power_cut();
    std::mt19937_64 random(kSeed);
    Checker check(workload, workload.disk());
    int moments = 0;
    for (std::size_t index = 1; index <= cut.size() && !testing::Test::HasFailure(); ++index) {
        cut.advance(index);
        const Operation& last = cut.operations()[index - 1];
        if (last.kind != Operation::Kind::write || last.offset >= fs::kLogOffset) continue;
        ++moments;
        SCOPED_TRACE("killed before operation " + std::to_string(index));
        const auto legal = workload.legal(index);
        check.states = 0;  // for writing
        ASSERT_TRUE(check.open(cut.everything(), cut.anchor(), legal.killed, legal.newest));
        const auto recovery = check.trace().operations();
        for (std::size_t cut_at = 0; cut_at <= recovery.size() && !testing::Test::HasFailure();
             ++cut_at) {
            SCOPED_TRACE("cut before its operation " + std::to_string(cut_at));
            std::vector<Operation> both(
                cut.operations().begin(),
                cut.operations().begin() + static_cast<std::ptrdiff_t>(index));
            both.insert(both.end(), recovery.begin(), recovery.end());
            PowerCut late(cut.start(), std::move(both));
            late.advance(index + cut_at);
            for (int sample = 0; sample < 4 && !testing::Test::HasFailure(); ++sample)
                check.open(late.state(sample % 2 == 0 ? PowerCut::Family::uniform
                                                      : PowerCut::Family::one_lost,
                                      random),
                           late.anchor(), legal.synced, legal.newest);
        }
    }
    EXPECT_GT(moments, 4);
}

INSTANTIATE_TEST_SUITE_P(
    Workloads, EngineCrash,
    testing::Values(CrashCase{"Tiniest", {{6, 4, 6, 1}, two_layers(), 2, 40, true}, 4, 2},
                    CrashCase{"Tiny", {{8, 8, 6, 1}, one_layer(), 4, 40, true}, 4, 2},
                    CrashCase{"Small", {{24, 16, 12, 1}, two_layers(), 8, 60, true}, 2, 2},
                    CrashCase{"LongLog", {{16, 64, 64, 1}, two_layers(), 4, 80, true}, 1, 2}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace twofold

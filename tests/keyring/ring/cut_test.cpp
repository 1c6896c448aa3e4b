#include "tests/keyring/cloud/cut_directory.h"
#include "tests/keyring/ring/test_ring.h"

namespace twofold::keyring {
namespace {

using testing::HasSubstr;
using testing::Not;

// A rotation, killed before each of its persistent steps in turn: those of the store's record, and
// those of two disks.
class CutRotation : public RingTest {
protected:
    // A holder whose rewrap is one step of the same fuse.
    class FusedHolder final : public EnvelopeHolder {
    public:
        FusedHolder(FakeHolder& inner, Fuse& fuse) : inner_(inner), fuse_(fuse) {}
        std::string name() const override { return inner_.name(); }
        Result<crypto::Envelope> envelope(Layer layer) override { return inner_.envelope(layer); }
        Result<void> rewrap(
            Layer layer, Bytes record,
            const std::function<Result<void>(const crypto::Envelope&)>& proof) override {
            if (!fuse_.step()) return fail(Errc::io, "killed");
            return inner_.rewrap(layer, record, proof);
        }

    private:
        FakeHolder& inner_;
        Fuse& fuse_;
    };

    // Rotates to `target` in a process that dies when the fuse is burnt.
    Result<RewrapReport> rotate(const KeyId& target, Fuse& fuse) {
        auto process = must(
            Keyring::open(std::make_unique<CutDirectory>(keyring_directory(), fuse), options(),
                          Keyring::LayerExpectation{platform_config(), note1},
                          Keyring::LayerExpectation{
                              LayerConfig{config->reference, target, identity.object_id}, note2}));
        FusedHolder one(*disks_[0], fuse), two(*disks_[1], fuse);
        return process->rewrap(Layer::two, target, {&one, &two});
    }
    std::vector<FakeHolder*> disks_;
};

TEST_F(CutRotation, OpensAtEveryStepAndEndsTheSameWayWhenRepeated) {
    create(key("kek1"));
    disks_ = {&add_holder("node0/data1"), &add_holder("node0/temp1")};
    const auto dek = must(must(ring->current(Layer::two)).dek.clone());
    const std::array<std::string, 2> versions = {newest("kek1"),
                                                 cloud.add_key("kek1").version.version};
    Fuse whole;
    must(rotate(key("kek1", versions[1]), whole));
    const int steps = whole.burnt;
    EXPECT_EQ(steps, 2 + 8);  // two disks; idle slot, flip, random and zeros, each with its sync

    std::size_t now = 1;  // the version in force
    for (int cut = 0; cut < steps; ++cut) {
        SCOPED_TRACE(fmt::format("killed before step {} of {}", cut + 1, steps));
        const KeyId from = key("kek1", versions[now]);
        const KeyId to = key("kek1", versions[1 - now]);
        Fuse fuse;
        fuse.left = cut;
        ASSERT_THAT(rotate(to, fuse), FailsWith(Errc::io));

        // Restart: the store opens, every disk's own envelope is of one of the two versions.
        config->next_reference = to;
        reopen();
        ASSERT_THAT(ring->unlock(), Succeeds());
        const auto opened = must(ring->current(Layer::two));
        EXPECT_TRUE(equal(opened.dek.reveal(), dek.reveal()));
        for (const FakeHolder* disk : disks_)
            EXPECT_TRUE(disk->key() == from || disk->key() == to) << disk->key().uri();

        // And the same again, to the end.
        Fuse none;
        const auto report = must(rotate(to, none));
        EXPECT_TRUE(report.old_version_free);
        for (const FakeHolder* disk : disks_) EXPECT_EQ(disk->key(), to);
        EXPECT_THAT(store_bytes(), HasSubstr(to.version()));
        EXPECT_THAT(store_bytes(), Not(HasSubstr(from.version())));
        now = 1 - now;
    }
}

}  // namespace
}  // namespace twofold::keyring

// The KEK rewrap: nothing is lost wherever it is cut, and nothing old is left when it is done.
#include "tests/fs/disk/header_fixture.h"

namespace twofold::fs {
namespace {

using crypto::Layer;
using testing::IsEmpty;

// Lets `writes` writes through; then it fails, or pretends and does nothing: a crash.
class CutFile final : public io::ForwardingFile {
public:
    enum class After { fails, pretends, tears };
    CutFile(std::shared_ptr<io::File> image, int writes, After after)
        : io::ForwardingFile(std::make_unique<SharedFile>(image)), left_(writes), after_(after) {}
    using io::File::read;
    using io::File::write;
    Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override {
        if (left_-- > 0) return inner().write(offset, parts);
        cut_ = true;
        if (after_ == After::fails) return fail(Errc::io, "cut");
        if (after_ == After::tears && left_ == -1)
            return inner().write(offset, parts.front().first(512));
        return {};
    }
    bool was_cut() const { return cut_; }

private:
    int left_;
    After after_;
    bool cut_ = false;
};

class Rewrap : public HeaderTest {
protected:
    using Proof = std::function<Result<void>(const crypto::Envelope&)>;

    Proof unwraps() {
        return [this](const crypto::Envelope& envelope) -> Result<void> {
            TF_TRY(keys.unwrap(Layer::two, envelope));
            return {};
        };
    }
    Result<void> rewrap(io::File& into, std::string_view end, const Proof& proof) {
        TF_ASSIGN(auto opened, open());
        return opened.header->rewrap(
            into, Layer::two, record(Layer::two, end), opened.keys, random,
            [&] { return into.sync(); }, proof);
    }
    // Sound envelopes of layer 2 in one copy.
    std::vector<crypto::Envelope> live(HeaderCopy copy) {
        std::vector<crypto::Envelope> out;
        for (const std::uint8_t slot : {std::uint8_t{0}, std::uint8_t{1}}) {
            auto parsed = EnvelopeSector::parse(sector(copy, place(Layer::two, slot)));
            if (parsed && *parsed) out.push_back((*parsed)->envelope);
        }
        return out;
    }
    void expect_only(std::string_view end, const char* when) {
        for (const HeaderCopy copy : {HeaderCopy::a, HeaderCopy::b}) {
            const auto found = live(copy);
            ASSERT_EQ(found.size(), 1u) << when;
            EXPECT_EQ(found[0].record, record(Layer::two, end)) << when;
            // The other slot is zero, not only unsound.
            const bool zero0 = all_zero(sector(copy, place(Layer::two, 0)));
            const bool zero1 = all_zero(sector(copy, place(Layer::two, 1)));
            EXPECT_NE(zero0, zero1) << when;
        }
        EXPECT_TRUE(copies_equal()) << when;
        EXPECT_THAT(damage(), IsEmpty()) << when;
    }
};

TEST_F(Rewrap, LeavesOnlyTheNewEnvelope) {
    const PageBytes fixed = sector(HeaderCopy::a, 0);
    const PageBytes layer1 = sector(HeaderCopy::a, place(Layer::one, 0));
    int proofs = 0;
    EXPECT_THAT(rewrap(*file, "new",
                       [&](const crypto::Envelope& envelope) -> Result<void> {
                           ++proofs;
                           EXPECT_EQ(envelope.generation, 2u);
                           EXPECT_EQ(envelope.dek, keys.name(Layer::two));
                           EXPECT_EQ(envelope.record, record(Layer::two, "new"));
                           EXPECT_EQ(live(HeaderCopy::a).size(), 2u) << "old one kept until now";
                           EXPECT_EQ(live(HeaderCopy::b).size(), 2u);
                           return {};
                       }),
                Succeeds());
    EXPECT_EQ(proofs, 1);
    expect_only("new", "done");
    EXPECT_EQ(sector(HeaderCopy::a, 0), fixed);
    EXPECT_EQ(sector(HeaderCopy::a, place(Layer::one, 0)), layer1);
}

TEST_F(Rewrap, MayBeRepeatedOnTheSameDisk) {
    auto opened = must(open());
    for (int i = 0; i < 5; ++i) {
        must(opened.header->rewrap(
            *file, Layer::two, record(Layer::two, std::to_string(i)), opened.keys, random,
            [] { return Result<void>(); }, unwraps()));
        EXPECT_EQ(must(opened.header->envelope(Layer::two)).generation, 2u + i);
        expect_only(std::to_string(i), "repeated");
    }
}

TEST_F(Rewrap, WritesBeforeItSyncsAndCopyBFirst) {
    // One line a call: the order is the promise.
    class Recorder final : public io::ForwardingFile {
    public:
        explicit Recorder(std::shared_ptr<io::File> image)
            : io::ForwardingFile(std::make_unique<SharedFile>(image)) {}
        using io::File::read;
        using io::File::write;
        Result<void> write(std::uint64_t offset, std::span<const Bytes> parts) override {
            const bool b = offset >= header_offset(HeaderCopy::b);
            const auto n =
                (offset - header_offset(b ? HeaderCopy::b : HeaderCopy::a)) / kSectorSize;
            log += fmt::format("{}{}{} ", b ? 'B' : 'A', n, all_zero(parts.front()) ? "=0" : "");
            return inner().write(offset, parts);
        }
        Result<void> sync() override {
            log += "| ";
            return inner().sync();
        }
        std::string log;
    } recorder(file);
    must(rewrap(recorder, "new", [&](const crypto::Envelope&) -> Result<void> {
        recorder.log += "proof ";
        return {};
    }));
    EXPECT_EQ(recorder.log, "B6 | A6 | proof B5 A5 | B5=0 A5=0 | ");
}

TEST_F(Rewrap, AnUnprovenEnvelopeIsTakenBack) {
    EXPECT_THAT(rewrap(*file, "new",
                       [](const crypto::Envelope&) -> Result<void> {
                           return fail(Errc::key_revoked, "the new key does not unwrap");
                       }),
                FailsWith(Errc::key_revoked));
    expect_only("", "taken back");
}

TEST_F(Rewrap, OfALayerThatIsNotThereIsRefused) {
    DiskSpec spec;
    spec.layer1 = Suite::xaes_256_gcm;
    spec.layer2 = Suite::none;
    create(spec);
    EXPECT_THAT(rewrap(*file, "new", unwraps()), FailsWith(Errc::not_found));
}

TEST_F(Rewrap, ARecordThatDoesNotFitChangesNothing) {
    EXPECT_THAT(rewrap(*file, std::string(4000, 'x'), unwraps()), FailsWith(Errc::too_big));
    expect_only("", "refused");
}

TEST_F(Rewrap, RepairsADamagedCopyFirst) {
    flip(HeaderCopy::a, 0, 400);
    must(rewrap(*file, "new", unwraps()));
    expect_only("new", "repaired");
}

TEST_F(Rewrap, CutAtEachWriteLeavesALiveEnvelopeAndCanBeRepeated) {
    for (const auto after :
         {CutFile::After::fails, CutFile::After::pretends, CutFile::After::tears}) {
        for (int writes = 0;; ++writes) {
            ASSERT_LT(writes, 20);
            create(DiskSpec{});
            CutFile cut(file, writes, after);
            const auto result = rewrap(cut, "new", unwraps());
            if (!cut.was_cut()) {
                EXPECT_THAT(result, Succeeds());
                EXPECT_EQ(writes, 6);  // of the order above
                break;
            }
            const std::string when = fmt::format("cut {} at write {}", int(after), writes);
            for (const HeaderCopy copy : {HeaderCopy::a, HeaderCopy::b})
                EXPECT_FALSE(live(copy).empty()) << when;
            ASSERT_THAT(open(), Succeeds()) << when;
            ASSERT_THAT(rewrap(*file, "again", unwraps()), Succeeds()) << when;
            expect_only("again", when.c_str());
        }
    }
}

TEST_F(Rewrap, ThatFailedCanBeRepeatedByTheSameMount) {
    for (int writes = 0; writes < 6; ++writes) {
        create(DiskSpec{});
        auto opened = must(open());
        CutFile cut(file, writes, CutFile::After::fails);
        const auto run = [&](io::File& into, std::string_view end) {
            return opened.header->rewrap(
                into, Layer::two, record(Layer::two, end), opened.keys, random,
                [&] { return into.sync(); }, unwraps());
        };
        EXPECT_THAT(run(cut, "new"), FailsWith(Errc::io));
        EXPECT_THAT(open(), Succeeds()) << writes;
        EXPECT_THAT(run(*file, "again"), Succeeds()) << writes;
        expect_only("again", "repeated");
    }
}

TEST_F(Rewrap, AFailedSyncEndsIt) {
    for (int syncs = 0; syncs < 4; ++syncs) {
        create(DiskSpec{});
        auto opened = must(open());
        int left = syncs;
        EXPECT_THAT(opened.header->rewrap(
                        *file, Layer::two, record(Layer::two, "new"), opened.keys, random,
                        [&]() -> Result<void> {
                            if (left-- > 0) return {};
                            return fail(Errc::io, "fdatasync");
                        },
                        unwraps()),
                    FailsWith(Errc::io));
        EXPECT_THAT(open(), Succeeds());
    }
}

TEST_F(Rewrap, AnEnvelopeThatWasNeverProvedIsTheOneToWriteOver) {
    // Both slots live, as a cut leaves them; the newer one's key is of no use.
    const auto opened = must(open());
    EnvelopeSector unproven{Layer::two, note.disk, {}};
    unproven.envelope = {2, keys.name(Layer::two), record(Layer::two, "unproven")};
    const PageBytes page = must(unproven.encode(opened.keys.envelope_key(Layer::two)));
    set_both(place(Layer::two, 1), page);
    keys.refused_records[std::string(as_text(Bytes(unproven.envelope.record)))] = Errc::key_revoked;
    const PageBytes old = sector(HeaderCopy::a, place(Layer::two, 0));

    // Cut before the retired slot is overwritten: the old one must still be there.
    CutFile cut(file, 2, CutFile::After::fails);
    EXPECT_THAT(rewrap(cut, "new", unwraps()), FailsWith(Errc::io));
    EXPECT_EQ(sector(HeaderCopy::a, place(Layer::two, 0)), old);
    must(rewrap(*file, "again", unwraps()));
    expect_only("again", "done");
}

}  // namespace
}  // namespace twofold::fs

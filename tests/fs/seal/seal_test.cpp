#include "fs/seal/seal.h"

#include <functional>
#include <random>
#include <thread>

#include "keyring/crypto/random.h"
#include "tests/support/matchers.h"

namespace twofold::fs {
namespace {

using crypto::Layer;
using crypto::SecretBytes;

constexpr std::uint32_t kKeyset = 7;

Uuid disk_id() { return must(Uuid::parse("000102030405060708090a0b0c0d0e0f")); }

// A key that depends on `fill` alone; the halves of 64 bytes differ.
SecretBytes key(std::size_t size, std::uint8_t fill) {
    SecretBytes bytes = must(SecretBytes::zeroed(size));
    for (std::size_t i = 0; i < size; ++i)
        bytes.reveal_mutable()[i] = static_cast<std::byte>(fill + i * 7 + i / 32);
    return bytes;
}

struct LayerCase {
    Layer layer;
    Suite suite;
    std::uint8_t key_fill = 1;
    Uuid disk = disk_id();
    std::uint32_t keyset = kKeyset;
    Libraries libraries = Libraries::fastest;

    std::unique_ptr<Seal> make() const {
        return must(
            make_seal(layer, suite, disk, keyset, key(key_size(suite), key_fill), libraries));
    }
};

// Layers inner first.
SealStack stack_of(const std::vector<LayerCase>& layers) {
    std::vector<std::unique_ptr<Seal>> seals;
    for (const LayerCase& layer : layers) seals.push_back(layer.make());
    return must(SealStack::create(kKeyset, std::move(seals)));
}

const LayerCase kInner{Layer::two, Suite::xchacha20_poly1305};
const LayerCase kOuter{Layer::one, Suite::aes_256_xts, 2};

struct Shape {
    std::string name;
    std::vector<LayerCase> layers;
};

std::vector<Shape> all_shapes() {
    const auto one = [](Layer layer, Suite suite) {
        return LayerCase{layer, suite, layer == Layer::one ? std::uint8_t{2} : std::uint8_t{1}};
    };
    const Suite x = Suite::xchacha20_poly1305, g = Suite::xaes_256_gcm, t = Suite::aes_256_xts;
    return {{"OneLayerXchacha", {one(Layer::one, x)}},
            {"OneLayerXaes", {one(Layer::one, g)}},
            {"LayerTwoAloneXchacha", {one(Layer::two, x)}},
            {"LayerTwoAloneXaes", {one(Layer::two, g)}},
            {"XtsAroundXchacha", {one(Layer::two, x), one(Layer::one, t)}},
            {"XtsAroundXaes", {one(Layer::two, g), one(Layer::one, t)}},
            {"XaesAroundXchacha", {one(Layer::two, x), one(Layer::one, g)}},
            {"XchachaAroundXaes", {one(Layer::two, g), one(Layer::one, x)}}};
}

using Sealed = std::array<std::byte, kSealedSize>;

Sealed random_block(std::mt19937& engine) {
    Sealed out{};
    for (std::size_t i = 0; i < kBlockSize; ++i) out[i] = static_cast<std::byte>(engine());
    return out;
}

SealInfo random_info(std::mt19937& engine) {
    SealInfo info{.index = BlockIndex{engine()}};
    for (std::byte& b : info.nonce) b = static_cast<std::byte>(engine());
    return info;
}

Bytes block(const Sealed& sealed) { return Bytes(sealed).first(kBlockSize); }

class EveryShape : public testing::TestWithParam<Shape> {
protected:
    EveryShape() : stack_(stack_of(GetParam().layers)), engine_(seed_) {
        info_ = random_info(engine_);
        plain_ = random_block(engine_);
        sealed_ = plain_;
        must(stack_.seal(info_, sealed_));
    }
    bool outer_has_tag() const { return has_tag(GetParam().layers.back().suite); }
    bool two() const { return GetParam().layers.size() == 2; }
    std::string innermost() const {
        return GetParam().layers.front().layer == Layer::one ? "layer 1" : "layer 2";
    }

    // Opening must fail, name `layer`, and leave nothing.
    void expect_refused(const SealStack& stack, const SealInfo& info, Sealed sealed,
                        const std::string& layer) {
        const auto opened = stack.open(info, sealed);
        ASSERT_THAT(opened, FailsWith(Errc::unauthentic));
        EXPECT_EQ(opened.error().what, layer);
        EXPECT_TRUE(all_zero(sealed));
    }

    const unsigned seed_ = std::random_device{}();
    testing::ScopedTrace trace_{__FILE__, __LINE__, "seed " + std::to_string(seed_)};
    SealStack stack_;
    std::mt19937 engine_;
    SealInfo info_;
    Sealed plain_;
    Sealed sealed_;
};

TEST_P(EveryShape, OpensWhatItSealed) {
    EXPECT_FALSE(equal(block(sealed_), block(plain_)));
    EXPECT_EQ(info_.keyset, kKeyset);
    Sealed slot = sealed_;
    std::memset(slot.data() + kBlockSize, 0xee,
                crypto::kTagSize);  // the slot holds 4096 bytes only
    must(stack_.open(info_, slot));
    EXPECT_TRUE(equal(block(slot), block(plain_)));
}

TEST_P(EveryShape, SetsTheTagsThatTheShapeHas) {
    const bool layer_one = GetParam().layers.back().layer == Layer::one;
    const bool layer_two = GetParam().layers.front().layer == Layer::two;
    EXPECT_EQ(all_zero(info_.outer_tag), !layer_one || !outer_has_tag());
    EXPECT_EQ(all_zero(info_.inner_tag), !layer_two);
}

TEST_P(EveryShape, RefusesAnyFlippedBitOfTheBlock) {
    for (int round = 0; round < 40; ++round) {
        Sealed slot = sealed_;
        slot[engine_() % kBlockSize] ^= static_cast<std::byte>(1 << engine_() % 8);
        expect_refused(stack_, info_, slot, two() && outer_has_tag() ? "layer 1" : innermost());
    }
}

TEST_P(EveryShape, RefusesAnyFlippedBitOfTagsAndNonce) {
    const auto flip = [&](auto member, std::size_t i) {
        SealInfo info = info_;
        (info.*member)[i] ^= static_cast<std::byte>(1 << engine_() % 8);
        Sealed slot = sealed_;
        EXPECT_THAT(stack_.open(info, slot), FailsWith(Errc::unauthentic));
        EXPECT_TRUE(all_zero(slot));
    };
    for (std::size_t i = 0; i < crypto::kTagSize; ++i) flip(&SealInfo::inner_tag, i);
    for (std::size_t i = 0; i < crypto::kTagSize; ++i) flip(&SealInfo::outer_tag, i);
    for (std::size_t i = 0; i < crypto::kNonceSize; ++i) flip(&SealInfo::nonce, i);
}

TEST_P(EveryShape, RefusesABlockMovedToAnotherIndex) {
    for (int bit = 0; bit < 64; ++bit) {
        SealInfo info = info_;
        info.index = BlockIndex{info.index.value() ^ std::uint64_t{1} << bit};
        expect_refused(stack_, info, sealed_, two() && outer_has_tag() ? "layer 1" : innermost());
    }
}

TEST_P(EveryShape, RefusesAnotherKeyDiskOrKeysetOfEitherLayer) {
    for (std::size_t i = 0; i < GetParam().layers.size(); ++i) {
        const auto refused_after = [&](std::function<void(LayerCase&)> change) {
            auto layers = GetParam().layers;
            change(layers[i]);
            Sealed slot = sealed_;
            EXPECT_THAT(stack_of(layers).open(info_, slot), FailsWith(Errc::unauthentic));
        };
        refused_after([](LayerCase& layer) { layer.key_fill = 99; });
        if (!has_tag(GetParam().layers[i].suite)) continue;  // XTS binds neither disk nor keyset
        refused_after([](LayerCase& layer) { layer.disk.bytes[15] ^= std::byte{1}; });
        refused_after([](LayerCase& layer) { layer.keyset = kKeyset + 1; });
    }
}

TEST_P(EveryShape, IsVerifiedWithoutReleasingPlaintext) {
    Sealed slot = sealed_;
    EXPECT_TRUE(must(stack_.verify(info_, slot)));
    slot = sealed_;
    slot[17] ^= std::byte{1};
    EXPECT_FALSE(must(stack_.verify(info_, slot)));
}

TEST_P(EveryShape, ShowsTheInnerLayersCiphertextUnderTheOuterOne) {
    Sealed outside = sealed_;
    SealInfo info = info_;
    must(stack_.open_outer(info, outside));
    if (!two()) {
        EXPECT_TRUE(equal(block(outside), block(plain_)));
        return;
    }
    Sealed inside = plain_;
    SealInfo alone{.index = info_.index, .nonce = info_.nonce};
    must(stack_of({GetParam().layers.front()}).seal(alone, inside));
    EXPECT_TRUE(equal(block(outside), block(inside)));
    EXPECT_EQ(info.inner_tag, alone.inner_tag);
    EXPECT_NE(info_.inner_tag, alone.inner_tag);  // encrypted by the outer layer
}

INSTANTIATE_TEST_SUITE_P(Shapes, EveryShape, testing::ValuesIn(all_shapes()),
                         [](const auto& test) { return test.param.name; });

// The same through crypto::Aead and crypto::Xts, written out: what the format says, byte by byte.
TEST(SealStack, FollowsTheFormatWordByWord) {
    std::mt19937 engine(1);
    SealInfo info = random_info(engine);
    const Sealed plain = random_block(engine);
    Sealed sealed = plain;
    must(stack_of({kInner, kOuter}).seal(info, sealed));

    std::array<std::byte, 40> associated;
    Writer w(associated);
    w.bytes(as_bytes("TF1-DATA"));
    w.bytes(disk_id().bytes);
    w.u64_le(info.index.value());
    w.u32_le(kKeyset);
    w.u8(2);
    w.u8(1);
    w.u16_le(0);
    Sealed expected = plain;
    const auto unit = MutableBytes(expected).first(kBlockSize);
    const auto tag = std::span(expected).last<crypto::kTagSize>();
    must(must(crypto::make_xchacha20_poly1305_sodium(key(32, 1)))
             ->seal(info.nonce, associated, unit, unit, tag));
    std::array<std::byte, 16> tweak;
    Reader nonce(info.nonce);
    Writer tweak_writer(tweak);
    tweak_writer.u64_le(nonce.u64_le());
    const std::uint64_t second_half = nonce.u64_le();
    tweak_writer.u64_le(second_half ^ nonce.u64_le());
    must(must(crypto::make_aes_256_xts(key(64, 2)))->encrypt(tweak, expected, expected));

    EXPECT_TRUE(equal(block(sealed), block(expected)));
    EXPECT_TRUE(equal(info.inner_tag, tag));
    EXPECT_TRUE(all_zero(info.outer_tag));
}

TEST(SealStack, IsTheSameByIndependentLibraries) {
    std::mt19937 engine(2);
    LayerCase independent = kInner;
    independent.libraries = Libraries::independent;
    const SealStack a = stack_of({kInner, kOuter});
    const SealStack b = stack_of({independent, kOuter});
    for (int round = 0; round < 20; ++round) {
        SealInfo info_a = random_info(engine), info_b = info_a;
        Sealed block_a = random_block(engine), block_b = block_a;
        must(a.seal(info_a, block_a));
        must(b.seal(info_b, block_b));
        EXPECT_EQ(block_a, block_b);
        EXPECT_EQ(info_a.inner_tag, info_b.inner_tag);
        must(b.open(info_a, block_a));
        must(a.open(info_b, block_b));
        EXPECT_EQ(block_a, block_b);
    }
}

TEST(SealStack, RefusesABlockOfAnotherKeyset) {
    std::mt19937 engine(3);
    const SealStack stack = stack_of({kInner, kOuter});
    SealInfo info = random_info(engine);
    Sealed sealed = random_block(engine);
    must(stack.seal(info, sealed));
    ++info.keyset;
    Sealed slot = sealed;
    EXPECT_THAT(stack.open(info, slot), FailsWith(Errc::corrupt));
    EXPECT_TRUE(all_zero(slot));
    EXPECT_THAT(stack.open_outer(info, sealed), FailsWith(Errc::corrupt));
    EXPECT_THAT(stack.verify(info, sealed), FailsWith(Errc::corrupt));
}

TEST(SealStack, RefusesShapesThatAreNotAllowed) {
    const auto shape = [](const std::vector<LayerCase>& layers) {
        std::vector<std::unique_ptr<Seal>> seals;
        for (const LayerCase& layer : layers) seals.push_back(layer.make());
        return SealStack::create(kKeyset, std::move(seals));
    };
    const LayerCase outer_aead{Layer::one, Suite::xaes_256_gcm};
    EXPECT_THAT(shape({}), FailsWith(Errc::unsupported));
    EXPECT_THAT(shape({kOuter}), FailsWith(Errc::unsupported));
    EXPECT_THAT(shape({kOuter, kInner}), FailsWith(Errc::unsupported));
    EXPECT_THAT(shape({outer_aead, kInner}), FailsWith(Errc::unsupported));
    EXPECT_THAT(shape({outer_aead, kOuter}), FailsWith(Errc::unsupported));
    EXPECT_THAT(shape({kInner, kInner}), FailsWith(Errc::unsupported));
    EXPECT_THAT(shape({kInner, outer_aead, kOuter}), FailsWith(Errc::unsupported));
    EXPECT_THAT(shape({kInner, kOuter}), Succeeds());
}

TEST(MakeSeal, RefusesUnknownSuitesAndKeysThatDoNotFit) {
    const auto make = [](Layer layer, int suite, std::size_t size, std::uint32_t keyset = 1) {
        return make_seal(layer, static_cast<Suite>(suite), disk_id(), keyset, key(size, 1));
    };
    for (const int suite : {0, 4, 5, 255})
        EXPECT_THAT(make(Layer::one, suite, 32), FailsWith(Errc::unsupported));
    EXPECT_THAT(make(Layer::two, 3, 64), FailsWith(Errc::unsupported));
    EXPECT_THAT(make(Layer::one, 3, 32), FailsWith(Errc::invalid));
    EXPECT_THAT(make(Layer::one, 1, 64), FailsWith(Errc::invalid));
    EXPECT_THAT(make(Layer::one, 2, 32, 0), FailsWith(Errc::invalid));
    EXPECT_THAT(make(Layer::one, 2, 32, 4096), FailsWith(Errc::invalid));
    EXPECT_THAT(
        make_seal(Layer::one, Suite::aes_256_xts, disk_id(), 1, must(SecretBytes::zeroed(64))),
        FailsWith(Errc::invalid));
}

// More threads than there are slots for contexts, some of which end and are followed by others.
TEST(SealStack, IsRightOnManyThreadsAtOnce) {
    for (const Shape& shape : all_shapes()) {
        const SealStack stack = stack_of(shape.layers);
        const auto work = [&stack](unsigned seed) {
            std::mt19937 engine(seed);
            SealInfo info = random_info(engine);
            for (int round = 0; round < 12; ++round) {
                info.nonce[16] ^= static_cast<std::byte>(round);
                if (round % 5 == 4) info = random_info(engine);
                const Sealed plain = random_block(engine);
                Sealed sealed = plain;
                must(stack.seal(info, sealed));
                must(stack.open(info, sealed));
                ASSERT_TRUE(equal(block(sealed), block(plain)));
            }
        };
        for (unsigned wave = 0; wave < 2; ++wave) {
            std::vector<std::jthread> threads;
            for (unsigned i = 0; i < 40; ++i) threads.emplace_back(work, 100 * wave + i);
        }
    }
}

}  // namespace
}  // namespace twofold::fs

// Prints how fast each shape of a disk seals and opens blocks on one core. Not a test: nothing here
// is asserted, since machines differ.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <vector>

#include "fs/seal/seal.h"

namespace twofold::fs {
namespace {

using crypto::Layer;

constexpr std::size_t kBlocks = 256;  // 1 MiB of blocks, as one request of the kernel has

struct LayerChoice {
    Layer layer;
    Suite suite;
    Libraries libraries = Libraries::fastest;
};

struct Shape {
    const char* name;
    std::vector<LayerChoice> layers;  // inner first
};

Result<SealStack> make(const Shape& shape) {
    std::vector<std::unique_ptr<Seal>> seals;
    for (const LayerChoice& choice : shape.layers) {
        TF_ASSIGN(auto key, crypto::SecretBytes::random(key_size(choice.suite)));
        TF_ASSIGN(auto seal, make_seal(choice.layer, choice.suite, Uuid{}, 1, std::move(key),
                                       choice.libraries));
        seals.push_back(std::move(seal));
    }
    return SealStack::create(1, std::move(seals));
}

// MB/s of `each(i)` over blocks, the best of several rounds.
template <class Each>
Result<double> best_speed(Each each) {
    double best = 0;
    for (int round = 0; round < 40; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < kBlocks; ++i) TF_TRY(each(i));
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        best = std::max(best, kBlocks * kBlockSize / took.count() / 1e6);
    }
    return best;
}

Result<void> measure(const Shape& shape) {
    TF_ASSIGN(const SealStack stack, make(shape));
    std::vector<std::byte> plain(kBlocks * kSealedSize), sealed(plain), scratch(kSealedSize);
    std::vector<SealInfo> infos(kBlocks);
    const auto unit = [&](std::size_t i) {
        return MutableBytes(sealed).subspan(i * kSealedSize, kSealedSize);
    };
    std::uint64_t count = 0;
    TF_ASSIGN(const double sealing, best_speed([&](std::size_t i) {
                  infos[i].index = BlockIndex{i};
                  Writer(MutableBytes(infos[i].nonce).subspan(16)).u64_le(++count);
                  return stack.seal(infos[i], unit(i));
              }));
    TF_ASSIGN(const double opening, best_speed([&](std::size_t i) {
                  std::memcpy(scratch.data(), unit(i).data(), kBlockSize);
                  return stack.open(infos[i], scratch);
              }));
    fmt::print("{:<36} seal {:5.0f} MB/s   open {:5.0f} MB/s\n", shape.name, sealing, opening);
    return {};
}

Result<void> measure_all() {
    TF_TRY(crypto::start());
    const Suite xchacha = Suite::xchacha20_poly1305, xaes = Suite::xaes_256_gcm;
    const Suite xts = Suite::aes_256_xts;
    const auto sodium = Libraries::independent;
    for (const Shape& shape : {
             Shape{"XAES", {{Layer::one, xaes}}},
             Shape{"XChaCha (OpenSSL)", {{Layer::one, xchacha}}},
             Shape{"XChaCha (libsodium)", {{Layer::one, xchacha, sodium}}},
             Shape{"XTS around XChaCha (OpenSSL)", {{Layer::two, xchacha}, {Layer::one, xts}}},
             Shape{"XTS around XChaCha (libsodium)",
                   {{Layer::two, xchacha, sodium}, {Layer::one, xts}}},
             Shape{"XTS around XAES", {{Layer::two, xaes}, {Layer::one, xts}}},
             Shape{"XAES around XChaCha (OpenSSL)", {{Layer::two, xchacha}, {Layer::one, xaes}}},
         })
        TF_TRY(measure(shape));
    return {};
}

}  // namespace
}  // namespace twofold::fs

int main() {
    const auto measured = twofold::fs::measure_all();
    if (measured) return 0;
    std::fprintf(stderr, "%s\n", measured.error().line().c_str());
    return 1;
}

#include "tests/secrets/aes_schedule.h"

#include <bit>

namespace twofold {
namespace {

using Byte = std::uint8_t;

constexpr Byte times_x(Byte a) {  // in GF(2^8), section 4.2.1
    return static_cast<Byte>(a << 1 ^ (a & 0x80 ? 0x1b : 0));
}

constexpr Byte multiply(Byte a, Byte b) {
    Byte product = 0;
    for (; b != 0; b = static_cast<Byte>(b >> 1), a = times_x(a))
        if (b & 1) product ^= a;
    return product;
}

constexpr std::array<Byte, 256> make_sbox() {  // section 5.1.1
    std::array<Byte, 256> box{};
    for (unsigned value = 0; value < 256; ++value) {
        Byte inverse = 0;
        for (unsigned candidate = 1; candidate < 256 && value != 0; ++candidate)
            if (multiply(static_cast<Byte>(value), static_cast<Byte>(candidate)) == 1)
                inverse = static_cast<Byte>(candidate);
        Byte out = 0x63;
        for (int turn = 0; turn < 5; ++turn) out ^= std::rotl(inverse, turn);
        box[value] = out;
    }
    return box;
}
const std::array<Byte, 256> kSbox = make_sbox();

using Word = std::array<Byte, 4>;

Word substituted(Word word) {
    for (Byte& byte : word) byte = kSbox[byte];
    return word;
}

Word inverse_mixed(const Word& column) {  // section 5.3.3
    constexpr std::array<Byte, 4> kFactors{0x0e, 0x0b, 0x0d, 0x09};
    Word out{};
    for (std::size_t row = 0; row < 4; ++row)
        for (std::size_t i = 0; i < 4; ++i)
            out[row] ^= multiply(column[i], kFactors[(i + 4 - row) % 4]);
    return out;
}

}  // namespace

AesSchedule AesSchedule::of(Bytes key) {
    TF_CHECK(key.size() == 32);
    constexpr std::size_t kKeyWords = 8;
    std::array<Word, 4 * kRounds> words;
    Byte constant = 1;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i < kKeyWords) {
            for (std::size_t j = 0; j < 4; ++j) words[i][j] = std::to_integer<Byte>(key[4 * i + j]);
            continue;
        }
        Word next = words[i - 1];
        if (i % kKeyWords == 0) {
            next = substituted({next[1], next[2], next[3], next[0]});
            next[0] ^= constant;
            constant = times_x(constant);
        } else if (i % kKeyWords == 4) {
            next = substituted(next);
        }
        for (std::size_t j = 0; j < 4; ++j)
            words[i][j] = static_cast<Byte>(words[i - kKeyWords][j] ^ next[j]);
    }
    AesSchedule out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const bool outermost = i < 4 || i >= 4 * (kRounds - 1);
        const Word inverse = outermost ? words[i] : inverse_mixed(words[i]);
        for (std::size_t j = 0; j < 4; ++j) {
            out.encrypting[i / 4][i % 4 * 4 + j] = std::byte{words[i][j]};
            out.decrypting[i / 4][i % 4 * 4 + j] = std::byte{inverse[j]};
        }
    }
    return out;
}

}  // namespace twofold

#include "tests/secrets/secret_forms.h"

#include <algorithm>
#include <cctype>
#include <istream>
#include <sstream>

#include "base/hex.h"

namespace twofold {
namespace {

constexpr std::size_t kSizeMin = 16;

std::vector<std::byte> bytes_of(std::string_view text) {
    const Bytes bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

// The characters of base64 that follow from `secret` alone, where `before` bytes of something else
// stand before it in a group of three.
std::string base64_inside(Bytes secret, std::size_t before, std::string_view last_two) {
    static constexpr std::string_view kLetters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    std::string out;
    const std::size_t first_bit = (before * 8 + 5) / 6 * 6 - before * 8;
    for (std::size_t bit = first_bit; bit + 6 <= secret.size() * 8; bit += 6) {
        unsigned value = 0;
        for (std::size_t i = bit; i < bit + 6; ++i)
            value = value << 1 | (std::to_integer<unsigned>(secret[i / 8]) >> (7 - i % 8) & 1);
        out += value < kLetters.size() ? kLetters[value] : last_two[value - kLetters.size()];
    }
    return out;
}

std::size_t start_of(const std::byte* at) {
    return std::to_integer<std::size_t>(at[0]) << 8 | std::to_integer<std::size_t>(at[1]);
}

}  // namespace

Result<std::vector<NamedSecret>> NamedSecret::parse(std::istream& lines) {
    std::vector<NamedSecret> out;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string name, hex;
        words >> name >> hex;
        TF_ASSIGN(auto bytes, from_hex(hex));
        if (bytes.size() < kSizeMin)
            return fail(Errc::invalid, "secret {}: too short to be told from chance", name);
        out.push_back({std::move(name), std::move(bytes)});
    }
    if (out.empty()) return fail(Errc::invalid, "secrets: none given");
    return out;
}

SecretForms::SecretForms(const std::vector<NamedSecret>& secrets) : by_start_(1 << 16) {
    for (const NamedSecret& secret : secrets) {
        const std::size_t which = names_.size();
        names_.push_back(secret.name);
        add(which, "raw", secret.bytes);
        std::string hex = to_hex(secret.bytes);
        add(which, "hex", bytes_of(hex));
        std::ranges::transform(hex, hex.begin(), [](unsigned char c) { return std::toupper(c); });
        add(which, "HEX", bytes_of(hex));
        for (std::size_t before = 0; before < 3; ++before) {
            const std::string standard = base64_inside(secret.bytes, before, "+/");
            const std::string url = base64_inside(secret.bytes, before, "-_");
            add(which, "base64", bytes_of(standard));
            if (url != standard) add(which, "base64url", bytes_of(url));
        }
    }
}

void SecretForms::add(std::size_t secret, const char* form, std::vector<std::byte> bytes) {
    longest_ = std::max(longest_, bytes.size());
    by_start_[start_of(bytes.data())].push_back(static_cast<std::uint32_t>(patterns_.size()));
    patterns_.push_back({secret, form, std::move(bytes)});
}

void SecretForms::find_in(Bytes memory, const Found& found) const {
    for (std::size_t at = 0; at + 2 <= memory.size(); ++at)
        for (const std::uint32_t candidate : by_start_[start_of(memory.data() + at)]) {
            const Pattern& pattern = patterns_[candidate];
            if (memory.size() - at < pattern.bytes.size()) continue;
            if (equal(memory.subspan(at, pattern.bytes.size()), pattern.bytes))
                found(names_[pattern.secret], pattern.form, at);
        }
}

}  // namespace twofold

#include "base/hex.h"

namespace twofold {
namespace {

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::string to_hex(Bytes bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (std::byte b : bytes) {
        text += kDigits[std::to_integer<unsigned>(b) >> 4];
        text += kDigits[std::to_integer<unsigned>(b) & 15];
    }
    return text;
}

Result<std::vector<std::byte>> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return fail(Errc::invalid, "hex text of odd length");
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = digit(text[i]);
        const int low = digit(text[i + 1]);
        if (high < 0 || low < 0) return fail(Errc::invalid, "not hex");
        bytes.push_back(static_cast<std::byte>(high << 4 | low));
    }
    return bytes;
}

Result<Uuid> Uuid::parse(std::string_view hex) {
    TF_ASSIGN(const auto bytes, from_hex(hex));
    if (bytes.size() != 16) return fail(Errc::invalid, "an id has 32 hex digits");
    return from(bytes);
}

Uuid Uuid::from(Bytes sixteen) {
    TF_CHECK(sixteen.size() == 16);
    Uuid id;
    std::memcpy(id.bytes.data(), sixteen.data(), 16);
    return id;
}

}  // namespace twofold

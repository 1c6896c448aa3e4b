#include "keyring/crypto/encoding.h"
#include "keyring/crypto/sodium_bytes.h"

namespace twofold::crypto {

namespace {
constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
}

std::string to_base64url(Bytes bytes) {
    std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
    sodium_bin2base64(text.data(), text.size(), not_null(bytes), bytes.size(), kVariant);
    text.pop_back();  // the C string's end
    return text;
}

Result<std::vector<std::byte>> from_base64url(std::string_view text) {
    std::vector<std::byte> bytes(text.size() / 4 * 3 + 3);
    std::size_t size = 0;
    const char* end = nullptr;
    if (sodium_base642bin(uc(MutableBytes(bytes)), bytes.size(), text.data(), text.size(), nullptr,
                          &size, &end, kVariant) != 0 ||
        end != text.data() + text.size())
        return fail(Errc::invalid, "base64url: not well-formed");
    bytes.resize(size);
    return bytes;
}

}  // namespace twofold::crypto

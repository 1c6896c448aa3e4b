#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace twofold {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
// For the C libraries, which speak unsigned char.
inline const unsigned char* uc(Bytes bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* uc(MutableBytes bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}
// Not for secrets: stops at the first difference.
inline bool equal(Bytes a, Bytes b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}
inline bool all_zero(Bytes bytes) {
    for (std::byte b : bytes)
        if (b != std::byte{0}) return false;
    return true;
}

// Takes little-endian integers and byte strings from the front of a structure of known size. The
// caller has checked the size once; running past the end is a bug (TF_CHECK), not an input error.
class Reader {
public:
    explicit Reader(Bytes bytes) : rest_(bytes), size_(bytes.size()) {}

    std::uint8_t u8() { return take<std::uint8_t>(); }
    std::uint16_t u16_le() { return take<std::uint16_t>(); }
    std::uint32_t u32_le() { return take<std::uint32_t>(); }
    std::uint64_t u48_le() {
        const std::uint64_t low = u32_le();
        return low | std::uint64_t{u16_le()} << 32;
    }
    std::uint64_t u64_le() { return take<std::uint64_t>(); }
    Bytes bytes(std::size_t count) {
        TF_CHECK(count <= rest_.size());
        const Bytes out = rest_.first(count);
        rest_ = rest_.subspan(count);
        return out;
    }
    template <std::size_t N>
    void into(std::span<std::byte, N> out) {
        const Bytes from = bytes(out.size());
        std::memcpy(out.data(), from.data(), from.size());
    }
    // True when the next `count` bytes, which are skipped, are all zero.
    bool zeros(std::size_t count) { return all_zero(bytes(count)); }
    std::size_t offset() const { return size_ - rest_.size(); }
    std::size_t left() const { return rest_.size(); }

private:
    template <class T>
    T take() {
        const Bytes from = bytes(sizeof(T));
        T value = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i)
            value = static_cast<T>(value | static_cast<T>(static_cast<T>(from[i]) << (8 * i)));
        return value;
    }
    Bytes rest_;
    std::size_t size_;
};

// The counterpart: fills a structure of known size from the front.
class Writer {
public:
    explicit Writer(MutableBytes bytes) : rest_(bytes), size_(bytes.size()) {}

    void u8(std::uint8_t v) { put(v); }
    void u16_le(std::uint16_t v) { put(v); }
    void u32_le(std::uint32_t v) { put(v); }
    void u48_le(std::uint64_t v) {
        TF_CHECK(v >> 48 == 0);
        u32_le(static_cast<std::uint32_t>(v));
        u16_le(static_cast<std::uint16_t>(v >> 32));
    }
    void u64_le(std::uint64_t v) { put(v); }
    void bytes(Bytes from) {
        const MutableBytes to = reserve(from.size());
        if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
    }
    void zeros(std::size_t count) {
        const MutableBytes to = reserve(count);
        if (count != 0) std::memset(to.data(), 0, count);
    }
    // The next `count` bytes, for the caller to fill.
    MutableBytes reserve(std::size_t count) {
        TF_CHECK(count <= rest_.size());
        const MutableBytes out = rest_.first(count);
        rest_ = rest_.subspan(count);
        return out;
    }
    std::size_t offset() const { return size_ - rest_.size(); }

private:
    template <class T>
    void put(T value) {
        const MutableBytes to = reserve(sizeof(T));
        for (std::size_t i = 0; i < sizeof(T); ++i)
            to[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i));
    }
    MutableBytes rest_;
    std::size_t size_;
};

}  // namespace twofold

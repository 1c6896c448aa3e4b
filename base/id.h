#pragma once

#include <compare>
#include <functional>
#include <type_traits>

namespace twofold {

// An integer that can't be mistaken for another one: Id<struct BlockIndexTag, std::uint64_t>.
template <class Tag, class T>
class Id {
    static_assert(std::is_integral_v<T>);

public:
    constexpr Id() = default;
    constexpr explicit Id(T value) : value_(value) {}
    constexpr T value() const { return value_; }
    constexpr auto operator<=>(const Id&) const = default;

private:
    T value_ = 0;
};

}  // namespace twofold

template <class Tag, class T>
struct std::hash<twofold::Id<Tag, T>> {
    std::size_t operator()(twofold::Id<Tag, T> id) const noexcept {
        return std::hash<T>{}(id.value());
    }
};

#include "keyring/cloud/permissions.h"

#include <algorithm>
#include <array>

namespace twofold::cloud {
namespace {

constexpr auto kKeyPermissions = std::to_array<std::string_view>({
    "get",
    "list",
    "update",
    "create",
    "import",
    "delete",
    "recover",
    "backup",
    "restore",
    "decrypt",
    "encrypt",
    "wrapKey",
    "unwrapKey",
    "verify",
    "sign",
    "purge",
    "release",
    "rotate",
    "getrotationpolicy",
    "setrotationpolicy",
    "all",
});
constexpr auto kSecretPermissions = std::to_array<std::string_view>({
    "get",
    "list",
    "set",
    "delete",
    "recover",
    "backup",
    "restore",
    "purge",
    "all",
});

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool AccessPolicy::allows(Kind kind, std::string_view permission) const {
    const auto& granted = of(kind);
    if (std::ranges::find(granted, permission) != granted.end()) return true;
    return permission != "purge" && std::ranges::find(granted, "all") != granted.end();
}

std::span<const std::string_view> all_permissions(Kind kind) {
    return kind == Kind::key ? std::span<const std::string_view>(kKeyPermissions)
                             : std::span<const std::string_view>(kSecretPermissions);
}

Result<std::vector<std::string>> canonical_permissions(Kind kind,
                                                       const std::vector<std::string>& names) {
    for (const std::string& name : names)
        if (std::ranges::none_of(all_permissions(kind),
                                 [&](std::string_view known) { return same_text(known, name); }))
            return fail(Errc::usage, "{} permission \"{}\": there is none of that name",
                        words_of(kind).noun, name.substr(0, 64));
    std::vector<std::string> out;
    for (const std::string_view known : all_permissions(kind))
        if (std::ranges::any_of(names, [&](const auto& name) { return same_text(known, name); }))
            out.emplace_back(known);
    return out;
}

std::string join(const std::vector<std::string>& words, std::string_view separator) {
    std::string out;
    for (const std::string& word : words) {
        if (!out.empty()) out += separator;
        out += word;
    }
    return out;
}

bool same_text(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string lowered(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

}  // namespace twofold::cloud

#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// JSON that nobody vouches for: vault files, envelopes, a store's deployment.json. The library's
// throwing calls are not used anywhere; these wrap the ones that return.
namespace twofold {

// The whole of `text` as one value. Errc::damaged, beginning with `what`: not JSON, not UTF-8, a
// number out of range, a member named twice in one object, nested deeper than `depth_max`. The
// caller has bounded text.size().
Result<nlohmann::json> parse_json(std::string_view text, std::string_view what,
                                  std::size_t depth_max = 32);

// On one line, or (pretty) indented by two spaces. Bytes that are not UTF-8 become U+FFFD.
std::string to_text(const nlohmann::json& value);
std::string to_pretty_text(const nlohmann::json& value);

// A member of `object` of exactly this type; nothing where `object` is not an object, has no such
// member, or has it with another type.
const nlohmann::json* json_member(const nlohmann::json& object, const char* name);
std::optional<std::string> json_text(const nlohmann::json& object, const char* name);
std::optional<std::int64_t> json_integer(const nlohmann::json& object, const char* name);
std::optional<std::uint64_t> json_unsigned(const nlohmann::json& object, const char* name);
std::optional<bool> json_bool(const nlohmann::json& object, const char* name);

}  // namespace twofold

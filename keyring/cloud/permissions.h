#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "keyring/cloud/kind.h"

namespace twofold::cloud {

// The access-policy model: per object id a set of permissions on keys and one on secrets.
struct AccessPolicy {
    std::string object_id;
    std::vector<std::string> keys, secrets;  // canonical names, each once, in the model's order

    // "all" stands for everything except "purge", which must be written beside it.
    bool allows(Kind kind, std::string_view permission) const;
    const std::vector<std::string>& of(Kind kind) const {
        return kind == Kind::key ? keys : secrets;
    }
};

// Every permission of a kind, in the order they are shown in.
std::span<const std::string_view> all_permissions(Kind kind);

// Canonical spelling ("wrapKey" of "wrapkey"), duplicates dropped, in the model's order.
// Errc::usage names the first that does not exist.
Result<std::vector<std::string>> canonical_permissions(Kind kind,
                                                       const std::vector<std::string>& names);

std::string join(const std::vector<std::string>& words, std::string_view separator);
// Without regard to case, as identifiers compare.
bool same_text(std::string_view a, std::string_view b);
std::string lowered(std::string_view text);

}  // namespace twofold::cloud

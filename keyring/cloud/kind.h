#pragma once

#include <string_view>

#include "keyring/cloud/answer.h"

namespace twofold::cloud {

// What a vault holds.
enum class Kind { key, secret };

// How paths, requests and messages speak of a kind.
struct KindWords {
    std::string_view noun;       // "key", also the family of commands
    std::string_view operation;  // "Key", as operations begin in the audit log
    std::string_view shelf;      // "keys": the segment of identifiers, and the directory
    std::string_view deleted;    // "deletedkeys"
    Answer not_found, disabled;
};

constexpr KindWords words_of(Kind kind) {
    if (kind == Kind::key)
        return {"key", "Key", "keys", "deletedkeys", Answer::key_not_found, Answer::key_disabled};
    return {"secret",
            "Secret",
            "secrets",
            "deletedsecrets",
            Answer::secret_not_found,
            Answer::secret_disabled};
}

}  // namespace twofold::cloud

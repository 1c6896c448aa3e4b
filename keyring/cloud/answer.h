#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace twofold::cloud {

// Every refusal a vault can answer, as Key Vault answers it. One table (answer.cpp) ties each to
// its HTTP status, its code and inner code, and to the class that a consumer acts on.
enum class Answer {
    bad_parameter,
    unwrap_failed,  // 400 like any bad parameter, but a class of its own: wrong key or damaged
                    // record
    unauthorized,
    forbidden_by_policy,
    forbidden_by_firewall,
    key_disabled,
    key_operation_forbidden,
    key_not_yet_valid,
    key_expired,
    secret_disabled,
    purge_protected,
    vault_not_found,
    key_not_found,
    secret_not_found,
    deleted_but_recoverable,
    conflict,
    internal_error,
};

struct AnswerRow {
    int status;
    std::string_view code;
    std::string_view inner;  // innererror.code, or empty
    Errc errc;
};
AnswerRow row_of(Answer answer);

// An Error whose vault_code is "Code" or "Code/InnerCode".
[[nodiscard]] Failure refuse(Answer answer, std::string what, std::string advice = {});

// What the REST interface says about an error that a vault operation returned. Errors without a
// vault code (of the disk below the cloud directory) are 500 InternalServerError.
int http_status(const Error& error);
std::string code_of(const Error& error);        // "Forbidden"
std::string inner_code_of(const Error& error);  // "KeyDisabled", or empty

}  // namespace twofold::cloud

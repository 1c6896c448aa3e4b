#include "keyring/cloud/answer.h"

namespace twofold::cloud {

AnswerRow row_of(Answer answer) {
    switch (answer) {
        case Answer::bad_parameter:
            return {400, "BadParameter", "", Errc::invalid};
        case Answer::unwrap_failed:
            return {400, "BadParameter", "", Errc::wrong_key};
        case Answer::unauthorized:
            return {401, "Unauthorized", "", Errc::key_revoked};
        case Answer::forbidden_by_policy:
            return {403, "Forbidden", "ForbiddenByPolicy", Errc::key_revoked};
        case Answer::forbidden_by_firewall:
            return {403, "Forbidden", "ForbiddenByFirewall", Errc::key_blocked};
        case Answer::key_disabled:
            return {403, "Forbidden", "KeyDisabled", Errc::key_revoked};
        case Answer::key_operation_forbidden:
            return {403, "Forbidden", "KeyOperationForbidden", Errc::key_revoked};
        case Answer::key_not_yet_valid:
            return {403, "Forbidden", "KeyNotYetValid", Errc::key_expired};
        case Answer::key_expired:
            return {403, "Forbidden", "KeyExpired", Errc::key_expired};
        case Answer::secret_disabled:
            return {403, "Forbidden", "SecretDisabled", Errc::key_revoked};
        case Answer::purge_protected:
            return {403, "Forbidden", "", Errc::refused};
        case Answer::vault_not_found:
            return {404, "VaultNotFound", "", Errc::key_revoked};
        case Answer::key_not_found:
            return {404, "KeyNotFound", "", Errc::key_revoked};
        case Answer::secret_not_found:
            return {404, "SecretNotFound", "", Errc::key_revoked};
        case Answer::deleted_but_recoverable:
            return {409, "Conflict", "ObjectIsDeletedButRecoverable", Errc::exists};
        case Answer::conflict:
            return {409, "Conflict", "", Errc::exists};
        case Answer::internal_error:
            return {500, "InternalServerError", "", Errc::vault_unreachable};
    }
    return {500, "InternalServerError", "", Errc::vault_unreachable};
}

Failure refuse(Answer answer, std::string what, std::string advice) {
    const AnswerRow row = row_of(answer);
    std::string code(row.code);
    if (!row.inner.empty()) code.append("/").append(row.inner);
    return fail(Error{row.errc, std::move(what), std::move(advice), 0, std::move(code)});
}

int http_status(const Error& error) {
    const std::string code = code_of(error);
    if (code == "BadParameter") return 400;
    if (code == "Unauthorized") return 401;
    if (code == "Forbidden") return 403;
    if (code.ends_with("NotFound")) return 404;
    if (code == "Conflict") return 409;
    return 500;
}

std::string code_of(const Error& error) {
    if (error.vault_code.empty()) return "InternalServerError";
    return error.vault_code.substr(0, error.vault_code.find('/'));
}

std::string inner_code_of(const Error& error) {
    const auto slash = error.vault_code.find('/');
    return slash == std::string::npos ? std::string() : error.vault_code.substr(slash + 1);
}

}  // namespace twofold::cloud

#include "base/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace twofold {

Error Error::in(std::string_view context) && {
    what.insert(0, fmt::format("{}: ", context));
    return std::move(*this);
}

Error Error::advise(std::string text) && {
    advice = std::move(text);
    return std::move(*this);
}

std::string Error::line() const {
    std::string text = what;
    if (sys_errno != 0) text += fmt::format(": {}", std::strerror(sys_errno));
    if (!vault_code.empty() && text.find(vault_code) == std::string::npos)
        text += fmt::format(" ({})", vault_code);
    if (!advice.empty()) text += fmt::format("; {}", advice);
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return text;
}

int exit_code(Errc code) {
    switch (code) {
        case Errc::failed:
        case Errc::invalid:
        case Errc::not_found:
        case Errc::exists:
        case Errc::io:
        case Errc::no_space:
        case Errc::too_big:
        case Errc::not_permitted:
        case Errc::read_only:
        case Errc::out_of_memory:
        case Errc::stopped:
        case Errc::not_an_image:
        case Errc::unsupported: return 1;
        case Errc::usage: return 2;
        case Errc::key_unavailable:
        case Errc::key_revoked:
        case Errc::key_blocked:
        case Errc::key_expired:
        case Errc::vault_unreachable: return 3;
        case Errc::damaged:
        case Errc::unauthentic:
        case Errc::substituted:
        case Errc::rolled_back:
        case Errc::forked:
        case Errc::history_lost:
        case Errc::corrupt:
        case Errc::wrong_key: return 4;
        case Errc::busy: return 5;
        case Errc::refused: return 6;
        case Errc::timed_out: return 7;
    }
    return 1;
}

int errno_of(const Error& error) {
    switch (error.code) {
        case Errc::invalid:
        case Errc::usage:
        case Errc::refused: return EINVAL;
        case Errc::not_found: return ENOENT;
        case Errc::exists: return EEXIST;
        case Errc::no_space: return ENOSPC;
        case Errc::too_big: return EFBIG;
        case Errc::not_permitted: return EPERM;
        case Errc::read_only: return EROFS;
        case Errc::out_of_memory: return ENOMEM;
        case Errc::busy: return EBUSY;
        case Errc::timed_out: return ETIMEDOUT;
        case Errc::key_unavailable: return ENOKEY;
        case Errc::key_revoked:
        case Errc::key_blocked:
        case Errc::vault_unreachable: return EKEYREVOKED;
        case Errc::key_expired: return EKEYEXPIRED;
        case Errc::unsupported: return EOPNOTSUPP;
        case Errc::failed:
        case Errc::io:
        case Errc::stopped:
        case Errc::not_an_image:
        case Errc::damaged:
        case Errc::unauthentic:
        case Errc::substituted:
        case Errc::rolled_back:
        case Errc::forked:
        case Errc::history_lost:
        case Errc::corrupt:
        case Errc::wrong_key: return EIO;
    }
    return EIO;
}

std::string_view name_of(Errc code) {
    switch (code) {
        case Errc::failed: return "failed";
        case Errc::invalid: return "invalid";
        case Errc::not_found: return "not-found";
        case Errc::exists: return "exists";
        case Errc::io: return "io";
        case Errc::no_space: return "no-space";
        case Errc::too_big: return "too-big";
        case Errc::not_permitted: return "not-permitted";
        case Errc::read_only: return "read-only";
        case Errc::out_of_memory: return "out-of-memory";
        case Errc::stopped: return "stopped";
        case Errc::not_an_image: return "not-an-image";
        case Errc::unsupported: return "unsupported";
        case Errc::usage: return "usage";
        case Errc::key_unavailable: return "key-unavailable";
        case Errc::key_revoked: return "key-revoked";
        case Errc::key_blocked: return "key-blocked";
        case Errc::key_expired: return "key-expired";
        case Errc::vault_unreachable: return "vault-unreachable";
        case Errc::damaged: return "damaged";
        case Errc::unauthentic: return "unauthentic";
        case Errc::substituted: return "substituted";
        case Errc::rolled_back: return "rolled-back";
        case Errc::forked: return "forked";
        case Errc::history_lost: return "history-lost";
        case Errc::corrupt: return "corrupt";
        case Errc::wrong_key: return "wrong-key";
        case Errc::busy: return "busy";
        case Errc::refused: return "refused";
        case Errc::timed_out: return "timed-out";
    }
    return "failed";
}

Failure fail_errno(int sys_errno, std::string what) {
    Errc code = Errc::io;
    if (sys_errno == ENOSPC || sys_errno == EDQUOT) code = Errc::no_space;
    if (sys_errno == EROFS) code = Errc::read_only;
    if (sys_errno == ENOENT) code = Errc::not_found;
    if (sys_errno == EEXIST) code = Errc::exists;
    if (sys_errno == ENOMEM) code = Errc::out_of_memory;
    return Failure(Error{code, std::move(what), {}, sys_errno, {}});
}

void check_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "twofold: internal error: %s does not hold (%s:%d)\n", expression, file,
                 line);
    std::abort();
}

}  // namespace twofold

#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace twofold {

// What a caller can act on. Each code has one exit code (exit_code) and one errno (errno_of); both
// are switches without a default, so that a new code is a compiler warning until it is decided.
enum class Errc {
    // Exit code 1: failed for another reason.
    failed,            // the message says which
    invalid,           // a name, size or value that is well-formed but not possible here
    not_found,         // a file, disk, identity, ... that is not there
    exists,            // a file, disk, vault, ... of that name is there already
    io,                // the operating system refused or failed; sys_errno tells
    no_space,          // ENOSPC
    too_big,           // past the end of a disk: EFBIG
    not_permitted,     // e.g. resizing a disk through the mount: EPERM
    read_only,         // EROFS
    out_of_memory,     // ENOMEM, locked memory included
    stopped,           // the backing store failed once; this mount writes no more
    not_an_image,      // magic
    unsupported,       // version, suite, shape
    // Exit code 2: usage.
    usage,             // the argument itself is malformed
    // Exit code 3: the key cannot be used.
    key_unavailable,   // no envelope unwraps, or the state (waiting, locked) has no key
    key_revoked,       // disabled, deleted, not found, permission missing, identity gone
    key_blocked,       // the vault's firewall
    key_expired,       // outside its window where that counts
    vault_unreachable, // outage, time-out, throttled beyond the deadline
    // Exit code 4: integrity.
    damaged,           // plain check value wrong, truncated: damage, not tampering
    unauthentic,       // check value right, MAC or tag wrong: tampering or wrong key
    substituted,       // another disk, layers, commitment or vault than was noted
    rolled_back,       // older than the anchor
    forked,            // another lineage than the anchor's
    history_lost,      // acknowledged history is missing
    corrupt,           // authentic but inconsistent: a bug
    wrong_key,         // unwraps to other bytes, or not at all: wrong key or damaged record
    // Exit code 5: busy.
    busy,              // lock held, mount point in use
    // Exit code 6: refused by the profile or a vault requirement.
    refused,
    // Exit code 7: `wait` ran out of time.
    timed_out,
};

// Why something failed, for a person: noun first, and what to do about it in `advice`.
struct Error {
    Errc code = Errc::failed;
    std::string what;        // "vault contoso-kv: key kek1: disabled"
    std::string advice;      // "enable it with: twofold key set-attributes ..."; may be empty
    int sys_errno = 0;       // of the failing system call, or 0
    std::string vault_code;  // the vault's own error code ("Forbidden"), or empty

    // The same error with "context: " put before `what`.
    Error in(std::string_view context) &&;
    Error advise(std::string text) &&;
    // One line: what, the system's reason, the vault's code, the advice.
    std::string line() const;
};

int exit_code(Errc code);       // spec: 1 to 7
int errno_of(const Error& e);   // what FUSE answers; sys_errno where the code has none of its own
std::string_view name_of(Errc code);  // "key-unavailable"; for JSON and tests

// A value or the Error that kept it from being. [[nodiscard]], which an alias could not be.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
public:
    using tl::expected<T, Error>::expected;
};

using Failure = tl::unexpected<Error>;

template <class... Args>
[[nodiscard]] Failure fail(Errc code, fmt::format_string<Args...> text, Args&&... args) {
    return Failure(Error{code, fmt::format(text, std::forward<Args>(args)...), {}, 0, {}});
}
[[nodiscard]] inline Failure fail(Error error) { return Failure(std::move(error)); }
// From errno: ENOSPC and EROFS, ENOENT and EEXIST get their own code, all others Errc::io.
[[nodiscard]] Failure fail_errno(int sys_errno, std::string what);

// What we believed and was wrong: prints and aborts, in release builds too.
[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace twofold

#define TF_CONCAT_(a, b) a##b
#define TF_CONCAT(a, b) TF_CONCAT_(a, b)

// Hands the error of a Result (of any value type, void included) to our caller.
#define TF_TRY(expression)                                                     \
    do {                                                                       \
        if (auto tf_result = (expression); !tf_result)                         \
            return ::twofold::fail(std::move(tf_result).error());              \
    } while (false)

// TF_ASSIGN(auto x, f()): the value, or the error to our caller.
#define TF_ASSIGN(declaration, expression) \
    TF_ASSIGN_(TF_CONCAT(tf_result_, __LINE__), declaration, expression)
#define TF_ASSIGN_(result, declaration, expression)                            \
    auto result = (expression);                                                \
    if (!result) return ::twofold::fail(std::move(result).error());            \
    declaration = std::move(*result)

#define TF_CHECK(expression) \
    ((expression) ? void(0) : ::twofold::check_failed(#expression, __FILE__, __LINE__))

#pragma once

#include <string>

#include "base/clock.h"
#include "base/io/io.h"

namespace twofold::cloud {

// One request, for the vault's audit log (audit.jsonl): who asked for what, and how it ended. Never
// key material, wrapped bytes or tokens.
struct AuditLine {
    UnixSeconds time = 0;
    std::string operation;  // "KeyUnwrap"
    std::string object;     // the identifier that was asked for
    std::string identity;   // object id, or "creator"
    std::string address;
    int status = 200;
    std::string code;  // empty, or "Forbidden/KeyDisabled"
    std::string request_id;
    std::int64_t duration_us = 0;

    std::string to_text() const;  // with a newline
};

// A line that can't be written is a warning in the log: an audit log on a full disk must not make
// the keys unusable.
void append_audit(io::Directory& vault, const AuditLine& line);

}  // namespace twofold::cloud

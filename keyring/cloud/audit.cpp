#include "keyring/cloud/audit.h"

#include <nlohmann/json.hpp>

#include "base/log.h"

namespace twofold::cloud {

std::string AuditLine::to_text() const {
    nlohmann::ordered_json out = {
        {"time", iso8601(time)},   {"operation", operation},    {"object", object},
        {"identity", identity},    {"address", address},        {"status", status},
        {"requestId", request_id}, {"durationUs", duration_us},
    };
    if (!code.empty()) out["code"] = code;
    return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void append_audit(io::Directory& vault, const AuditLine& line) {
    if (auto appended = vault.append("audit.jsonl", as_bytes(line.to_text())); !appended)
        log::warning("audit log: {}", appended.error().line());
}

}  // namespace twofold::cloud

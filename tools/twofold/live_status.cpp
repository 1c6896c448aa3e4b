#include "tools/twofold/live_status.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tools/twofold/status.h"

namespace twofold::cli {
namespace {

using nlohmann::json;

// What one daemon knows of its own node, put into the status of the whole deployment.
void merge(json& status, const json& live) {
    const auto take = [&](const char* list, const char* state, const auto& is_live) {
        for (json& mine : status[list])
            for (const json& theirs : live[list])
                if (mine["name"] == theirs["name"] && is_live(theirs[state])) mine = theirs;
    };
    take("nodes", "mounted", [](const json& value) { return value == true; });
    take("disks", "state", [](const json& value) { return value != "not mounted"; });
    status["mounted"] = true;
    status["keys"] = live["keys"];
    for (const json& alert : live["alerts"]) status["alerts"].push_back(alert);
}

}  // namespace

std::optional<RuntimePlace> running_place(const Context& context,
                                          const fs::Deployment& deployment) {
    for (const fs::ClusterNode& node : deployment.nodes) {
        RuntimePlace place(context, deployment.id, node.name);
        if (place.daemon_is_running()) return place;
    }
    return std::nullopt;
}

Result<json> live_status(const Context& context, Session& session) {
    TF_ASSIGN(const auto keys, session.open_keyring());
    json status = describe(session.deployment(), session.note(), session.store().path(), *keys);
    for (const fs::ClusterNode& node : session.deployment().nodes) {
        const RuntimePlace place(context, session.deployment().id, node.name);
        const auto answer = place.control().get("/status");
        if (!answer && answer.error().code == Errc::not_found) continue;  // not mounted
        if (!answer) return fail(answer.error());
        TF_ASSIGN(const json live, parse_json(*answer, "status of a mount"));
        merge(status, live);
    }
    return status;
}

}  // namespace twofold::cli

#pragma once

#include <nlohmann/json_fwd.hpp>

#include "tools/twofold/runtime.h"
#include "tools/twofold/session.h"

namespace twofold::cli {

// The status of a deployment: from its running daemons, or from the store when none runs.
Result<nlohmann::json> live_status(const Context& context, Session& session);

// The first node whose daemon runs.
std::optional<RuntimePlace> running_place(const Context& context, const fs::Deployment& deployment);

}  // namespace twofold::cli

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/json.h"
#include "tools/twofold/command.h"
#include "tools/twofold/duration.h"
#include "tools/twofold/live_status.h"
#include "tools/twofold/options.h"

namespace twofold::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kLookEvery{100};

struct Options {
    std::string store, condition, timeout = "60s";
};

// The layer that the deployment's owner speaks of: the customer's if there is one.
const json& owners_key(const json& status) {
    static const json none;
    const json& keys = status["keys"];
    return keys.empty() ? none : keys.back();
}

// Without a mount nobody proves access by itself: one real unwrap tells.
Result<bool> key_is_available(Session& session, const json& status) {
    if (status["mounted"] == true) {
        for (const json& key : status["keys"])
            if (key["state"] != "unlocked") return false;
        return true;
    }
    TF_ASSIGN(const auto keys, session.open_keyring());
    for (const crypto::Layer layer : kLayers)
        if (keys->has(layer) && !keys->check(layer)) return false;
    return true;
}

Result<bool> holds(const Context& context, Session& session, const std::string& condition) {
    TF_ASSIGN(const json status, live_status(context, session));
    if (condition == "mounted") return status["mounted"] == true;
    if (condition == "unmounted") return status["mounted"] == false;
    if (condition == "key=available") return key_is_available(session, status);
    if (condition == "key=unavailable") {
        TF_ASSIGN(const bool available, key_is_available(session, status));
        return !available;
    }
    const auto in_use = keyring::KeyId::parse(json_text(owners_key(status), "inUse").value_or(""));
    const std::string wanted = condition.substr(condition.find('=') + 1);
    return in_use && (in_use->version() == wanted || in_use->uri() == wanted);
}

Result<void> check_condition(const std::string& condition) {
    for (const char* known : {"mounted", "unmounted", "key=available", "key=unavailable"})
        if (condition == known) return {};
    if (condition.starts_with("kek=") && condition.size() > 4) return {};
    return fail(Errc::usage,
                "condition {}: unknown; one of mounted, unmounted, key=available, "
                "key=unavailable, kek=VERSION",
                condition);
}

Result<void> wait(const Context& context, const Options& options) {
    TF_TRY(check_condition(options.condition));
    TF_ASSIGN(const auto timeout, parse_duration(options.timeout));
    const auto end = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        TF_ASSIGN(const auto session, Session::open(context, options.store));
        TF_ASSIGN(const bool done, holds(context, *session, options.condition));
        if (done) return {};
        if (std::chrono::steady_clock::now() >= end)
            return fail(Errc::timed_out, "{}: not {} within {}", options.store, options.condition,
                        options.timeout);
        std::this_thread::sleep_for(kLookEvery);
    }
}

}  // namespace

void add_wait(CLI::App& program, Context& context) {
    auto& command = add_command(program, "wait", "Wait until a deployment is in a state",
                                "twofold wait ./store --for key=available --timeout 60s");
    auto o = std::make_shared<Options>();
    command.add_option("STORE", o->store, "directory of the deployment")->required();
    command
        .add_option("--for", o->condition,
                    "mounted, unmounted, key=available, key=unavailable, kek=VERSION")
        ->required()
        ->type_name("CONDITION");
    command.add_option("--timeout", o->timeout, "then exit code 7")->capture_default_str();
    on_run(command, context, [o](Context& c) { return wait(c, *o); });
}

}  // namespace twofold::cli

#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/json.h"
#include "tools/twofold/command.h"
#include "tools/twofold/live_status.h"
#include "tools/twofold/options.h"
#include "tools/twofold/status.h"

namespace twofold::cli {
namespace {

constexpr std::chrono::seconds kWatchEvery{2};
constexpr const char* kClearScreen = "\033[H\033[2J";

Result<void> show_once(const Context& context, const std::string& store) {
    TF_ASSIGN(const auto session, Session::open(context, store));
    TF_ASSIGN(const nlohmann::json status, live_status(context, *session));
    print(context.json ? to_pretty_text(status) + "\n" : status_text(status));
    return {};
}

Result<void> watch(const Context& context, const std::string& store) {
    for (;;) {
        if (output_is_terminal() && !context.json) print(kClearScreen);
        TF_TRY(show_once(context, store));
        if (std::fflush(stdout) != 0) return {};  // nobody reads any more
        std::this_thread::sleep_for(kWatchEvery);
    }
}

}  // namespace

void add_status(CLI::App& program, Context& context) {
    auto& command = add_command(program, "status", "Show a deployment: disks, layers, keys, alerts",
                                "twofold status ./store");
    struct Options {
        std::string store;
        bool watch = false;
    };
    auto o = std::make_shared<Options>();
    command.add_option("STORE", o->store, "directory of the deployment")->required();
    command.add_flag("--watch", o->watch, "again every two seconds, until ^C");
    on_run(command, context,
           [o](Context& c) { return o->watch ? watch(c, o->store) : show_once(c, o->store); });
}

}  // namespace twofold::cli

#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>

#include "tools/twofold/context.h"
#include "tools/twofold/output.h"

// What a command_*.cpp needs to add its command; includes CLI11, so nothing else should include it.
//
//     struct Options { std::string store; };
//     Result<void> status(const Context& context, const Options& options);
//
//     void add_status(CLI::App& program, Context& context) {
//         auto& command = add_command(program, "status", "Show a deployment", "twofold status
//         ./store"); auto options = std::make_shared<Options>(); command.add_option("STORE",
//         options->store, "directory of the deployment")->required(); on_run(command, context,
//         [options](Context& c) { return status(c, *options); });
//     }
namespace twofold::cli {

inline CLI::App& add_command(CLI::App& parent, const std::string& name,
                             const std::string& description, const std::string& example) {
    CLI::App* command = parent.add_subcommand(name, description);
    command->footer("Example:\n  " + example);
    return *command;
}

// A command that only has subcommands: `twofold vault`.
inline CLI::App& add_family(CLI::App& parent, const std::string& name,
                            const std::string& description, const std::string& example) {
    CLI::App& family = add_command(parent, name, description, example);
    family.require_subcommand(1);
    return family;
}

enum class Crypto {
    started,  // the command may use key bytes and OpenSSL from its first line
    later,    // it forks first, or has no use for either
};

// `body` takes Context& and returns Result<void>; it runs after the whole command line was parsed.
template <class Body>
void on_run(CLI::App& command, Context& context, Body body, Crypto crypto = Crypto::started) {
    command.callback([&context, body = std::move(body), crypto] {
        context.needs_crypto = crypto == Crypto::started;
        context.action = [&context, body] { return body(context); };
    });
}

}  // namespace twofold::cli

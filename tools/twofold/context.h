#pragma once

#include <functional>
#include <string>

#include "base/log.h"
#include "base/result.h"

namespace twofold::cli {

// What every command is given: where things are and how to talk, from the global options and the
// environment. Paths are absolute once the command runs.
struct Context {
    std::string cloud_option, state_option;  // --cloud, --state; empty where not given
    bool json = false;
    int verbosity = 0;

    // The mock of everything that Azure holds: --cloud, $TWOFOLD_CLOUD,
    // $XDG_DATA_HOME/twofold/cloud.
    std::string cloud_directory() const;
    // True where the user named it, so that it goes before the one a deployment recorded.
    bool cloud_is_given() const;
    // What this machine knows of deployments: --state, $TWOFOLD_STATE, $XDG_STATE_HOME/twofold or
    // (root) /var/lib/twofold.
    std::string state_directory() const;
    // Of running mounts: /run/twofold (root), $XDG_RUNTIME_DIR/twofold, /tmp/twofold-UID.
    std::string runtime_directory() const;

    log::Level log_level() const;

    // Set while the command line is parsed, by the one command that was named.
    std::function<Result<void>()> action;
    bool needs_crypto = true;
    // Of a command that failed and has said why by itself; 0 otherwise.
    int exit_status = 0;
};

// The error's line on standard error, and its exit code.
int report(const Error& error);

std::string absolute_path(const std::string& path);  // against the current directory; not resolved
bool input_is_terminal();                            // no question is asked otherwise
bool output_is_terminal();

}  // namespace twofold::cli

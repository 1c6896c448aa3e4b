#include <cstdio>
#include <cstdlib>
#include <new>

#include "keyring/crypto/secret.h"
#include "tools/twofold/command.h"
#include "tools/twofold/options.h"

namespace twofold::cli {
namespace {

constexpr int kExitFailed = 1;

void add_commands(CLI::App& program, Context& context) {
    add_vault(program, context);
    add_key(program, context);
    add_secret(program, context);
    add_identity(program, context);
    add_profile(program, context);
    add_create(program, context);
    add_disk(program, context);
    add_mount(program, context);
    add_umount(program, context);
    add_attach(program, context);
    add_detach(program, context);
    add_status(program, context);
    add_wait(program, context);
    add_rotate(program, context);
    add_adopt(program, context);
    add_check(program, context);
    add_header(program, context);
    add_inspect(program, context);
    add_completion(program, context);
}

void add_global_options(CLI::App& program, Context& context) {
    program.set_version_flag("--version", std::string("twofold ") + TWOFOLD_VERSION,
                             "Print the version");
    program
        .add_option("--cloud", context.cloud_option,
                    "The cloud directory (else $TWOFOLD_CLOUD, else $XDG_DATA_HOME/twofold/cloud)")
        ->type_name("DIR");
    program
        .add_option("--state", context.state_option,
                    "What this machine knows of deployments (else $TWOFOLD_STATE, else "
                    "$XDG_STATE_HOME/twofold, for root /var/lib/twofold)")
        ->type_name("DIR");
    program.add_flag("--json", context.json, "Print facts as JSON");
    program.add_flag("-v,--verbose", context.verbosity,
                     "Say more on standard error; -vv still more");
}

// "create: --profile is required; see twofold create --help": CLI11's words on one line.
Error usage_error(const CLI::App& program, const CLI::ParseError& error) {
    std::string path;
    const CLI::App* command = &program;
    while (!command->get_subcommands().empty()) {
        command = command->get_subcommands().front();
        path += command->get_name() + ' ';
    }
    std::string what = error.what();
    for (char& c : what)
        if (c == '\n') c = ' ';
    if (!path.empty()) what.insert(0, path.substr(0, path.size() - 1) + ": ");
    return Error{Errc::usage, std::move(what), "see: twofold " + path + "--help", 0, {}};
}

int run(Context& context) {
    log::to_stderr(context.log_level());
    if (context.needs_crypto) {
        if (auto started = crypto::start(); !started) return report(started.error());
    }
    const auto done = context.action();
    const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
    if (!done) return report(done.error());
    if (!written) return report(Error{Errc::io, "standard output: write failed", {}, 0, {}});
    return context.exit_status;
}

int main_with_exceptions(int argc, char** argv) {
    Context context;
    CLI::App program("Doubly encrypted disk images, mounted with FUSE.", "twofold");
    program.footer(
        "Example:\n"
        "  twofold create ./store --profile plain\n"
        "  twofold disk add ./store data0 --role data --size 10G\n"
        "  twofold mount ./store ./disks\n"
        "Exit codes: 1 failed, 2 usage, 3 key cannot be used, 4 integrity, 5 busy, 6 refused, "
        "7 timed out.");
    program.require_subcommand(1);
    program.fallthrough();  // global options may stand behind the command as well
    add_global_options(program, context);
    add_commands(program, context);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return program.exit(error);  // --help, --version
        return report(usage_error(program, error));
    }
    return run(context);
}

}  // namespace
}  // namespace twofold::cli

int main(int argc, char** argv) try {
    return twofold::cli::main_with_exceptions(argc, argv);
} catch (const std::bad_alloc&) {
    std::fputs("twofold: out of memory\n", stderr);
    return twofold::cli::kExitFailed;
} catch (const std::exception& error) {
    std::fprintf(stderr, "twofold: internal error: %s\n", error.what());
    return twofold::cli::kExitFailed;
}

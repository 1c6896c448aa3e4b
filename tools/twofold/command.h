#pragma once

namespace CLI {
class App;
}

namespace twofold::cli {

struct Context;

// Each adds one command, or one family, to the program, and lives in command_<name>.cpp. main.cpp
// lists them in the order of `twofold --help`.
void add_create(CLI::App& program, Context& context);
void add_disk(CLI::App& program, Context& context);
void add_identity(CLI::App& program, Context& context);
void add_key(CLI::App& program, Context& context);
void add_secret(CLI::App& program, Context& context);
void add_vault(CLI::App& program, Context& context);
void add_mount(CLI::App& program, Context& context);
void add_umount(CLI::App& program, Context& context);
void add_status(CLI::App& program, Context& context);
void add_wait(CLI::App& program, Context& context);
void add_rotate(CLI::App& program, Context& context);
void add_attach(CLI::App& program, Context& context);
void add_detach(CLI::App& program, Context& context);
void add_adopt(CLI::App& program, Context& context);
void add_profile(CLI::App& program, Context& context);
void add_check(CLI::App& program, Context& context);
void add_header(CLI::App& program, Context& context);
void add_inspect(CLI::App& program, Context& context);
void add_completion(CLI::App& program, Context& context);

}  // namespace twofold::cli

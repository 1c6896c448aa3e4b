#include "tools/twofold/command.h"
#include "tools/twofold/end_mount.h"
#include "tools/twofold/options.h"

namespace twofold::cli {

void add_umount(CLI::App& program, Context& context) {
    auto& command = add_command(program, "umount", "Unmount, and wait until everything is on disk",
                                "twofold umount ./disks");
    auto mountpoint = std::make_shared<std::string>();
    command.add_option("MOUNTPOINT", *mountpoint, "where `mount` mounted")->required();
    on_run(
        command, context,
        [mountpoint](Context& c) -> Result<void> {
            TF_ASSIGN(const std::string path, canonical_mountpoint(*mountpoint));
            return end_mount(c, path);
        },
        Crypto::later);
}

}  // namespace twofold::cli

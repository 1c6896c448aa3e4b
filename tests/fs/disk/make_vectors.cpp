// Writes the worked example of FORMAT.md into a directory: make_vectors fixtures/vectors/twofold
#include <cstdio>

#include "base/io/io.h"
#include "tests/fs/disk/example_disk.h"

int main(int argc, char** argv) {
    using namespace twofold;
    const auto run = [&]() -> Result<void> {
        if (argc != 2) return fail(Errc::usage, "usage: make_vectors DIRECTORY");
        TF_TRY(crypto::start());
        TF_ASSIGN(const auto disk, fs::ExampleDisk::make());
        TF_ASSIGN(const auto directory, io::make_posix_directory(argv[1]));
        for (const auto& [name, text] : disk.files) TF_TRY(directory->replace(name, text));
        return {};
    };
    const auto done = run();
    if (!done) std::fprintf(stderr, "%s\n", done.error().line().c_str());
    return done ? 0 : 1;
}

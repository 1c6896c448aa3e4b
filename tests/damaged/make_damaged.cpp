// Makes malformed images, for tests and for whoever wants to look at one.
//
//     make_damaged --manifest        what becomes of each: fixtures/damaged/manifest
//     make_damaged --list            names, and what is wrong with each
//     make_damaged NAME FILE         writes one to FILE, sparse
#include <cstdio>

#include "base/io/io.h"
#include "keyring/crypto/secret.h"
#include "tests/damaged/trial.h"

namespace twofold::damage {
namespace {

int list() {
    for (const Malformed& one : all_malformed())
        std::printf("%s\t%s\n", one.name.c_str(), one.what.c_str());
    return 0;
}

int write_manifest() {
    Trial trial;
    std::vector<Verdict> verdicts;
    for (const Malformed& one : all_malformed()) verdicts.push_back(trial.judge(one));
    std::printf("%s", manifest_of(verdicts).c_str());
    return testing::Test::HasFailure() ? 1 : 0;
}

int write_one(const std::string& name, const std::string& path) {
    for (const Malformed& one : all_malformed()) {
        if (one.name != name) continue;
        const MemoryImage image = Trial().image(one);
        const auto from = image.open();
        const auto to = must(io::open_posix_file(path, io::Access::read_write,
                                                 io::Create::must_not_exist, io::Lock::none));
        must(to->resize(image.size()));
        for (auto at = must(from->next_data(0)); at;
             at = must(from->next_data(*at + fs::kSectorSize))) {
            fs::PageBytes sector;
            must(from->read(*at, sector));
            must(to->write(*at, Bytes(sector)));
        }
        return 0;
    }
    std::fprintf(stderr, "make_damaged: no malformed image is called %s\n", name.c_str());
    return 1;
}

}  // namespace
}  // namespace twofold::damage

int main(int argc, char** argv) {
    twofold::must(twofold::crypto::start());
    const std::string first = argc > 1 ? argv[1] : "";
    if (argc == 2 && first == "--manifest") return twofold::damage::write_manifest();
    if (argc == 2 && first == "--list") return twofold::damage::list();
    if (argc == 3) return twofold::damage::write_one(first, argv[2]);
    std::fprintf(stderr, "usage: make_damaged --manifest | --list | NAME FILE\n");
    return 2;
}

// search_memory PID < PATTERNS: looks through the memory of a process for byte strings, one of 8
// bytes or more a line in hex (on standard input, so that they are in no command line). Prints each
// place with its mapping and the kernel's flags for it. Exit code 0: none is there; 1: some are;
// 2: the search failed.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/support/memory_search.h"

int main(int argc, char** argv) {
    const long pid = argc == 2 ? std::strtol(argv[1], nullptr, 10) : 0;
    if (pid <= 0) {
        std::fputs("usage: search_memory PID < patterns in hex\n", stderr);
        return 2;
    }
    int patterns = 0;
    bool found = false;
    for (std::string hex; std::getline(std::cin, hex); ++patterns) {
        const auto search =
            twofold::search_memory(static_cast<pid_t>(pid), twofold::HiddenPattern(hex));
        if (!search) {
            std::fprintf(stderr, "search_memory: %s\n", search.error().line().c_str());
            return 2;
        }
        fmt::print("pattern {}: {} hits in {} KiB, {} mappings unreadable\n{}", patterns,
                   search->hits.size(), search->bytes >> 10, search->unreadable.size(),
                   search->lines());
        found = found || !search->hits.empty();
    }
    if (patterns == 0) {
        std::fputs("search_memory: no pattern\n", stderr);
        return 2;
    }
    return found ? 1 : 0;
}

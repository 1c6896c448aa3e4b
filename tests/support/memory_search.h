#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace twofold {

// One line of /proc/PID/maps, with the VmFlags that /proc/PID/smaps has for it ("lo" locked, "dd"
// left out of core dumps, "dc" not copied to a child; proc(5)).
struct Mapping {
    std::uintptr_t begin = 0, end = 0;
    std::string permissions;  // "rw-p"
    std::string name;         // file, "[heap]", "[stack]", or empty
    std::vector<std::string> flags;

    bool has(std::string_view flag) const;
    bool contains(const void* address) const;
    std::string line() const;  // for messages
};

// Of another process, or of this one with getpid().
Result<std::vector<Mapping>> mappings_of(pid_t pid);

// Bytes to look for, kept so that they are not themselves found: in this process they exist only in
// disguise.
class HiddenPattern {
public:
    explicit HiddenPattern(std::string_view hex);  // stops the program unless at least 8 bytes
    // The offset of the first occurrence at or after `from`, or npos. Does not call the sanitizers'
    // or the C library's functions, so that it may read what they guard.
    std::size_t find_in(const std::byte* memory, std::size_t size, std::size_t from = 0) const;
    std::size_t size() const { return masked_.size(); }
    static constexpr std::size_t npos = static_cast<std::size_t>(-1);

private:
    std::vector<std::byte> masked_;
};

struct MemorySearch {
    struct Hit {
        std::uintptr_t address;
        Mapping mapping;
    };
    std::vector<Hit> hits;
    std::vector<Mapping> unreadable;  // a secret memory file, guard pages, [vvar]
    std::size_t bytes = 0;            // that were read
    std::string lines() const;        // the hits, for messages
};

// Through /proc/PID/mem, while the target runs. Needs the right to trace the process. Not for a
// program built with a sanitizer: its shadow memory is terabytes.
Result<MemorySearch> search_memory(pid_t pid, const HiddenPattern& pattern);

}  // namespace twofold

#include "tests/support/memory_search.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/unique_fd.h"

namespace twofold {

namespace {

constexpr std::byte kMask{0xa5};
constexpr std::size_t kBufferSize = 1 << 20;

// Where memory is read to: between pages without access, so that it is a mapping of its own, which
// a search of this process leaves out; wiped at the end.
class Buffer {
public:
    Buffer()
        : at_(::mmap(nullptr, kBufferSize + 2 * kGuardSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0)) {
        TF_CHECK(at_ != MAP_FAILED);
        TF_CHECK(::mprotect(data(), kBufferSize, PROT_READ | PROT_WRITE) == 0);
    }
    ~Buffer() {
        explicit_bzero(data(), kBufferSize);
        ::munmap(at_, kBufferSize + 2 * kGuardSize);
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    std::byte* data() { return static_cast<std::byte*>(at_) + kGuardSize; }

private:
    static constexpr std::size_t kGuardSize = 4096;
    void* at_;
};

// "7f00-7f01 rw-p 0000 00:00 0   name"
bool parse_head(const std::string& line, Mapping& out) {
    char permissions[5] = {};
    unsigned long begin = 0, end = 0;
    int name_at = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %4s %*s %*s %*s %n", &begin, &end, permissions,
                    &name_at) != 3)
        return false;
    out = {begin, end, permissions, {}, {}};
    if (name_at > 0 && static_cast<std::size_t>(name_at) < line.size())
        out.name = line.substr(static_cast<std::size_t>(name_at));
    return true;
}

class Search {
public:
    Search(int memory, const HiddenPattern& pattern, bool own_process)
        : memory_(memory), pattern_(pattern), own_process_(own_process) {}

    void look_into(const Mapping& mapping) {
        if (mapping.permissions[0] != 'r') return;
        if (own_process_ && mapping.contains(buffer_.data())) return;
        for (std::uintptr_t at = mapping.begin; at < mapping.end;) {
            const std::size_t wanted = std::min<std::size_t>(mapping.end - at, kBufferSize);
            const ssize_t got = ::pread(memory_, buffer_.data(), wanted, static_cast<off_t>(at));
            if (got <= 0) {
                found_.unreadable.push_back(mapping);
                return;
            }
            const auto size = static_cast<std::size_t>(got);
            note(mapping, at, size);
            if (at + size == mapping.end) return;
            at += size > pattern_.size() ? size - pattern_.size() + 1 : size;  // across the seam
        }
    }

    MemorySearch result() && { return std::move(found_); }

private:
    void note(const Mapping& mapping, std::uintptr_t at, std::size_t size) {
        found_.bytes += size;
        std::size_t offset = pattern_.find_in(buffer_.data(), size);
        while (offset != HiddenPattern::npos) {
            found_.hits.push_back({at + offset, mapping});
            offset = pattern_.find_in(buffer_.data(), size, offset + 1);
        }
    }

    const int memory_;
    const HiddenPattern& pattern_;
    const bool own_process_;
    Buffer buffer_;
    MemorySearch found_;
};

}  // namespace

bool Mapping::has(std::string_view flag) const {
    return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

bool Mapping::contains(const void* address) const {
    const auto a = reinterpret_cast<std::uintptr_t>(address);
    return a >= begin && a < end;
}

std::string Mapping::line() const {
    return fmt::format("{:x}-{:x} {} {} ({})", begin, end, permissions, name,
                       fmt::join(flags, " "));
}

Result<std::vector<Mapping>> mappings_of(pid_t pid) {
    std::ifstream smaps(fmt::format("/proc/{}/smaps", pid));
    if (!smaps) return fail_errno(errno, fmt::format("process {}: smaps", pid));
    std::vector<Mapping> all;
    for (std::string line; std::getline(smaps, line);) {
        Mapping mapping;
        if (parse_head(line, mapping)) {
            all.push_back(std::move(mapping));
        } else if (line.starts_with("VmFlags:") && !all.empty()) {
            std::istringstream words(line.substr(8));
            for (std::string word; words >> word;) all.back().flags.push_back(word);
        }
    }
    return all;
}

HiddenPattern::HiddenPattern(std::string_view hex) {
    const auto digit = [](char c) {
        TF_CHECK((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
        return c <= '9' ? c - '0' : c - 'a' + 10;
    };
    TF_CHECK(hex.size() % 2 == 0 && hex.size() >= 16);
    for (std::size_t i = 0; i < hex.size(); i += 2)
        masked_.push_back(static_cast<std::byte>(digit(hex[i]) << 4 | digit(hex[i + 1])) ^ kMask);
}

__attribute__((no_sanitize("address", "thread"))) std::size_t HiddenPattern::find_in(
    const std::byte* memory, std::size_t size, std::size_t from) const {
    const volatile std::byte* const at = memory;
    const std::byte* const masked = masked_.data();
    const std::size_t length = masked_.size();
    for (std::size_t i = from; i + length <= size; ++i) {
        std::size_t j = 0;
        while (j < length &&
               static_cast<unsigned char>(at[i + j]) ==
                   (static_cast<unsigned char>(masked[j]) ^ static_cast<unsigned char>(kMask)))
            ++j;
        if (j == length) return i;
    }
    return npos;
}

std::string MemorySearch::lines() const {
    std::string text;
    for (const Hit& hit : hits)
        text += fmt::format("{:x} in {}\n", hit.address, hit.mapping.line());
    return text;
}

Result<MemorySearch> search_memory(pid_t pid, const HiddenPattern& pattern) {
    const UniqueFd memory(::open(fmt::format("/proc/{}/mem", pid).c_str(), O_RDONLY | O_CLOEXEC));
    if (!memory) return fail_errno(errno, fmt::format("process {}: memory", pid));
    // Its buffer is there before the list of mappings is read.
    Search search(memory.get(), pattern, pid == ::getpid());
    TF_ASSIGN(const auto mappings, mappings_of(pid));
    for (const Mapping& mapping : mappings) search.look_into(mapping);
    return std::move(search).result();
}

}  // namespace twofold

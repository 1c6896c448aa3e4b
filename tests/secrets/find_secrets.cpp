// Looks for secrets, given as "NAME HEX" lines on standard input so that they are in no command
// line, in every form of secret_forms.h:
//
//     find_secrets memory PID             in the memory of a process, while it runs
//     find_secrets exit PID               in its memory at the very end, when its main thread exits
//     find_secrets files PATH...          in files, and in all files below directories
//     find_secrets plant PID              puts the first secret at the end of the process's heap
//     find_secrets unplant PID ADDRESS    and takes it away again
//
// Prints each find and a summary. Exit code 0: none was found that may not be there (memory:
// outside pages that are locked and left out of dumps; elsewhere: any at all); 1: some were; 2: the
// search failed.
#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/filesystem/operations.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>

#include "base/unique_fd.h"
#include "tests/secrets/secret_forms.h"
#include "tests/support/memory_search.h"

namespace twofold {
namespace {

constexpr std::size_t kPiece = 1 << 20;
constexpr int kClean = 0, kFound = 1, kFailed = 2;

struct Tally {
    std::size_t locked = 0, elsewhere = 0, bytes = 0, unreadable = 0;
};

Result<UniqueFd> open_memory(pid_t pid, int flags) {
    UniqueFd memory(::open(fmt::format("/proc/{}/mem", pid).c_str(), flags | O_CLOEXEC));
    if (!memory) return fail_errno(errno, fmt::format("process {}: memory", pid));
    return memory;
}

bool is_locked(const Mapping& mapping) { return mapping.has("lo") && mapping.has("dd"); }

void look_into(const Mapping& mapping, int memory, const SecretForms& forms, Tally& tally) {
    if (mapping.permissions[0] != 'r') return;
    std::vector<std::byte> buffer(kPiece + forms.longest());
    for (std::uintptr_t at = mapping.begin; at < mapping.end; at += kPiece) {
        const std::size_t wanted = std::min<std::size_t>(mapping.end - at, buffer.size());
        const ssize_t got = ::pread(memory, buffer.data(), wanted, static_cast<off_t>(at));
        if (got <= 0) {
            ++tally.unreadable;
            fmt::print("unreadable {}\n", mapping.line());
            return;
        }
        tally.bytes += std::min(static_cast<std::size_t>(got), kPiece);
        forms.find_in(Bytes(buffer).first(static_cast<std::size_t>(got)),
                      [&](const std::string& name, const char* form, std::size_t offset) {
                          if (offset >= kPiece) return;  // the next piece has it, too
                          ++(is_locked(mapping) ? tally.locked : tally.elsewhere);
                          fmt::print("{} {} {} {:x} in {}\n",
                                     is_locked(mapping) ? "locked" : "elsewhere", name, form,
                                     at + offset, mapping.line());
                      });
    }
}

Result<Tally> look_into_process(pid_t pid, const SecretForms& forms) {
    TF_ASSIGN(const UniqueFd memory, open_memory(pid, O_RDONLY));
    TF_ASSIGN(const auto mappings, mappings_of(pid));
    Tally tally;
    for (const Mapping& mapping : mappings) look_into(mapping, memory.get(), forms, tally);
    fmt::print("searched {} KiB for {} patterns: {} locked, {} elsewhere, {} mappings unreadable\n",
               tally.bytes >> 10, forms.count(), tally.locked, tally.elsewhere, tally.unreadable);
    return tally;
}

Result<int> memory(pid_t pid, const SecretForms& forms) {
    TF_ASSIGN(const Tally tally, look_into_process(pid, forms));
    return tally.elsewhere == 0 ? kClean : kFound;
}

// ptrace(2), PTRACE_O_TRACEEXIT: the process stops early in its exit, its memory still there.
Result<int> at_exit(pid_t pid, const SecretForms& forms) {
    if (::ptrace(PTRACE_SEIZE, pid, nullptr, PTRACE_O_TRACEEXIT) != 0)
        return fail_errno(errno, fmt::format("process {}: trace", pid));
    fmt::print("waiting\n");
    std::fflush(stdout);
    for (;;) {
        int status = 0;
        if (::waitpid(pid, &status, __WALL) != pid)
            return fail_errno(errno, fmt::format("process {}: wait", pid));
        if (!WIFSTOPPED(status)) return fail(Errc::failed, "process {}: gone unseen", pid);
        const bool exits = status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8);
        if (exits) break;
        const bool group_stop = status >> 16 == PTRACE_EVENT_STOP;
        if (::ptrace(PTRACE_CONT, pid, nullptr, group_stop ? 0 : WSTOPSIG(status)) != 0)
            return fail_errno(errno, fmt::format("process {}: go on", pid));
    }
    auto tally = look_into_process(pid, forms);
    ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
    if (!tally) return fail(std::move(tally).error());
    return tally->locked + tally->elsewhere == 0 ? kClean : kFound;
}

Result<void> look_into_file(const std::string& path, const SecretForms& forms, Tally& tally) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return fail(Errc::io, "{}: cannot be read", path);
    std::vector<std::byte> buffer(kPiece + forms.longest());
    std::size_t held = 0;
    for (std::uint64_t at = 0;; at += kPiece) {
        in.read(reinterpret_cast<char*>(buffer.data()) + held,
                static_cast<std::streamsize>(buffer.size() - held));
        const std::size_t size = held + static_cast<std::size_t>(in.gcount());
        const bool last = size < buffer.size();
        forms.find_in(Bytes(buffer).first(size),
                      [&](const std::string& name, const char* form, std::size_t offset) {
                          if (offset >= kPiece && !last) return;
                          ++tally.elsewhere;
                          fmt::print("found {} {} at {} of {}\n", name, form, at + offset, path);
                      });
        tally.bytes += last ? size : kPiece;
        if (last) return {};
        std::copy(buffer.begin() + kPiece, buffer.end(), buffer.begin());
        held = buffer.size() - kPiece;
    }
}

Result<int> files(const std::vector<std::string>& paths, const SecretForms& forms) {
    namespace bfs = boost::filesystem;
    Tally tally;
    std::size_t count = 0;
    for (const std::string& path : paths) {
        std::vector<std::string> found;
        if (!bfs::exists(path)) return fail(Errc::not_found, "{}: not there", path);
        if (bfs::is_directory(path)) {
            for (const auto& entry : bfs::recursive_directory_iterator(path))
                if (bfs::is_regular_file(entry.symlink_status()))
                    found.push_back(entry.path().string());
        } else {
            found.push_back(path);
        }
        for (const std::string& file : found) TF_TRY(look_into_file(file, forms, tally));
        count += found.size();
    }
    fmt::print("searched {} files of {} KiB for {} patterns: {} found\n", count, tally.bytes >> 10,
               forms.count(), tally.elsewhere);
    return tally.elsewhere == 0 ? kClean : kFound;
}

// Where a heap has its last KiB of zeros, counted from its end: behind the last allocation, but for
// what was freed there, nothing is anybody's.
std::optional<std::size_t> place_in(Bytes heap) {
    constexpr std::size_t kFree = 1024;
    for (std::size_t end = heap.size(); end >= kFree; end -= 16)
        if (all_zero(heap.subspan(end - kFree, kFree))) return end - kFree / 2;
    return std::nullopt;
}

Result<int> plant(pid_t pid, const NamedSecret& secret) {
    constexpr std::uint64_t kLooked = 64 << 10;  // from the end of the heap
    TF_ASSIGN(const UniqueFd memory, open_memory(pid, O_RDWR));
    TF_ASSIGN(const auto mappings, mappings_of(pid));
    for (const Mapping& mapping : mappings) {
        if (mapping.name != "[heap]") continue;
        std::vector<std::byte> there(std::min<std::uint64_t>(mapping.end - mapping.begin, kLooked));
        const std::uint64_t from = mapping.end - there.size();
        if (::pread(memory.get(), there.data(), there.size(), static_cast<off_t>(from)) !=
            static_cast<ssize_t>(there.size()))
            return fail_errno(errno, fmt::format("process {}: memory", pid));
        const auto place = place_in(there);
        if (!place) return fail(Errc::failed, "process {}: the end of its heap is in use", pid);
        const std::uint64_t at = from + *place;
        if (::pwrite(memory.get(), secret.bytes.data(), secret.bytes.size(),
                     static_cast<off_t>(at)) != static_cast<ssize_t>(secret.bytes.size()))
            return fail_errno(errno, fmt::format("process {}: memory", pid));
        fmt::print("{:x}\n", at);
        return kClean;
    }
    return fail(Errc::failed, "process {}: no heap", pid);
}

Result<int> unplant(pid_t pid, const std::string& address, const NamedSecret& secret) {
    TF_ASSIGN(const UniqueFd memory, open_memory(pid, O_RDWR));
    const std::vector<std::byte> zeros(secret.bytes.size());
    const auto at = static_cast<off_t>(std::strtoull(address.c_str(), nullptr, 16));
    if (::pwrite(memory.get(), zeros.data(), zeros.size(), at) !=
        static_cast<ssize_t>(zeros.size()))
        return fail_errno(errno, fmt::format("process {}: memory", pid));
    return kClean;
}

Result<int> run(const std::vector<std::string>& words) {
    const std::string what = words.empty() ? "" : words[0];
    const auto pid = [&] { return static_cast<pid_t>(std::strtol(words[1].c_str(), nullptr, 10)); };
    TF_ASSIGN(const auto secrets, NamedSecret::parse(std::cin));
    if (what == "plant" && words.size() == 2) return plant(pid(), secrets[0]);
    if (what == "unplant" && words.size() == 3) return unplant(pid(), words[2], secrets[0]);
    const SecretForms forms(secrets);
    if (what == "memory" && words.size() == 2) return memory(pid(), forms);
    if (what == "exit" && words.size() == 2) return at_exit(pid(), forms);
    if (what == "files" && words.size() >= 2) return files({words.begin() + 1, words.end()}, forms);
    return fail(Errc::usage,
                "memory PID | exit PID | files PATH... | plant PID | unplant PID ADDRESS");
}

}  // namespace
}  // namespace twofold

int main(int argc, char** argv) {
    const auto code = twofold::run({argv + 1, argv + argc});
    if (code) return *code;
    std::fprintf(stderr, "find_secrets: %s\n", code.error().line().c_str());
    return twofold::kFailed;
}

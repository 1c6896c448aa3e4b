#include "tools/twofold/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/unique_fd.h"

namespace twofold::cli {
namespace {

constexpr std::size_t kOutputMax = 64 * 1024;

struct Pipe {
    UniqueFd read, write;
    static Result<Pipe> make() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
        return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
    }
};

// Reads both pipes until they are closed; what is too much is dropped.
void drain(Pipe& out, Pipe& err, std::string& output, std::string& errors) {
    std::array<pollfd, 2> entries{{{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}}};
    while (entries[0].fd >= 0 || entries[1].fd >= 0) {
        if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) return;
        for (pollfd& entry : entries) {
            if (entry.fd < 0 || entry.revents == 0) continue;
            std::array<char, 4096> piece;
            const ssize_t n = ::read(entry.fd, piece.data(), piece.size());
            std::string& to = &entry == &entries[0] ? output : errors;
            if (n > 0 && to.size() < kOutputMax)
                to.append(piece.data(), static_cast<std::size_t>(n));
            if (n == 0 || (n < 0 && errno != EINTR)) entry.fd = -1;
        }
    }
}

std::string last_line(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.substr(text.rfind('\n') + 1);
}

// The caller's environment, with the sbin directories behind its PATH and messages in English.
std::vector<std::string> environment_for() {
    std::vector<std::string> entries{"LC_ALL=C"};
    const char* path = std::getenv("PATH");
    entries.push_back(std::string("PATH=") + (path == nullptr ? "/usr/bin:/bin" : path) +
                      ":/usr/sbin:/sbin");
    return entries;
}

std::string find_program(const std::string& name, const std::string& path_entry) {
    const std::string path = path_entry.substr(path_entry.find('=') + 1);
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find(':', begin), path.size());
        const std::string candidate = path.substr(begin, end - begin) + "/" + name;
        if (end > begin && path[begin] == '/' && ::access(candidate.c_str(), X_OK) == 0)
            return candidate;
        begin = end + 1;
    }
    return {};
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> result;
    for (std::string& word : words) result.push_back(word.data());
    result.push_back(nullptr);
    return result;
}

}  // namespace

Result<std::string> run_program(const std::vector<std::string>& words) {
    auto environment = environment_for();
    const std::string file = find_program(words.front(), environment.back());
    if (file.empty()) return fail(Errc::not_found, "{}: no such program here", words.front());
    TF_ASSIGN(Pipe out, Pipe::make());
    TF_ASSIGN(Pipe err, Pipe::make());
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, out.write.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, err.write.get(), STDERR_FILENO);
    auto arguments = words;
    pid_t child = -1;
    const int error = ::posix_spawn(&child, file.c_str(), &actions, nullptr,
                                    pointers(arguments).data(), pointers(environment).data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return fail_errno(error, file);
    out.write.reset();
    err.write.reset();
    std::string output, errors;
    drain(out, err, output, errors);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return fail_errno(errno, words.front());
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
    const std::string line = last_line(errors);
    return fail(Errc::failed, "{}: {}", words.front(),
                line.empty() ? fmt::format("ended with {}", WEXITSTATUS(status)) : line);
}

}  // namespace twofold::cli

#include "fs/fuse/detach.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/unique_fd.h"

namespace twofold::fs {
namespace {

// 0 once the child has said so; otherwise how it ended.
int await_child(pid_t child, const UniqueFd& ready) {
    char byte = 0;
    ssize_t got = 0;
    do {
        got = ::read(ready.get(), &byte, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 1) return 0;
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return 1;
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    std::fprintf(stderr, "twofold: the daemon was ended by signal %d\n", WTERMSIG(status));
    return 1;
}

void leave_terminal() {
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null) return;
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null.get(), fd);
}

}  // namespace

int run_detached(const std::function<int(const std::function<void()>& ready)>& body) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        std::perror("twofold: pipe");
        return 1;
    }
    UniqueFd from_child(ends[0]), to_parent(ends[1]);
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0) {
        std::perror("twofold: fork");
        return 1;
    }
    if (child > 0) {
        to_parent.reset();
        return await_child(child, from_child);
    }
    from_child.reset();
    ::setsid();
    // The working directory stays: paths given to the program are relative to it until all is open.
    const int code = body([&] {
        if (!to_parent) return;
        [[maybe_unused]] const int unused = ::chdir("/");
        leave_terminal();
        [[maybe_unused]] const ssize_t told = ::write(to_parent.get(), "r", 1);
        to_parent.reset();
    });
    std::fflush(nullptr);
    ::_exit(code);
}

}  // namespace twofold::fs

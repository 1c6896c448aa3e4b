#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include "base/result.h"

namespace twofold {

// What `body` returns in a forked child, or 128 and the signal that ended it. The child leaves by
// _exit, so that nothing of the test program runs in it afterwards.
template <class Body>
int exit_code_of_child(Body body) {
    const pid_t child = ::fork();
    TF_CHECK(child >= 0);
    if (child == 0) ::_exit(body());
    int status = 0;
    TF_CHECK(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace twofold

#pragma once

#include <string>

#include "base/io/io.h"
#include "base/unique_fd.h"

// Shared by the two posix files; nobody else includes it.
namespace twofold::io::posix {

// Wraps an open regular file; takes the lock. Errc::busy when somebody else has it.
Result<std::unique_ptr<File>> adopt_file(UniqueFd fd, std::string path, Lock lock);
// Opens `name` beneath `directory` without following links and checks what it is.
Result<UniqueFd> open_regular(int directory, const std::string& name, int flags, Create create,
                              const std::string& path);
Result<void> write_all(int fd, Bytes content, const std::string& path);

}  // namespace twofold::io::posix

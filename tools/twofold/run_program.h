#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace twofold::cli {

// Runs a program of the system (losetup, mount, mkfs.ext4, ...), found in PATH and the sbin
// directories, without a shell and without standard input. What it wrote to standard output, at
// most 64 KiB; or Errc::failed with the last line of its standard error, Errc::not_found where
// there is no such program.
Result<std::string> run_program(const std::vector<std::string>& words);

}  // namespace twofold::cli

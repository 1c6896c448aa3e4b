#pragma once

#include <memory>
#include <string>

#include "base/io/io.h"
#include "fs/disk/check.h"

namespace twofold::cli {

// The blocks of a disk that are lost, as a map file of GNU ddrescue (its manual, "Mapfile
// structure"): positions and sizes in bytes of the plaintext disk; '+' is whole, '-' is lost, '?'
// was not looked at. ddrescuelog(1) reads it.
std::string lost_map(const fs::CheckReport& report, const std::string& disk,
                     std::uint64_t disk_size);

// The file that --map names, beside whatever is there.
class LostMapFile {
public:
    // Looks before the work is done whether it may be written. Errc::exists: a file is there that
    // is no such map, and `force` is not given.
    static Result<LostMapFile> prepare(const std::string& path, bool force);
    // All of it or nothing; synced.
    Result<void> write(const std::string& text);

private:
    LostMapFile(std::unique_ptr<io::Directory> directory, std::string name)
        : directory_(std::move(directory)), name_(std::move(name)) {}
    std::unique_ptr<io::Directory> directory_;
    std::string name_;
};

// The directory of a file that the user named, and the file's name in it. Errc::usage where the
// path names no file.
Result<std::pair<std::unique_ptr<io::Directory>, std::string>> directory_and_name(
    const std::string& path);

}  // namespace twofold::cli

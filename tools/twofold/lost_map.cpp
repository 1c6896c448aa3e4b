#include "tools/twofold/lost_map.h"

#include <fmt/format.h>

#include "tools/twofold/context.h"

namespace twofold::cli {
namespace {

constexpr std::string_view kFirstLine = "# Mapfile. Created by ";
constexpr std::size_t kSizeMax = std::size_t{1} << 28;  // of a map that is replaced; bytes

void add_line(std::string& out, std::uint64_t position, std::uint64_t size, char status) {
    if (size != 0) out += fmt::format("{:#010x}  {:#010x}  {}\n", position, size, status);
}

}  // namespace

std::string lost_map(const fs::CheckReport& report, const std::string& disk,
                     std::uint64_t disk_size) {
    // Whole is only what was proved to be.
    const char rest = report.complete && report.tags_verified ? '+' : '?';
    std::string out = fmt::format(
        "{}twofold check\n"
        "# Disk {}; positions are bytes of the plaintext disk\n"
        "# current_pos  current_status  current_pass\n"
        "0x00000000     {}               1\n"
        "#      pos        size  status\n",
        kFirstLine, disk, rest);
    std::uint64_t done = 0;
    report.lost.each([&](fs::BlockRange range) {
        const std::uint64_t first = range.first.value() * fs::kBlockSize;
        add_line(out, done, first - done, rest);
        add_line(out, first, range.count * fs::kBlockSize, '-');
        done = first + range.count * fs::kBlockSize;
    });
    add_line(out, done, disk_size - std::min(done, disk_size), rest);
    return out;
}

Result<std::pair<std::unique_ptr<io::Directory>, std::string>> directory_and_name(
    const std::string& path) {
    const std::string whole = absolute_path(path);
    const std::size_t slash = whole.rfind('/');
    if (path.empty() || path.back() == '/' || slash + 1 == whole.size())
        return fail(Errc::usage, "{}: names no file", path);
    TF_ASSIGN(auto directory, io::open_posix_directory(slash == 0 ? "/" : whole.substr(0, slash)));
    return std::pair(std::move(directory), whole.substr(slash + 1));
}

Result<LostMapFile> LostMapFile::prepare(const std::string& path, bool force) {
    TF_ASSIGN(auto place, directory_and_name(path));
    auto& [directory, name] = place;
    TF_ASSIGN(const bool exists, directory->exists(name));
    if (exists && !force) {
        const auto text = directory->read_text(name, kSizeMax);
        if (!text || !text->starts_with(kFirstLine))
            return fail(Error{Errc::exists,
                              fmt::format("{}: exists, and is no map file", path),
                              "to overwrite it: --force",
                              0,
                              {}});
    }
    return LostMapFile(std::move(directory), std::move(name));
}

Result<void> LostMapFile::write(const std::string& text) {
    return directory_->replace(name_, text);
}

}  // namespace twofold::cli

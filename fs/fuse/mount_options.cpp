#include <algorithm>
#include <array>
#include <charconv>

#include "fs/fuse/mount.h"

namespace twofold::fs {
namespace {

constexpr unsigned kThreadsMax = 64;

// Flags of mount(8) that libfuse and fusermount3 know. Not among them: suid and dev, which would
// let a disk's file be more than data.
constexpr std::array<std::string_view, 9> kFlags{
    "nosuid", "nodev", "noexec", "exec", "noatime", "atime", "dirsync", "nodiratime", "sync"};

Result<std::uint64_t> number(std::string_view name, std::string_view text, int base,
                             std::uint64_t max) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error == std::errc() && end == text.data() + text.size() && value <= max) return value;
    return fail(Errc::usage, "mount option {}={}: not a number from 0 to {}", name, text, max);
}

Result<void> add_with_value(std::string_view name, std::string_view value, MountOptions& options) {
    if (name == "fsname") {
        if (value.empty() || value.find('\\') != std::string_view::npos)
            return fail(Errc::usage, "mount option fsname={}: empty or with a backslash", value);
        options.fsname = value;
    } else if (name == "max_threads") {
        TF_ASSIGN(const std::uint64_t threads, number(name, value, 10, kThreadsMax));
        if (threads == 0) return fail(Errc::usage, "mount option max_threads=0: at least 1");
        options.threads = static_cast<unsigned>(threads);
    } else if (name == "uid" || name == "gid") {
        TF_ASSIGN(const std::uint64_t id, number(name, value, 10, 0xfffffffe));
        (name == "uid" ? options.uid : options.gid) = static_cast<std::int64_t>(id);
    } else if (name == "umask") {
        TF_ASSIGN(const std::uint64_t mask, number(name, value, 8, 0777));
        options.umask = static_cast<std::uint32_t>(mask);
    } else {
        return fail(Errc::usage, "mount option {}: not known", name);
    }
    return {};
}

Result<void> add(std::string_view option, MountOptions& options) {
    if (const auto equals = option.find('='); equals != std::string_view::npos)
        return add_with_value(option.substr(0, equals), option.substr(equals + 1), options);
    if (option == "allow_other") {
        options.allow_other = true;
    } else if (option == "ro") {
        options.read_only = true;
    } else if (option == "rw") {
        options.read_only = false;
    } else if (option == "writeback_cache") {
        options.writeback_cache = true;
    } else if (option == "no_writeback_cache") {
        options.writeback_cache = false;
    } else if (option == "clone_fd") {
        options.clone_fd = true;
    } else if (std::find(kFlags.begin(), kFlags.end(), option) != kFlags.end()) {
        options.mount_flags.emplace_back(option);
    } else if (option != "default_permissions") {  // always on
        return fail(Errc::usage, "mount option {}: not known", option);
    }
    return {};
}

}  // namespace

Result<void> add_mount_options(std::string_view list, MountOptions& options) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (comma > 0) TF_TRY(add(list.substr(0, comma), options));
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return {};
}

}  // namespace twofold::fs

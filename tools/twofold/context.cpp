#include "tools/twofold/context.h"

#include <pwd.h>
#include <unistd.h>

#include <boost/filesystem/operations.hpp>
#include <cstdio>
#include <cstdlib>

namespace twofold::cli {
namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

std::string home() {
    if (std::string value = environment("HOME"); !value.empty()) return value;
    const passwd* entry = ::getpwuid(::geteuid());
    return entry == nullptr ? "/" : entry->pw_dir;
}

// The XDG specification: relative paths in these variables are to be ignored.
std::string xdg(const char* variable, const char* fallback_below_home) {
    const std::string value = environment(variable);
    if (!value.empty() && value.front() == '/') return value;
    return home() + fallback_below_home;
}

}  // namespace

bool Context::cloud_is_given() const {
    return !cloud_option.empty() || !environment("TWOFOLD_CLOUD").empty();
}

std::string Context::cloud_directory() const {
    if (!cloud_option.empty()) return absolute_path(cloud_option);
    if (const std::string value = environment("TWOFOLD_CLOUD"); !value.empty())
        return absolute_path(value);
    return xdg("XDG_DATA_HOME", "/.local/share") + "/twofold/cloud";
}

std::string Context::state_directory() const {
    if (!state_option.empty()) return absolute_path(state_option);
    if (const std::string value = environment("TWOFOLD_STATE"); !value.empty())
        return absolute_path(value);
    if (::geteuid() == 0) return "/var/lib/twofold";
    return xdg("XDG_STATE_HOME", "/.local/state") + "/twofold";
}

std::string Context::runtime_directory() const {
    if (::geteuid() == 0) return "/run/twofold";
    const std::string value = environment("XDG_RUNTIME_DIR");
    if (!value.empty() && value.front() == '/') return value + "/twofold";
    return "/tmp/twofold-" + std::to_string(::geteuid());
}

log::Level Context::log_level() const {
    if (verbosity >= 2) return log::Level::debug;
    return verbosity == 1 ? log::Level::info : log::Level::warning;
}

int report(const Error& error) {
    std::fprintf(stderr, "twofold: %s\n", error.line().c_str());
    return exit_code(error.code);
}

std::string absolute_path(const std::string& path) {
    boost::system::error_code error;
    const auto here = boost::filesystem::current_path(error);
    if (error) return path;
    auto whole = boost::filesystem::absolute(path, here).lexically_normal().string();
    // lexically_normal turns a trailing slash into "/."
    while (whole.size() > 1 && (whole.ends_with('/') || whole.ends_with("/."))) whole.pop_back();
    return whole;
}

bool input_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }
bool output_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

}  // namespace twofold::cli

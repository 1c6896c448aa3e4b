#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/result.h"

// Diagnostics for whoever runs the daemon; never key bytes, never plaintext. Facts that scripts read
// go to events.jsonl instead. The library behind it (spdlog) stays out of this header: it is slow
// to compile.
namespace twofold::log {

enum class Level { debug, info, warning, error };

// Sends lines to standard error (default) or appends them to a file. Not thread-safe; call once.
void to_stderr(Level least);
Result<void> to_file(const std::string& path, Level least);

void write(Level level, std::string_view text);  // thread-safe

template <class... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
    write(Level::debug, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
    write(Level::info, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> text, Args&&... args) {
    write(Level::warning, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
    write(Level::error, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace twofold::log

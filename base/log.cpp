#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace twofold::log {
namespace {

constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";

std::shared_ptr<spdlog::logger>& logger() {
    static auto current = [] {
        auto made = std::make_shared<spdlog::logger>(
            "twofold", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->set_pattern("twofold: %l: %v");
        made->set_level(spdlog::level::warn);
        return made;
    }();
    return current;
}

spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
        case Level::debug: return spdlog::level::debug;
        case Level::info: return spdlog::level::info;
        case Level::warning: return spdlog::level::warn;
        case Level::error: return spdlog::level::err;
    }
    return spdlog::level::err;
}

}  // namespace

void to_stderr(Level least) { logger()->set_level(to_spdlog(least)); }

Result<void> to_file(const std::string& path, Level least) try {
    auto made = std::make_shared<spdlog::logger>(
        "twofold", std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
    made->set_pattern(kPattern, spdlog::pattern_time_type::utc);
    made->set_level(to_spdlog(least));
    made->flush_on(spdlog::level::info);
    logger() = std::move(made);
    return {};
} catch (const spdlog::spdlog_ex& e) {
    return fail(Errc::io, "log file {}: {}", path, e.what());
}

void write(Level level, std::string_view text) { logger()->log(to_spdlog(level), text); }

}  // namespace twofold::log

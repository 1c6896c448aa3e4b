#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "fs/deployment/store.h"

namespace twofold::cli {

// What is wrong with a running mount now. Raising and clearing leave an event each; raising what is
// raised already leaves none. Thread-safe.
class Alerts {
public:
    struct Alert {
        std::string name;     // "key-unavailable"
        std::string subject;  // "layer 2", "disk data0"
        std::string text;     // one line
        UnixSeconds since = 0;
    };
    using Report = std::function<void(const fs::Event&)>;

    Alerts(const Clock& clock, Report report) : clock_(clock), report_(std::move(report)) {}

    void raise(const std::string& name, const std::string& subject, const std::string& text);
    void clear(const std::string& name, const std::string& subject);
    std::vector<Alert> current() const;

private:
    const Clock& clock_;
    Report report_;
    mutable std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, Alert> alerts_;  // under mutex_
};

}  // namespace twofold::cli

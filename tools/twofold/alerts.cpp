#include "tools/twofold/alerts.h"

namespace twofold::cli {

void Alerts::raise(const std::string& name, const std::string& subject, const std::string& text) {
    {
        const std::lock_guard lock(mutex_);
        const auto [place, is_new] =
            alerts_.try_emplace({name, subject}, Alert{name, subject, text, clock_.now()});
        place->second.text = text;
        if (!is_new) return;
    }
    report_({"alert-raised", {{"alert", name}, {"subject", subject}, {"text", text}}});
}

void Alerts::clear(const std::string& name, const std::string& subject) {
    {
        const std::lock_guard lock(mutex_);
        if (alerts_.erase({name, subject}) == 0) return;
    }
    report_({"alert-cleared", {{"alert", name}, {"subject", subject}}});
}

std::vector<Alerts::Alert> Alerts::current() const {
    const std::lock_guard lock(mutex_);
    std::vector<Alert> all;
    for (const auto& [key, alert] : alerts_) all.push_back(alert);
    return all;
}

}  // namespace twofold::cli

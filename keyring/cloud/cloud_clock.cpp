#include "keyring/cloud/cloud_clock.h"

#include <nlohmann/json.hpp>

#include "base/io/io.h"
#include "base/json.h"
#include "base/log.h"

namespace twofold::cloud {
namespace {

constexpr std::size_t kFileMax = 256;
constexpr UnixSeconds kTimeMax = 253402300799;  // the end of the year 9999

bool plausible(std::int64_t seconds) { return seconds >= -kTimeMax && seconds <= kTimeMax; }

}  // namespace

Result<UnixSeconds> CloudClock::look() const {
    TF_ASSIGN(const auto rule, read_rule());
    const std::scoped_lock hold(mutex_);
    last_ = rule.value_or(Rule{});
    return apply(last_);
}

UnixSeconds CloudClock::now() const {
    const auto rule = read_rule();
    const std::scoped_lock hold(mutex_);
    if (rule)
        last_ = rule->value_or(last_);
    else
        log::warning("{}", rule.error().line());
    return apply(last_);
}

Result<std::optional<CloudClock::Rule>> CloudClock::read_rule() const {
    const auto directory = io::open_posix_directory(directory_);
    if (!directory) return std::optional<Rule>();  // whoever asks it for more finds out
    const auto text = (*directory)->read_text("clock", kFileMax);
    if (!text && text.error().code == Errc::not_found) return std::optional(Rule{});
    if (!text) return fail(text.error());
    TF_ASSIGN(const nlohmann::json rule, parse_json(*text, directory_ + "/clock", 2));
    const auto offset = json_integer(rule, "offsetSeconds");
    const auto frozen = json_integer(rule, "frozenAt");
    if (offset && !frozen && plausible(*offset)) return std::optional(Rule{false, *offset});
    if (frozen && !offset && plausible(*frozen)) return std::optional(Rule{true, *frozen});
    return fail(Errc::damaged, "{}/clock: neither offsetSeconds nor frozenAt", directory_);
}

UnixSeconds CloudClock::apply(const Rule& rule) const {
    return rule.frozen ? rule.seconds : system_.now() + rule.seconds;
}

}  // namespace twofold::cloud

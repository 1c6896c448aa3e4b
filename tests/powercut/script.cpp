#include "tests/powercut/script.h"

#include <algorithm>
#include <array>
#include <sstream>

namespace twofold::powercut {
namespace {

struct Word {
    Action::Kind kind;
    std::string_view name;
    int numbers;
};
constexpr std::array kWords{
    Word{Action::Kind::write, "write", 2},     Word{Action::Kind::zero, "zero", 2},
    Word{Action::Kind::read, "read", 2},       Word{Action::Kind::sync, "sync", 0},
    Word{Action::Kind::soft, "soft", 0},       Word{Action::Kind::pass, "pass", 1},
    Word{Action::Kind::tick, "tick", 0},       Word{Action::Kind::kill, "kill", 0},
    Word{Action::Kind::remount, "remount", 0}, Word{Action::Kind::rewrap, "rewrap", 1},
};
struct Moment {
    Action::When when;
    std::string_view name;
};
constexpr std::array kMoments{
    Moment{Action::When::header, "header:"}, Moment{Action::When::read, "read:"},
    Moment{Action::When::sync, "sync:"}, Moment{Action::When::page, "page:"},
    Moment{Action::When::tree, "tree:"}};

}  // namespace

std::string Action::text() const {
    std::string out;
    for (const Moment& moment : kMoments)
        if (moment.when == when) out = fmt::format("during {} ", moment.name);
    const Word& word = *std::ranges::find(kWords, kind, &Word::kind);
    out += word.name;
    if (word.numbers > 0) out += fmt::format(" {}", a);
    if (word.numbers > 1) out += fmt::format(" {}", b);
    return out;
}

Result<Action> Action::parse(const std::string& line) {
    std::istringstream in(line);
    Action action;
    std::string word;
    in >> word;
    if (word == "during") {
        in >> word;
        const auto moment = std::ranges::find(kMoments, word, &Moment::name);
        if (moment == kMoments.end()) return fail(Errc::invalid, "script: '{}'", line);
        action.when = moment->when;
        in >> word;
    }
    const auto found = std::ranges::find(kWords, word, &Word::name);
    if (found == kWords.end()) return fail(Errc::invalid, "script: '{}'", line);
    action.kind = found->kind;
    if (found->numbers > 0) in >> action.a;
    if (found->numbers > 1) in >> action.b;
    if (!in || in >> word) return fail(Errc::invalid, "script: '{}'", line);
    return action;
}

}  // namespace twofold::powercut

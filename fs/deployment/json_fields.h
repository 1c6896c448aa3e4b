#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/hex.h"
#include "base/json.h"

namespace twofold::fs {

// Takes the members of a JSON object one by one. The first thing that is wrong is kept and told by
// finish(), which also refuses members that nobody took: a file is understood whole or not at all.
// Values taken after an error are empty.
class JsonFields {
public:
    JsonFields(const nlohmann::json& object, std::string what)
        : object_(object), what_(std::move(what)) {
        if (!object_.is_object()) wrong("not an object");
    }

    std::string text(const char* name, std::size_t size_max) {
        const auto value = json_text(take(name), name);
        if (!value) return wrong(name, "missing, or not a text"), std::string();
        if (value->size() > size_max) return wrong(name, "too long"), std::string();
        return *value;
    }
    std::string optional_text(const char* name, std::size_t size_max) {
        return has(name) ? text(name, size_max) : std::string();
    }
    std::uint64_t number(const char* name, std::uint64_t max) {
        const auto value = json_unsigned(take(name), name);
        if (!value || *value > max) return wrong(name, "missing, or not a number in range"), 0;
        return *value;
    }
    bool flag(const char* name) {
        const auto value = json_bool(take(name), name);
        if (!value) return wrong(name, "missing, or not true or false"), false;
        return *value;
    }
    Uuid uuid(const char* name) {
        const auto value = Uuid::parse(text(name, 32));
        if (!value) return wrong(name, "not 32 hex digits"), Uuid{};
        return *value;
    }
    // Exactly out.size() bytes of hex.
    void bytes(const char* name, MutableBytes out) {
        const auto value = from_hex(text(name, 2 * out.size()));
        if (!value || value->size() != out.size()) return wrong(name, "not hex of the right size");
        std::copy(value->begin(), value->end(), out.begin());
    }
    bool has(const char* name) const { return object_.is_object() && object_.contains(name); }
    const nlohmann::json& object(const char* name) {
        return child(
            name, [](const auto& v) { return v.is_object(); }, "missing, or no object");
    }
    // At most `count_max` elements.
    const nlohmann::json& array(const char* name, std::size_t count_max) {
        return child(
            name, [&](const auto& v) { return v.is_array() && v.size() <= count_max; },
            "missing, or no list of bearable length");
    }

    std::string where(const char* name) const { return what_ + ": " + name; }
    void wrong(const char* name, const char* why) {
        if (error_.empty()) error_ = std::string(name) + ": " + why;
    }
    Result<void> finish() const {
        if (!error_.empty()) return fail(Errc::damaged, "{}: {}", what_, error_);
        for (const auto& [name, value] : object_.items())
            if (!taken_.contains(name))
                return fail(Errc::damaged, "{}: {}: unknown member", what_, name.substr(0, 64));
        return {};
    }

private:
    void wrong(const char* why) {
        if (error_.empty()) error_ = why;
    }
    const nlohmann::json& take(const char* name) {
        taken_.insert(name);
        return object_;
    }
    template <class Test>
    const nlohmann::json& child(const char* name, Test test, const char* why) {
        static const nlohmann::json nothing;
        take(name);
        if (!has(name)) return wrong(name, why), nothing;
        const auto found = object_.find(name);
        if (!test(*found)) return wrong(name, why), nothing;
        return *found;
    }

    const nlohmann::json& object_;
    std::string what_;
    std::string error_;
    std::set<std::string> taken_;
};

}  // namespace twofold::fs

#include "base/json.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

namespace twofold {
namespace {

using nlohmann::json;

constexpr std::size_t kShownMax = 64;  // bytes of a name, in a message

// A first pass over the text that builds nothing: the parser proper keeps the last of two members
// of one name, and another reader of the same file might keep the first.
class StrictPass final : public nlohmann::json_sax<json> {
public:
    explicit StrictPass(std::size_t depth_max) : depth_max_(depth_max) {}

    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override { return enter(); }
    bool end_object() override { return leave(); }
    bool start_array(std::size_t) override { return enter(); }
    bool end_array() override { return leave(); }
    bool key(string_t& name) override {
        if (open_.back().insert(name).second) return true;
        reason_ = fmt::format("member \"{}\" twice", name.substr(0, kShownMax));
        return false;
    }
    bool parse_error(std::size_t at, const std::string&, const json::exception&) override {
        reason_ = fmt::format("not JSON at byte {}", at);
        return false;
    }
    const std::string& reason() const { return reason_; }

private:
    bool enter() {
        open_.emplace_back();
        if (open_.size() <= depth_max_) return true;
        reason_ = "nested too deeply";
        return false;
    }
    bool leave() {
        open_.pop_back();
        return true;
    }

    std::size_t depth_max_;
    std::vector<std::unordered_set<std::string>> open_;  // member names of each open object
    std::string reason_ = "not JSON";
};

}  // namespace

Result<json> parse_json(std::string_view text, std::string_view what, std::size_t depth_max) {
    // To the library's reader a NUL is the end, whatever follows.
    if (text.find('\0') != std::string_view::npos)
        return fail(Errc::damaged, "{}: not JSON: a NUL byte", what);
    StrictPass pass(depth_max);
    if (!json::sax_parse(text, &pass)) return fail(Errc::damaged, "{}: {}", what, pass.reason());
    json value = json::parse(text, nullptr, false);
    if (value.is_discarded()) return fail(Errc::damaged, "{}: not JSON", what);
    return value;
}

std::string to_text(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string to_pretty_text(const json& value) {
    return value.dump(2, ' ', false, json::error_handler_t::replace);
}

const json* json_member(const json& object, const char* name) {
    if (!object.is_object()) return nullptr;
    const auto it = object.find(name);
    return it == object.end() ? nullptr : &*it;
}

std::optional<std::string> json_text(const json& object, const char* name) {
    const json* member = json_member(object, name);
    if (member == nullptr || !member->is_string()) return {};
    return *member->get_ptr<const json::string_t*>();
}

std::optional<std::int64_t> json_integer(const json& object, const char* name) {
    const json* member = json_member(object, name);
    if (member == nullptr || !member->is_number_integer()) return {};
    if (member->is_number_unsigned() &&
        *member->get_ptr<const json::number_unsigned_t*>() >
            static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return {};
    return member->get<std::int64_t>();
}

std::optional<std::uint64_t> json_unsigned(const json& object, const char* name) {
    const json* member = json_member(object, name);
    if (member == nullptr || !member->is_number_unsigned()) return {};
    return *member->get_ptr<const json::number_unsigned_t*>();
}

std::optional<bool> json_bool(const json& object, const char* name) {
    const json* member = json_member(object, name);
    if (member == nullptr || !member->is_boolean()) return {};
    return *member->get_ptr<const json::boolean_t*>();
}

}  // namespace twofold

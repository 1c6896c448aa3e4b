#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace twofold {

// A secret and what it is.
struct NamedSecret {
    std::string name;
    std::vector<std::byte> bytes;  // 16 or more

    // Lines "NAME HEX". Errc::invalid.
    static Result<std::vector<NamedSecret>> parse(std::istream& lines);
};

// Looks for many secrets in one pass, each in every form in which it might be written down: its
// bytes, hexadecimal in both cases, and base64 in both alphabets at each of the three places in
// which it can begin.
class SecretForms {
public:
    explicit SecretForms(const std::vector<NamedSecret>& secrets);

    using Found = std::function<void(const std::string& name, const char* form, std::size_t at)>;
    void find_in(Bytes memory, const Found& found) const;

    std::size_t count() const { return patterns_.size(); }
    std::size_t longest() const { return longest_; }  // bytes: pieces of a whole overlap by these

private:
    struct Pattern {
        std::size_t secret;
        const char* form;
        std::vector<std::byte> bytes;
    };
    void add(std::size_t secret, const char* form, std::vector<std::byte> bytes);

    std::vector<std::string> names_;
    std::vector<Pattern> patterns_;
    std::vector<std::vector<std::uint32_t>> by_start_;  // patterns by their first two bytes
    std::size_t longest_ = 0;
};

}  // namespace twofold

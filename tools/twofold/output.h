#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

namespace twofold::cli {

// Standard output of the commands. Failures to write are found once, when the program ends.
void print(std::string_view text);

template <class... Args>
void say(fmt::format_string<Args...> text, Args&&... args) {
    print(fmt::format(text, std::forward<Args>(args)...) + '\n');
}

// Bytes as people write them: "10 GiB", "1.5 MiB", "512 bytes".
std::string human_size(std::uint64_t bytes);

// Columns as wide as their widest cell, two spaces between; no trailing blanks.
class Table {
public:
    explicit Table(std::vector<std::string> heads) { rows_.push_back(std::move(heads)); }
    void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    bool empty() const { return rows_.size() == 1; }
    std::string text() const;  // with a newline at the end of each line

private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace twofold::cli

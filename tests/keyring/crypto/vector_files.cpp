#include "tests/keyring/crypto/vector_files.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/hex.h"
#include "base/json.h"
#include "tests/support/matchers.h"

namespace twofold::crypto {

namespace {

std::ifstream open_fixture(const std::string& path) {
    std::ifstream file(std::string(TWOFOLD_FIXTURES "/vectors/") + path, std::ios::binary);
    TF_CHECK(file.is_open());
    return file;
}

std::string without_line_end(std::string line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    return line;
}

void add_fields(PublishedTest& test, const nlohmann::json& object) {
    for (const auto& [name, value] : object.items()) {
        if (value.is_string()) test.fields[name] = value.get<std::string>();
        if (value.is_number_unsigned())
            test.fields[name] = std::to_string(value.get<std::size_t>());
    }
}

}  // namespace

const std::string& PublishedTest::text(const std::string& name) const {
    const auto found = fields.find(name);
    TF_CHECK(found != fields.end());
    return found->second;
}

std::size_t PublishedTest::integer(const std::string& name) const { return std::stoul(text(name)); }

std::vector<std::byte> PublishedTest::bytes(const std::string& name) const {
    return must(from_hex(text(name)), name.c_str());
}

std::vector<PublishedTest> wycheproof(const std::string& name) {
    std::stringstream text;
    text << open_fixture("wycheproof/" + name + "_test.json").rdbuf();
    const auto root = must(parse_json(text.str(), name));
    std::vector<PublishedTest> tests;
    for (const auto& group : root["testGroups"]) {
        PublishedTest shared;
        add_fields(shared, group);
        for (const auto& object : group["tests"]) {
            PublishedTest test = shared;
            add_fields(test, object);
            test.number = static_cast<int>(test.integer("tcId"));
            test.result = test.text("result");
            tests.push_back(std::move(test));
        }
    }
    TF_CHECK(tests.size() == root["numberOfTests"].get<std::size_t>());
    return tests;
}

std::vector<PublishedTest> nist_rsp(const std::string& path) {
    std::ifstream file = open_fixture(path);
    std::vector<PublishedTest> tests;
    std::string section;
    for (std::string line; std::getline(file, line);) {
        line = without_line_end(line);
        if (line.starts_with("[")) section = line.substr(1, line.size() - 2);
        const std::size_t equals = line.find(" = ");
        if (line.starts_with("#") || equals == std::string::npos) continue;
        const std::string name = line.substr(0, equals), value = line.substr(equals + 3);
        if (name == "COUNT") tests.push_back({std::stoi(value), section, {}, {}});
        TF_CHECK(!tests.empty());
        tests.back().fields[name] = value;
    }
    return tests;
}

std::vector<PublishedTest> gladman(const std::string& path) {
    std::ifstream file = open_fixture(path);
    std::vector<PublishedTest> tests;
    for (std::string name, value; file >> name && name != "END";) {
        std::getline(file >> std::ws, value);
        value = without_line_end(value);
        if (name == "VEC") tests.push_back({std::stoi(value), {}, {}, {}});
        if (!tests.empty()) tests.back().fields[name] += value;
    }
    return tests;
}

std::set<int> numbers(std::initializer_list<std::pair<int, int>> ranges) {
    std::set<int> out;
    for (const auto& [first, last] : ranges)
        for (int number = first; number <= last; ++number) out.insert(number);
    return out;
}

}  // namespace twofold::crypto

#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace twofold::crypto {

// One published test: its number and its fields as text, those of its group included.
struct PublishedTest {
    int number = 0;
    std::string section;  // NIST: ENCRYPT or DECRYPT
    std::string result;   // Wycheproof: valid, invalid, acceptable
    std::map<std::string, std::string> fields;

    const std::string& text(const std::string& name) const;
    std::size_t integer(const std::string& name) const;
    std::vector<std::byte> bytes(const std::string& name) const;  // from hex
};

// Files below fixtures/vectors. Each stops the program where a file is not what it should be.
std::vector<PublishedTest> wycheproof(const std::string& name);  // "aes_gcm"
std::vector<PublishedTest> nist_rsp(const std::string& path);
std::vector<PublishedTest> gladman(const std::string& path);  // repeated fields are joined

// All numbers of these ranges, both ends included.
std::set<int> numbers(std::initializer_list<std::pair<int, int>> ranges);

}  // namespace twofold::crypto

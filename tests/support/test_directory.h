#pragma once

#include <memory>
#include <string>

#include "base/io/io.h"

namespace twofold {

// A temporary directory that is removed with everything in it when the test ends.
class TestDirectory {
public:
    TestDirectory();
    ~TestDirectory();
    TestDirectory(const TestDirectory&) = delete;
    TestDirectory& operator=(const TestDirectory&) = delete;
    const std::string& path() const { return path_; }
    std::string path(const std::string& name) const { return path_ + "/" + name; }
    io::Directory& directory() { return *directory_; }

private:
    std::string path_;
    std::unique_ptr<io::Directory> directory_;
};

}  // namespace twofold

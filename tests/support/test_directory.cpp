#include "tests/support/test_directory.h"

#include <boost/filesystem.hpp>
#include <cstdlib>

#include "tests/support/matchers.h"

namespace twofold {

TestDirectory::TestDirectory() {
    const auto path = boost::filesystem::temp_directory_path() /
                      boost::filesystem::unique_path("twofold-%%%%%%%%%%%%");
    path_ = path.string();
    directory_ = must(io::make_posix_directory(path_), "temporary directory");
}

TestDirectory::~TestDirectory() {
    boost::system::error_code ignored;
    boost::filesystem::remove_all(path_, ignored);
}

}  // namespace twofold

#include "base/io/io.h"

namespace twofold::io {

Result<std::string> Directory::read_text(const std::string& name, std::size_t size_max) {
    TF_ASSIGN(const auto bytes, read(name, size_max));
    return std::string(as_text(bytes));
}

Result<std::unique_ptr<Directory>> Directory::ensure_directory(const std::string& name) {
    if (auto made = make_directory(name); !made && made.error().code != Errc::exists)
        return fail(std::move(made).error());
    return open_directory(name);
}

}  // namespace twofold::io

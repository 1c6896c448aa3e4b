#pragma once

#include <memory>

#include "tests/support/faulty_file.h"
#include "tests/support/matchers.h"

namespace twofold::damage {

// A file through which nothing may be written: a test fails at the first try.
inline std::unique_ptr<io::File> unwritable(std::unique_ptr<io::File> file) {
    return std::make_unique<FaultyFile>(std::move(file), [](const FileCall& call) -> Result<void> {
        if (call.kind == FileCall::Kind::read || call.kind == FileCall::Kind::sync) return {};
        ADD_FAILURE() << "an image was written to at byte " << call.offset;
        return fail(Errc::io, "test: nothing may be written here");
    });
}

}  // namespace twofold::damage

#pragma once

#include <string_view>

namespace twofold {

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF. Copies
// nothing, so it may look at secrets.
bool is_utf8(std::string_view text);

}  // namespace twofold

#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace twofold::cli {

// "10G", "512M", "4096", "1.5T": bytes, K, M, G and T being powers of 1024. Errc::usage otherwise.
Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace twofold::cli

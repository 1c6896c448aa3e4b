#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "fs/disk/inspect.h"
#include "tools/twofold/layer_view.h"

// What `inspect` prints: of an image, and of a range of its bytes. Only what anybody with the file
// can see, and the views the caller could open; never a key.
namespace twofold::cli {

std::string text_of(const fs::ImageReport& report);
nlohmann::json json_of(const fs::ImageReport& report);

std::string text_of(const RangeView& range);
nlohmann::json json_of(const RangeView& range);

}  // namespace twofold::cli

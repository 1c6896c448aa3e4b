#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "keyring/cloud/data_plane.h"
#include "keyring/cloud/object_version.h"

// What the commands on keys and those on secrets have in common.
namespace twofold::cli {

// NAME=VALUE ...; "" alone clears them, as in az. Errc::usage.
Result<cloud::Tags> parse_tags(const std::vector<std::string>& texts);
// Nothing where the option is absent; an inner nothing for "none". Errc::usage.
Result<std::optional<std::optional<UnixSeconds>>> parse_date(const std::string& text);

// The vault's creator, or the identity that --as names.
Result<cloud::Caller> caller_of(const cloud::Cloud& cloud, const std::string& as);

// "enabled", "disabled", "expired", "not yet valid".
std::string state_of(const cloud::ObjectVersion& version, UnixSeconds now);
std::string date_of(const std::optional<UnixSeconds>& date);  // "-" for none

}  // namespace twofold::cli

#pragma once

#include <memory>
#include <string>

#include "base/io/io.h"
#include "keyring/cloud/cloud_clock.h"

namespace twofold::cloud {

// The reserved name of the platform's own vault, which lies in platform/ and not under vaults/.
inline constexpr std::string_view kPlatformVault = "platform";
// There is one tenant and, unless a vault says otherwise, one subscription and one region.
inline constexpr std::string_view kTenant = "7f6c8a52-0d1b-4c8e-9a57-2b1f4e6d9c30";
inline constexpr std::string_view kSubscription = "00000000-0000-0000-0000-000000000000";
inline constexpr std::string_view kLocation = "westeurope";
inline constexpr std::string_view kResourceGroup = "twofold";

// The cloud directory: the mock of everything that Azure holds.
//
//     vaults/NAME/      one vault each           platform/   the platform's own vault
//     identities/       managed identities       clock       the movable clock
//
// Nothing is kept open: each request looks again, so that a test can take the directory away. Any
// number of processes work on it at once; see KeyStore for how. Thread-safe.
class Cloud {
public:
    explicit Cloud(std::string directory) : path_(std::move(directory)), clock_(path_) {}

    const std::string& path() const { return path_; }
    const CloudClock& clock() const { return clock_; }

    // Errc::vault_unreachable where there is none: an outage of everything.
    Result<std::unique_ptr<io::Directory>> open() const;
    Result<std::unique_ptr<io::Directory>> open_or_make() const;

    // The directory of a vault by its name, in any case. Refused as VaultNotFound.
    Result<std::unique_ptr<io::Directory>> open_vault(const std::string& name) const;

private:
    std::string path_;
    CloudClock clock_;
};

// 3 to 24 letters, digits and hyphens, no two hyphens in a row. The platform's name is one, too.
bool valid_vault_name(std::string_view name);
std::string host_of_vault(std::string_view name);  // NAME.vault.azure.net
Result<std::string> random_guid();                 // version 4, RFC 9562

// A directory while it is made or removed has a name of its own, that nobody looks at; the next
// writer removes what a cut left behind. Only these names: the cloud directory may be one in which
// its user keeps hidden directories of other programs.
Result<std::string> unfinished_name();
Result<void> sweep_unfinished(io::Directory& parent);

}  // namespace twofold::cloud

#include "keyring/cloud/cloud.h"

#include <algorithm>
#include <array>

#include "base/hex.h"
#include "keyring/cloud/answer.h"
#include "keyring/cloud/permissions.h"
#include "keyring/crypto/random.h"

namespace twofold::cloud {
namespace {

constexpr std::string_view kUnfinished = ".twofold-unfinished-";

}  // namespace

Result<std::unique_ptr<io::Directory>> Cloud::open() const {
    auto directory = io::open_posix_directory(path_);
    if (directory) return directory;
    Error error = std::move(directory).error();
    if (error.code == Errc::not_found) error = {{}, path_ + ": not found", {}, 0, {}};
    error.code = Errc::vault_unreachable;
    return fail(std::move(error)
                    .in("cloud directory")
                    .advise("name the right one with --cloud or $TWOFOLD_CLOUD"));
}

Result<std::unique_ptr<io::Directory>> Cloud::open_or_make() const {
    return io::make_posix_directory(path_);
}

Result<std::unique_ptr<io::Directory>> Cloud::open_vault(const std::string& name) const {
    TF_ASSIGN(const auto root, open());
    const auto missing = [&] {
        return refuse(Answer::vault_not_found, fmt::format("vault {}: not found", name),
                      "twofold vault list shows the vaults there are");
    };
    if (!valid_vault_name(name)) return missing();
    auto directory = [&]() -> Result<std::unique_ptr<io::Directory>> {
        if (same_text(name, kPlatformVault)) return root->open_directory(lowered(name));
        TF_ASSIGN(const auto vaults, root->open_directory("vaults"));
        return vaults->open_directory(lowered(name));
    }();
    if (!directory && directory.error().code == Errc::not_found) return missing();
    return directory;
}

bool valid_vault_name(std::string_view name) {
    return name.size() >= 3 && name.size() <= 24 && name.find("--") == std::string_view::npos &&
           std::ranges::all_of(name, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '-';
           });
}

std::string host_of_vault(std::string_view name) { return fmt::format("{}.vault.azure.net", name); }

Result<std::string> random_guid() {
    std::array<std::byte, 16> bytes;
    TF_TRY(crypto::KernelRandom().fill(bytes));
    bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x40};
    bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};
    const std::string hex = to_hex(bytes);
    return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                       hex.substr(16, 4), hex.substr(20));
}

Result<std::string> unfinished_name() {
    TF_ASSIGN(const Uuid id, crypto::KernelRandom().uuid());
    return std::string(kUnfinished) + id.hex();
}

Result<void> sweep_unfinished(io::Directory& parent) {
    TF_ASSIGN(const auto entries, parent.list());
    for (const io::Entry& entry : entries)
        if (entry.is_directory && entry.name.starts_with(kUnfinished) &&
            Uuid::parse(std::string_view(entry.name).substr(kUnfinished.size())))
            TF_TRY(parent.remove_tree(entry.name));
    return {};
}

}  // namespace twofold::cloud

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/hex.h"
#include "fs/profile/profile.h"

namespace twofold::fs {

// How a layer's data key is reached: references and object ids as text, which only the keyring
// understands. The version in use is not here but in the wrapped-key record; a versionless
// reference stays as it is when that changes.
struct LayerKey {
    std::string reference;       // key identifier, versionless or full
    std::string next_reference;  // of a rotation under way or cut off; empty otherwise
    std::string identity_id;     // object id that asks the vault
    std::string identity_name;   // for people
    bool operator==(const LayerKey&) const = default;
};

struct ClusterNode {
    std::string name;
    bool operator==(const ClusterNode&) const = default;
};

struct Disk {
    std::string name;
    std::string node;
    Role role = Role::data;
    std::uint64_t size = 0;  // bytes, a multiple of the block size
    bool operator==(const Disk&) const = default;
};

// The store's deployment.json as a value. No secret; anybody who can write to the store can write
// here, so what matters is compared with the note outside the store (note.h).
struct Deployment {
    Uuid id;
    UnixSeconds created = 0;  // the vault's clock
    std::string cloud;        // absolute path of the cloud directory
    Choices choices;
    std::optional<LayerKey> layer1, layer2;
    std::string on_key_loss = "continue";
    std::vector<ClusterNode> nodes;
    std::vector<Disk> disks;
    bool operator==(const Deployment&) const = default;

    static constexpr std::size_t kTextMax = 4 << 20;  // bytes of JSON
    static constexpr std::size_t kNodesMax = 1024, kDisksMax = 4096;

    std::string to_json() const;
    // Errc::damaged beginning with `what`: anything but what to_json writes. Errc::unsupported:
    // another format number.
    static Result<Deployment> parse(std::string_view text, std::string_view what);

    const Disk* find_disk(std::string_view name) const;     // nullptr
    Result<const Disk*> disk(std::string_view name) const;  // Errc::not_found naming the disks
    Result<const ClusterNode*> node(std::string_view name) const;  // Errc::not_found
    std::vector<const Disk*> disks_of(std::string_view node) const;
};

// 1 to 64 of a-z 0-9 -; Errc::invalid naming `what` ("disk").
Result<void> check_name(std::string_view what, std::string_view name);

}  // namespace twofold::fs

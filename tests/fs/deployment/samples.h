#pragma once

#include "fs/deployment/note.h"

namespace twofold::fs {

inline Uuid sample_uuid(unsigned char fill) {
    Uuid id;
    id.bytes.fill(std::byte{fill});
    return id;
}

inline Deployment sample_deployment() {
    Deployment deployment;
    deployment.id = sample_uuid(0xd0);
    deployment.created = 1'700'000'000;
    deployment.cloud = "/cloud";
    deployment.choices = {"hdinsight", "kafka", "2.4", true, true};
    deployment.layer1 = {"https://platform.vault.azure.net/keys/pmk", "", "oid-1", "platform"};
    deployment.layer2 = {"https://contoso-kv.vault.azure.net/keys/kek",
                         "https://contoso-kv.vault.azure.net/keys/kek2", "oid-2", "msi"};
    deployment.nodes = {{"node0"}, {"node1"}};
    deployment.disks = {{"os0", "node0", Role::os, 1 << 20}, {"data0", "node0", Role::data, 4096}};
    return deployment;
}

inline TrustedLayer sample_layer(unsigned char fill, const char* identity) {
    TrustedLayer layer;
    layer.dek = {sample_uuid(fill), 1};
    layer.commitment.fill(std::byte{fill});
    layer.vaults = {"contoso-kv.vault.azure.net"};
    layer.identity = identity;
    return layer;
}

inline TrustNote sample_note() {
    TrustNote note;
    note.deployment = sample_uuid(0xd0);
    note.cloud = sample_deployment().cloud;
    note.choices = sample_deployment().choices;
    note.layer1 = sample_layer(1, "oid-1");
    note.layer2 = sample_layer(2, "oid-2");
    const KeysetNote one_layer{1, Suite::xaes_256_gcm, Suite::none, sample_uuid(1), {}, {}, {}};
    KeysetNote two_layers{
        1, Suite::aes_256_xts, Suite::xchacha20_poly1305, sample_uuid(1), sample_uuid(2), {}, {}};
    two_layers.commitment1.fill(std::byte{0x11});
    two_layers.commitment2.fill(std::byte{0x22});
    note.disks = {{"node0", "os0", Role::os, {note.deployment, sample_uuid(3), {one_layer}}},
                  {"node0", "data0", Role::data, {note.deployment, sample_uuid(4), {two_layers}}}};
    return note;
}

}  // namespace twofold::fs
